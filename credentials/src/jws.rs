//! Any compact JWS (RFC 7515), attached or detached: ML-DSA as RFC 9964 has it, and the algorithms
//! of RFC 7518 that `ring` has.
//!
//! Judges the signature and nothing else: no claim, no time, no audience. The algorithm is that of
//! the key; what the header says is compared with it. Credentials of requests are read elsewhere,
//! with fewer algorithms and members.

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::signature::{self, RsaParameters, UnparsedPublicKey};
use serde_json::{Map, Value};

use crate::alternative::jose_name;
use crate::classical::{ClassicalKey, Curve};
use crate::json::check_object;
use crate::jwk::Jwk;
use crate::public_key::{KeyKind, PublicKey};

/// A JWS whose form is right. Nothing of it is verified.
pub struct Jws<'a> {
    encoded_header: &'a str,
    encoded_payload: &'a str,
    signature: Vec<u8>,
    algorithm: String,
    kid: Option<String>,
}

/// Why bytes are not a JWS that can be judged. One variant for each rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJws {
    /// More than [`MAXIMUM_BYTES`].
    #[error("is longer than 1 MiB")]
    TooLong,
    /// Not three parts (RFC 7515, section 7.1) of canonical base64url without padding.
    #[error("is not `header.payload.signature` in base64url without padding")]
    Form,
    /// The header is not one JSON object whose members are unique.
    #[error("has a header that is not one JSON object whose members are unique")]
    Header,
    /// No `alg`, or one that is no text; a `kid` that is no text.
    #[error("has a header without `alg`, or with an `alg` or `kid` that is no text")]
    Algorithm,
    /// `crit` (RFC 7515, section 4.1.11): nothing here knows an extension.
    #[error("has `crit` in its header, and no extension is known here")]
    Critical,
    /// `b64` other than true (RFC 7797).
    #[error("has `b64` other than true in its header, which is not read here")]
    Unencoded,
    /// No payload inside, and none given.
    #[error("has no payload inside (detached); give the payload")]
    PayloadMissing,
    /// A payload inside, and one given.
    #[error("has a payload inside; do not give another one")]
    PayloadTwice,
}

/// What can be said about a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsFault {
    /// `alg` is not the one of the key.
    #[error("`alg` of the header is not an algorithm of the key")]
    Algorithm,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
}

/// The longest JWS, in bytes.
pub const MAXIMUM_BYTES: usize = 1024 * 1024;

/// What an RSA key may be used with, separated by spaces (RFC 7518, section 3.1).
pub(crate) const RSA_ALGORITHMS: &str = "RS256 RS384 RS512 PS256 PS384 PS512";

// === impl Jws ===

impl<'a> Jws<'a> {
    /// Splits a compact JWS and reads its header. White space around it does not count.
    ///
    /// # Errors
    ///
    /// [`InvalidJws`] for anything that changes what is signed, or is not of this form.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, InvalidJws> {
        if bytes.len() > MAXIMUM_BYTES {
            return Err(InvalidJws::TooLong);
        }
        let text = str::from_utf8(bytes.trim_ascii()).map_err(|_| InvalidJws::Form)?;
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidJws::Form);
        };
        let signature = decode(signature)?;
        let header_bytes = decode(header)?;
        decode(payload)?;
        check_object(&header_bytes).map_err(|_| InvalidJws::Header)?;
        let members: Map<String, Value> =
            serde_json::from_slice(&header_bytes).map_err(|_| InvalidJws::Header)?;
        if members.contains_key("crit") {
            return Err(InvalidJws::Critical);
        }
        if !matches!(members.get("b64"), None | Some(Value::Bool(true))) {
            return Err(InvalidJws::Unencoded);
        }
        let text_of = |name| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(InvalidJws::Algorithm),
        };
        Ok(Self {
            encoded_header: header,
            encoded_payload: payload,
            signature,
            algorithm: text_of("alg")?.ok_or(InvalidJws::Algorithm)?,
            kid: text_of("kid")?,
        })
    }

    /// The `alg` of its header.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The `kid` of its header.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Puts in the payload of a detached JWS (RFC 7515, appendix F).
    ///
    /// # Errors
    ///
    /// When there is no payload, or there are two.
    pub fn signed_text(&self, detached: Option<&[u8]>) -> Result<SignedText<'_>, InvalidJws> {
        let payload = match (self.encoded_payload, detached) {
            ("", None) => return Err(InvalidJws::PayloadMissing),
            ("", Some(payload)) => Base64UrlUnpadded::encode_string(payload),
            (attached, None) => attached.to_owned(),
            (_, Some(_)) => return Err(InvalidJws::PayloadTwice),
        };
        Ok(SignedText {
            jws: self,
            input: format!("{}.{payload}", self.encoded_header),
        })
    }
}

/// A JWS together with its payload.
pub struct SignedText<'a> {
    jws: &'a Jws<'a>,
    input: String,
}

// === impl SignedText ===

impl SignedText<'_> {
    /// Verifies the signature with one key (RFC 7515, section 5.2). `alg` of the header must be
    /// the `alg` of the key, or where the key names none, one of its algorithms.
    ///
    /// # Errors
    ///
    /// [`JwsFault`].
    pub fn verify(&self, key: &Jwk) -> Result<(), JwsFault> {
        let algorithm = self.jws.algorithm.as_str();
        if key.algorithm().is_some_and(|pinned| pinned != algorithm) {
            return Err(JwsFault::Algorithm);
        }
        verify(
            key.key(),
            algorithm,
            self.input.as_bytes(),
            &self.jws.signature,
        )
    }
}

fn verify(
    key: &PublicKey,
    algorithm: &str,
    message: &[u8],
    signature: &[u8],
) -> Result<(), JwsFault> {
    let holds = match &key.kind {
        KeyKind::MlDsa(key) if jose_name(key.algorithm()) == algorithm => {
            key.verify(message, signature).is_ok()
        }
        KeyKind::Classical(ClassicalKey::Rsa(key)) => {
            let parameters = rsa_parameters(algorithm).ok_or(JwsFault::Algorithm)?;
            key.verify(parameters, message, signature).is_ok()
        }
        KeyKind::Classical(ClassicalKey::Ecdsa(key)) => {
            let scheme = match (key.curve(), algorithm) {
                (Curve::P256, "ES256") => &signature::ECDSA_P256_SHA256_FIXED,
                (Curve::P384, "ES384") => &signature::ECDSA_P384_SHA384_FIXED,
                (Curve::P256 | Curve::P384, _) => return Err(JwsFault::Algorithm),
            };
            UnparsedPublicKey::new(scheme, key.point())
                .verify(message, signature)
                .is_ok()
        }
        KeyKind::MlDsa(_) => return Err(JwsFault::Algorithm),
    };
    if holds {
        Ok(())
    } else {
        Err(JwsFault::Signature)
    }
}

/// RFC 7518, sections 3.3 and 3.5.
fn rsa_parameters(algorithm: &str) -> Option<&'static RsaParameters> {
    match algorithm {
        "RS256" => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        "PS256" => Some(&signature::RSA_PSS_2048_8192_SHA256),
        "PS384" => Some(&signature::RSA_PSS_2048_8192_SHA384),
        "PS512" => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

fn decode(part: &str) -> Result<Vec<u8>, InvalidJws> {
    Base64UrlUnpadded::decode_vec(part).map_err(|_| InvalidJws::Form)
}

#[cfg(test)]
#[cfg(feature = "issue")]
mod tests;
