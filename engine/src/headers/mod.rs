//! What a request's headers hold for us, read in one pass over bytes.
//!
//! Header values are bytes from the peer: nothing here assumes UTF-8, and a security header that
//! is present twice is a fault, since another reader might take the other one.

mod token;
mod xfcc;

use alloc::vec::Vec;

pub use token::{
    IDENTITY_TOKEN, PROOF, PresentedToken, ProvenToken, TOKEN, TOKEN_SIGNATURE, TokenHalves,
};
pub use xfcc::{InvalidXfcc, Xfcc};

use crate::facts::{CredentialFault, RequestFacts};
use crate::names::{InvalidPath, Method, RequestPath};
use crate::reason::DenyReason;
use token::TokenHeaders;

/// Envoy's forwarded client certificate.
pub const XFCC: &str = "x-forwarded-client-cert";
/// All headers that we write start so; clients may not send them.
pub const OWN_PREFIX: &str = "x-sallyport-";

/// The headers of a request, as far as a decision and its effects need them.
#[derive(Debug)]
pub struct RequestHead<'a> {
    method: Single<'a>,
    path: Single<'a>,
    tokens: TokenHeaders<'a>,
    xfcc: Single<'a>,
    /// Whether `xfcc` holds certificates; none without it.
    xfcc_certificates: Option<Result<bool, InvalidXfcc>>,
    is_forwarded: bool,
    is_upgrade: bool,
    /// Names of headers of ours that the client sent, or that an application may take for ours.
    spoofed: Vec<&'a [u8]>,
}

/// A header that may be present once.
#[derive(Debug, Clone, Copy, Default)]
enum Single<'a> {
    #[default]
    Absent,
    Once(&'a [u8]),
    Repeated,
}

// === impl RequestHead ===

impl<'a> RequestHead<'a> {
    /// Reads the headers. Names are lower case, as HTTP/2 has them and as proxies give them.
    pub fn read(headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut head = Self {
            method: Single::Absent,
            path: Single::Absent,
            tokens: TokenHeaders::default(),
            xfcc: Single::Absent,
            xfcc_certificates: None,
            is_forwarded: false,
            is_upgrade: false,
            spoofed: Vec::new(),
        };
        for (name, value) in headers {
            if name == b":method" {
                head.method.add(value);
            } else if name == b":path" {
                head.path.add(value);
            } else if name == XFCC.as_bytes() {
                head.xfcc.add(value);
            } else if name == b"x-forwarded-for" {
                head.is_forwarded = true;
            } else if name == b"upgrade" {
                head.is_upgrade = true;
            } else if !head.tokens.take(name, value)
                && looks_like_ours(name)
                && !head.spoofed.contains(&name)
            {
                head.spoofed.push(name);
            }
        }
        head.xfcc_certificates = head.xfcc().map(xfcc::holds_certificates);
        head
    }

