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
    text: &'a str,
    /// The JWT in its parts. What it says is unread but for `issuer`.
    pub(super) jwt: CompactJws<'a>,
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

/// A compact JWS (RFC 7515, section 7.1) in its parts.
pub(super) struct CompactJws<'a> {
    /// The header as it is signed.
    pub(super) encoded_header: &'a str,
    /// What it says.
    pub(super) payload: Vec<u8>,
    /// What the signature covers (section 5.2).
    #[cfg_attr(
        not(feature = "classical"),
        expect(dead_code, reason = "a half of its own")
    )]
    pub(super) signing_input: &'a str,
    /// The bytes of the signature.
    #[cfg_attr(
        not(feature = "classical"),
        expect(dead_code, reason = "a half of its own")
    )]
    pub(super) signature: Vec<u8>,
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
        let text = ascii(halves.token, MAXIMUM_TOKEN_BYTES)?;
        let detached = ascii(halves.signature, MAXIMUM_SIGNATURE_BYTES)?;

        let jwt = CompactJws::parse(text)?;
        check_object(&jwt.payload).map_err(|_| CredentialFault::Malformed)?;
        let issuer: Issuer =
            serde_json::from_slice(&jwt.payload).map_err(|_| CredentialFault::ClaimsInvalid)?;

        let (encoded_signature_header, encoded_signature) = detached
            .split_once("..")
            .ok_or(CredentialFault::Malformed)?;
        Ok(Self {
            text,
            header: parse_header(jwt.encoded_header)?,
            jwt,
            issuer: issuer.iss,
            signature_header: parse_header(encoded_signature_header)?,
            signature: decode(encoded_signature)?,
            encoded_signature_header,
        })
    }

    /// The claims. Only for a token whose signatures hold.
    #[cfg(feature = "classical")]
    pub(super) fn claims<T: serde::de::DeserializeOwned>(&self) -> Result<T, CredentialFault> {
        serde_json::from_slice(&self.jwt.payload).map_err(|_| CredentialFault::ClaimsInvalid)
    }

    /// What the ML-DSA signature covers (RFC 7515, section 5.2), with the whole compact JWT as
    /// payload.
    pub(super) fn signing_input(&self) -> String {
        signing_input(self.encoded_signature_header, self.text)
    }
}

// === impl CompactJws ===

impl<'a> CompactJws<'a> {
    /// Splits and decodes it. Its header is left as it is.
    pub(super) fn parse(jws: &'a str) -> Result<Self, CredentialFault> {
        let (signing_input, signature) = jws.rsplit_once('.').ok_or(CredentialFault::Malformed)?;
        let (encoded_header, payload) = signing_input
            .split_once('.')
            .ok_or(CredentialFault::Malformed)?;
        // A further part is no base64url, and so refused.
        Ok(Self {
            encoded_header,
            payload: decode(payload)?,
            signing_input,
            signature: decode(signature)?,
        })
    }
}

/// The JWS signing input for a detached signature over a compact JWT.
pub(crate) fn signing_input(encoded_header: &str, jwt: &str) -> String {
    let payload = Base64UrlUnpadded::encode_string(jwt.as_bytes());
    format!("{encoded_header}.{payload}")
}

/// A compact JWS with any payload, if its form and its header are ones that a token may have. For
/// published vectors, whose headers and payloads are not those of tokens.
#[cfg(feature = "conformance")]
pub(super) fn check_compact(
    jws: &[u8],
    algorithm: ClassicalTokenAlgorithm,
) -> Result<CompactJws<'_>, CredentialFault> {
    #[derive(Deserialize)]
    struct Algorithm {
        alg: String,
    }
    let jws = CompactJws::parse(ascii(jws, MAXIMUM_TOKEN_BYTES)?)?;
    let header = decode(jws.encoded_header)?;
    check_object(&header).map_err(|_| CredentialFault::Malformed)?;
    match serde_json::from_slice(&header) {
        Ok(Algorithm { alg }) if alg == classical_name(algorithm) => Ok(jws),
        Ok(_) | Err(_) => Err(CredentialFault::AlgorithmRefused),
    }
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
