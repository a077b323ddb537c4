//! Who is who: SPIFFE identities and the assurance with which one is known.
//!
//! Input is text from certificates, tokens and policy files. A value of these types exists only
//! when the text obeyed every rule of the SPIFFE ID standard, so later code compares, never checks.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::num::NonZeroUsize;
use core::str::FromStr;

use serde::Serialize;

/// A SPIFFE ID: `spiffe://<trust domain>/<path>`, canonical, at most 2048 bytes.
///
/// Implements "The SPIFFE Identity and Verifiable Identity Document", sections 2.1 to 2.3. A path
/// is required, since an identity without one names a trust domain and not a workload.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId {
    /// Shared, since each decision names its caller.
    text: Arc<str>,
    /// Where the trust domain ends in `text`, in bytes.
    /// INVARIANT: a character boundary inside `text`, directly before a `/`.
    path_start: usize,
    /// Where the namespace ends in `text`, in bytes, if the path names a workload. Each request asks
    /// for it.
    /// INVARIANT: a character boundary behind `path_start` and [`NAMESPACE`], directly before
    /// [`SERVICE_ACCOUNT`].
    namespace_end: Option<NonZeroUsize>,
}

/// Why a text is no SPIFFE ID of a workload. One variant for each rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSpiffeId {
    /// More than [`SpiffeId::MAXIMUM_BYTES`].
    #[error("longer than 2048 bytes")]
    TooLong,
    /// The text does not start with `spiffe://`.
    #[error("does not start with `spiffe://`")]
    Scheme,
    /// The trust domain breaks a rule.
    #[error("trust domain: {0}")]
    TrustDomain(#[from] InvalidTrustDomain),
    /// There is no path, or it is only `/`.
    #[error("has no path, so it names a trust domain and no workload")]
    PathMissing,
    /// Two slashes in a row, or a slash at the end.
    #[error("has an empty path segment")]
    SegmentEmpty,
    /// A segment `.` or `..`.
    #[error("has a dot segment")]
    SegmentDots,
    /// A character other than letters, digits, `.`, `-` and `_`; query and fragment included.
    #[error("has a character that SPIFFE paths do not allow")]
    PathCharacter,
}

/// A trust domain name: lower case letters, digits, `.`, `-`, `_`; 1 to 255 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustDomain(String);

/// Why a text is no trust domain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTrustDomain {
    /// No characters at all.
    #[error("is empty")]
    Empty,
    /// More than 255 bytes.
    #[error("is longer than 255 bytes")]
    TooLong,
    /// A character other than lower case letters, digits, `.`, `-` and `_`.
    #[error("has a character other than lower case letters, digits, `.`, `-` and `_`")]
    Character,
}

/// The parts of an identity in the form that Istio gives to workloads,
/// `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload<'a> {
    /// The Kubernetes namespace.
    pub namespace: &'a str,
    /// The Kubernetes service account.
    pub service_account: &'a str,
}

/// How well the identity of a peer is known. Ordered: a higher level includes the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Assurance {
    /// No identity: the connection is not mutual TLS.
    Plaintext,
    /// A TLS identity that Envoy validated, as a plain Istio mesh has it.
    Classical,
    /// The classical **and** the ML-DSA key of one pinned authority certify the identity.
    Hybrid,
    /// `Hybrid`, and the peer proved possession of an ML-DSA key: that of its certificate, in the
    /// TLS handshake.
    HybridProven,
}

// === impl SpiffeId ===

impl SpiffeId {
    /// The longest SPIFFE ID, in bytes (SPIFFE ID standard, section 2.3).
    pub const MAXIMUM_BYTES: usize = 2048;
    const SCHEME: &'static str = "spiffe://";

    /// The whole identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the trust domain, without the scheme.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        self.text
            .get(Self::SCHEME.len()..self.path_start)
            .unwrap_or_default()
    }

    /// The path, with its leading slash.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(self.path_start..).unwrap_or_default()
    }

    /// The whole identifier, for who keeps it.
    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// Namespace and service account, if the identity has the form that Istio gives to workloads.
    #[must_use]
    pub fn workload(&self) -> Option<Workload<'_>> {
        let end = self.namespace_end?.get();
        let namespace = self.path_start.saturating_add(NAMESPACE.len());
        let service_account = end.saturating_add(SERVICE_ACCOUNT.len());
        Some(Workload {
            namespace: self.text.get(namespace..end)?,
            service_account: self.text.get(service_account..)?,
        })
    }
}

/// Where the namespace of a workload ends in a path.
fn namespace_end(path: &str) -> Option<usize> {
    let (namespace, service_account) = path.strip_prefix(NAMESPACE)?.split_once(SERVICE_ACCOUNT)?;
    let plain = |part: &str| !part.is_empty() && !part.contains('/');
    let is_workload = plain(namespace) && plain(service_account);
    is_workload.then(|| NAMESPACE.len().saturating_add(namespace.len()))
}

const NAMESPACE: &str = "/ns/";
const SERVICE_ACCOUNT: &str = "/sa/";

impl FromStr for SpiffeId {
    type Err = InvalidSpiffeId;

    fn from_str(text: &str) -> Result<Self, InvalidSpiffeId> {
        if text.len() > Self::MAXIMUM_BYTES {
            return Err(InvalidSpiffeId::TooLong);
        }
        let rest = text
            .strip_prefix(Self::SCHEME)
            .ok_or(InvalidSpiffeId::Scheme)?;
        let (trust_domain, path) = rest.split_once('/').ok_or(InvalidSpiffeId::PathMissing)?;
        check_trust_domain(trust_domain)?;
        if path.is_empty() {
            return Err(InvalidSpiffeId::PathMissing);
        }
        path.split('/').try_for_each(check_path_segment)?;
        let path_start = Self::SCHEME.len().saturating_add(trust_domain.len());
        let path = text.get(path_start..).unwrap_or_default();
        Ok(Self {
            text: text.into(),
            path_start,
            namespace_end: namespace_end(path)
                .and_then(|end| NonZeroUsize::new(path_start.saturating_add(end))),
        })
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpiffeId({})", self.text)
    }
}

impl Serialize for SpiffeId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

// === impl TrustDomain ===

impl TrustDomain {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TrustDomain {
    type Err = InvalidTrustDomain;

    fn from_str(text: &str) -> Result<Self, InvalidTrustDomain> {
        check_trust_domain(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Assurance ===

impl Assurance {
    /// The word for it in policies, records and headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Classical => "classical",
            Self::Hybrid => "hybrid",
            Self::HybridProven => "hybridProven",
        }
    }
}

impl fmt::Display for Assurance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn check_trust_domain(text: &str) -> Result<(), InvalidTrustDomain> {
    match text.len() {
        0 => Err(InvalidTrustDomain::Empty),
        1..=255 if text.bytes().all(is_trust_domain_byte) => Ok(()),
        1..=255 => Err(InvalidTrustDomain::Character),
        _ => Err(InvalidTrustDomain::TooLong),
    }
}

fn check_path_segment(segment: &str) -> Result<(), InvalidSpiffeId> {
    match segment {
        "" => Err(InvalidSpiffeId::SegmentEmpty),
        "." | ".." => Err(InvalidSpiffeId::SegmentDots),
        _ if segment.bytes().all(is_path_byte) => Ok(()),
        _ => Err(InvalidSpiffeId::PathCharacter),
    }
}

const fn is_trust_domain_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_')
}

const fn is_path_byte(byte: u8) -> bool {
    is_trust_domain_byte(byte) || byte.is_ascii_uppercase()
}

#[cfg(test)]
mod tests;