    /// What the request asks for.
    ///
    /// # Errors
    /// [`DenyReason::RequestMalformed`] when method or path is absent, doubled or out of form, or the
    /// forwarded client certificate is not in Envoy's form.
    pub fn request(&self) -> Result<RequestFacts<'a>, DenyReason> {
        // An open quote in front of our proxy's own element would swallow it, for every reader.
        if matches!(self.xfcc_certificates, Some(Err(_))) {
            return Err(DenyReason::RequestMalformed);
        }
        Ok(RequestFacts {
            method: self.method()?,
            path: self.path()?,
            raw_path: self.raw_path(),
            is_upgrade: self.is_upgrade,
        })
    }

    /// Whether a proxy, or somebody who says so, forwarded the request for another client.
    #[must_use]
    pub const fn is_forwarded(&self) -> bool {
        self.is_forwarded
    }

    /// The method.
    ///
    /// # Errors
    /// [`DenyReason::RequestMalformed`] when it is absent, doubled or no method.
    pub fn method(&self) -> Result<Method<'a>, DenyReason> {
        match self.method {
            Single::Once(bytes) => Method::parse(bytes).map_err(|_| DenyReason::RequestMalformed),
            Single::Absent | Single::Repeated => Err(DenyReason::RequestMalformed),
        }
    }

    /// The path, or why it can be read in two ways.
    ///
    /// # Errors
    /// [`DenyReason::RequestMalformed`] when it is absent (as with CONNECT) or doubled.
    pub fn path(&self) -> Result<Result<RequestPath<'a>, InvalidPath>, DenyReason> {
        match self.path {
            Single::Once(bytes) => Ok(RequestPath::parse(bytes)),
            Single::Absent | Single::Repeated => Err(DenyReason::RequestMalformed),
        }
    }

    /// The bytes of the path as sent, without the query, which may hold secrets; empty when there
    /// is none.
    #[must_use]
    pub fn raw_path(&self) -> &'a [u8] {
        match self.path {
            Single::Once(bytes) => bytes.split(|byte| *byte == b'?').next().unwrap_or_default(),
            Single::Absent | Single::Repeated => b"",
        }
    }

    /// The bytes of the method as sent, for records; empty when there is none.
    #[must_use]
    pub const fn raw_method(&self) -> &'a [u8] {
        match self.method {
            Single::Once(bytes) => bytes,
            Single::Absent | Single::Repeated => b"",
        }
    }

    /// The token, if one of its headers is present.
    #[must_use]
    pub fn token(&self) -> Option<Result<PresentedToken<'a>, CredentialFault>> {
        self.tokens.presented()
    }

    /// The values that make one token differ from another; empty where there is none.
    pub(crate) fn raw_token(&self) -> [&'a [u8]; 3] {
        self.tokens.raw()
    }

    /// The forwarded client certificate header, if it is present exactly once.
    #[must_use]
    pub const fn xfcc(&self) -> Option<&'a [u8]> {
        match self.xfcc {
            Single::Once(value) => Some(value),
            Single::Absent | Single::Repeated => None,
        }
    }

    /// The headers that the application must not see: our own names when a client sent them, and
    /// credentials.
    pub fn removals(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.tokens
            .names()
            .chain(self.spoofed.iter().copied())
            .chain(matches!(self.xfcc, Single::Repeated).then_some(XFCC.as_bytes()))
    }

    /// What the application may see of the forwarded client certificate.
    #[must_use]
    pub fn forwarded_xfcc(&self) -> ForwardedXfcc {
        match (self.xfcc, self.xfcc_certificates) {
            // Of a repeated one, the removals name it.
            (Single::Absent | Single::Repeated, _) | (_, Some(Ok(false))) => ForwardedXfcc::Keep,
            (Single::Once(value), Some(Err(_))) if !xfcc::mentions_certificate(value) => {
                ForwardedXfcc::Keep
            }
            (Single::Once(value), _) => match xfcc::without_certificates(value) {
                Ok(kept) if kept.is_empty() => ForwardedXfcc::Remove,
                Ok(kept) => ForwardedXfcc::Replace(kept),
                Err(_) => ForwardedXfcc::Remove,
            },
        }
    }
}

/// What becomes of the forwarded client certificate header. Certificates in it can be 20 KB, more
/// than many applications accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardedXfcc {
    /// It stays as it is.
    Keep,
    /// The value without certificates.
    Replace(Vec<u8>),
    /// It holds nothing else, or cannot be read.
    Remove,
}

/// Headers of ours, and names that CGI and WSGI applications cannot tell from ours or from those of
/// credentials, since they read `_` as `-`.
fn looks_like_ours(name: &[u8]) -> bool {
    let is_same = |(byte, ours): (&u8, u8)| *byte == ours || (*byte == b'_' && ours == b'-');
    let starts_with =
        |ours: &str| name.len() >= ours.len() && name.iter().zip(ours.bytes()).all(is_same);
    let is_alias = |ours: &str| name.len() == ours.len() && starts_with(ours);
    starts_with(OWN_PREFIX) || token::CREDENTIALS.into_iter().any(is_alias)
}

// === impl Single ===

impl<'a> Single<'a> {
    const fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }
}

#[cfg(test)]
mod tests;
