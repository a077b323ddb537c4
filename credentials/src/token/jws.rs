//! The form of the two halves of a token, checked on the raw bytes before any library reads them.

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_engine::facts::CredentialFault;
use sallyport_engine::headers::TokenHalves;
use sallyport_engine::policy::raw::ClassicalTokenAlgorithm;
use serde::Deserialize;

use super::{MAXIMUM_SIGNATURE_BYTES, MAXIMUM_TOKEN_BYTES};
use crate::json::check_object;

/// A token whose form is right. Nothing of it is verified.
pub(super) struct HybridToken<'a> {
    /// The whole compact JWT.
    pub(super) jwt: &'a str,
    /// What the JWT says, unread but for `issuer`.
    payload: Vec<u8>,
    /// The header of the JWT.
    pub(super) header: Header,
    /// The `iss` claim, if there is one.
    pub(super) issuer: Option<String>,
    /// The header of the detached JWS.
    pub(super) signature_header: Header,
    /// The bytes of the ML-DSA signature.
    pub(super) signature: Vec<u8>,
    /// The header of the detached JWS as it is signed.
    encoded_signature_header: &'a str,
}

/// A JOSE header: exactly these members (RFC 7515, section 4.1). Keys in or behind a header
/// (`jwk`, `jku`, `x5c`, `x5u`) are no keys of ours, and `crit`, `b64` and `zip` change what is
/// signed, so any other member is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) typ: String,
    pub(super) kid: String,
}

/// The one claim that is read before the signatures: it leads to the authority.
#[derive(Deserialize)]
struct Issuer {
    #[serde(default, deserialize_with = "super::present")]
    iss: Option<String>,
}

// === impl HybridToken ===

impl<'a> HybridToken<'a> {
    /// Splits and decodes both halves.
    pub(super) fn parse(halves: TokenHalves<'a>) -> Result<Self, CredentialFault> {
        let jwt = ascii(halves.token, MAXIMUM_TOKEN_BYTES)?;
        let detached = ascii(halves.signature, MAXIMUM_SIGNATURE_BYTES)?;

        let (header, payload) = split_compact(jwt)?;
        check_object(&payload).map_err(|_| CredentialFault::Malformed)?;
        let issuer: Issuer =
            serde_json::from_slice(&payload).map_err(|_| CredentialFault::ClaimsInvalid)?;

        let (encoded_signature_header, encoded_signature) = detached
            .split_once("..")
            .ok_or(CredentialFault::Malformed)?;
        Ok(Self {
            jwt,
            payload,
            header: parse_header(header)?,
            issuer: issuer.iss,
            signature_header: parse_header(encoded_signature_header)?,
            signature: decode(encoded_signature)?,
            encoded_signature_header,
        })
    }

    /// The claims. Only for a token whose signatures hold.
    #[cfg(feature = "classical")]
    pub(super) fn claims<T: serde::de::DeserializeOwned>(&self) -> Result<T, CredentialFault> {
        serde_json::from_slice(&self.payload).map_err(|_| CredentialFault::ClaimsInvalid)
    }

    /// What the ML-DSA signature covers (RFC 7515, section 5.2), with the whole compact JWT as
    /// payload.
    pub(super) fn signing_input(&self) -> String {
        signing_input(self.encoded_signature_header, self.jwt)
    }
}

/// The JWS signing input for a detached signature over a compact JWT.
pub(crate) fn signing_input(encoded_header: &str, jwt: &str) -> String {
    let payload = Base64UrlUnpadded::encode_string(jwt.as_bytes());
    format!("{encoded_header}.{payload}")
}

/// The encoded header and the payload of a compact JWS (RFC 7515, section 7.1).
pub(super) fn split_compact(jws: &str) -> Result<(&str, Vec<u8>), CredentialFault> {
    let mut parts = jws.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(CredentialFault::Malformed);
    };
    // Only its form counts here; the library decodes it again.
    decode(signature)?;
    Ok((header, decode(payload)?))
}

/// The text of a compact JWS with any payload, if its form and its header are ones that a token
/// may have. For published vectors, whose headers and payloads are not those of tokens.
#[cfg(feature = "conformance")]
pub(super) fn check_compact(jws: &[u8]) -> Result<&str, CredentialFault> {
    let jws = ascii(jws, MAXIMUM_TOKEN_BYTES)?;
    let (header, _) = split_compact(jws)?;
    check_object(&decode(header)?).map_err(|_| CredentialFault::Malformed)?;
    Ok(jws)
}

/// The name of an algorithm in `alg` (RFC 7518, section 3.1).
pub(crate) const fn classical_name(algorithm: ClassicalTokenAlgorithm) -> &'static str {
    match algorithm {
        ClassicalTokenAlgorithm::PS256 => "PS256",
        ClassicalTokenAlgorithm::RS256 => "RS256",
    }
}

pub(super) fn ascii(bytes: &[u8], maximum: usize) -> Result<&str, CredentialFault> {
    if bytes.len() > maximum || !bytes.is_ascii() {
        return Err(CredentialFault::Malformed);
    }
    str::from_utf8(bytes).map_err(|_| CredentialFault::Malformed)
}

/// Base64url without padding, white space, or bits that do not count (RFC 7515, section 2).
pub(super) fn decode(part: &str) -> Result<Vec<u8>, CredentialFault> {
    if part.is_empty() {
        return Err(CredentialFault::Malformed);
    }
    Base64UrlUnpadded::decode_vec(part).map_err(|_| CredentialFault::Malformed)
}

fn parse_header(part: &str) -> Result<Header, CredentialFault> {
    let bytes = decode(part)?;
    check_object(&bytes).map_err(|_| CredentialFault::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| CredentialFault::AlgorithmRefused)
}

#[cfg(test)]
mod tests;
