//! Hybrid tokens: a JWT, and a detached ML-DSA signature over the whole of it.
//!
//! - `hybrid-identity-token`: a compact JWT (RFC 7519), PS256 or RS256, header members `alg`,
//!   `typ` ([`TOKEN_TYPE`]) and `kid`, nothing else.
//! - `hybrid-identity-signature`: a JWS with detached content (RFC 7515, appendix F),
//!   `header..signature`, header members `alg`, `typ` ([`SIGNATURE_TYPE`]) and `kid`. Its payload
//!   is the ASCII of the whole compact JWT, so it covers the RSA signature too.
//!
//! The authority is chosen by `iss`; both key ids must be its own, both algorithms are compared
//! with its pins. The JWT alone is valid elsewhere, so what makes a token hybrid is that both
//! halves are required here. `cnf.x5t#S256` (RFC 8705, section 3.1) binds it to one certificate.

#[cfg(feature = "classical")]
mod claims;
#[cfg(feature = "report")]
mod judge;
mod jws;
#[cfg(feature = "classical")]
mod proof;

use std::sync::Arc;

use sallyport_engine::facts::CredentialFault;
#[cfg(feature = "classical")]
use sallyport_engine::facts::{CredentialFacts, MutualTls};
#[cfg(feature = "classical")]
use sallyport_engine::headers::PresentedToken;
use sallyport_engine::headers::TokenHalves;
#[cfg(feature = "classical")]
use sallyport_engine::identity::SpiffeId;
#[cfg(feature = "classical")]
use sallyport_engine::policy::raw::ClassicalTokenAlgorithm;
#[cfg(feature = "classical")]
use sallyport_engine::replay::ProofUse;

use crate::alternative::jose_name;
use crate::authority::{AuthoritySet, TokenAuthority};
#[cfg(feature = "classical")]
use crate::classical::RsaKey;
#[cfg(feature = "report")]
pub use judge::{JudgedToken, judge};
#[cfg(feature = "classical")]
use jws::CompactJws;
use jws::HybridToken;
#[cfg(feature = "issue")]
pub(crate) use jws::{classical_name, signing_input};
#[cfg(feature = "classical")]
pub use proof::{
    IDENTITY_TYPE, MAXIMUM_COVERED_BYTES, MAXIMUM_PROOF_BYTES, MAXIMUM_PROOF_SECONDS, PROOF_TYPE,
    Proof, WorkloadIdentity, verify_identity,
};

/// The `typ` of the JWT, compared exactly.
pub const TOKEN_TYPE: &str = "hybrid-identity+jwt";
/// The `typ` of the detached JWS, compared exactly. One of its own, so that neither half can stand
/// in for the other or for a token of another kind (RFC 8725, section 3.11).
pub const SIGNATURE_TYPE: &str = "hybrid-identity-sig+jws";
/// The longest JWT, in bytes.
pub const MAXIMUM_TOKEN_BYTES: usize = 8 * 1024;
/// The longest detached JWS, in bytes. ML-DSA-87 needs about 6.3 KiB.
pub const MAXIMUM_SIGNATURE_BYTES: usize = 10 * 1024;
/// How far the clock of an authority may be ahead of ours, in seconds: a token counts that much
/// earlier than it says. Its end is never moved.
pub const CLOCK_SKEW_SECONDS: u64 = 60;
/// The longest lifetime of a token where the policy names none, in seconds.
pub const DEFAULT_MAXIMUM_LIFETIME_SECONDS: u64 = 3600;

/// Verifies a hybrid token that came over a TLS connection with this peer certificate (SHA-256 of
/// its DER).
///
/// The ML-DSA half is verified first, then the JWT, then the claims: `iss`, `sub` (a SPIFFE ID of
/// the authority's trust domain), `aud`, `iat`, `exp`, `jti` and `cnf` are required; `nbf`,
/// `model_digest` and `image_digest` are checked where present; others are ignored. No clock is
/// consulted: the facts say from when ([`CLOCK_SKEW_SECONDS`] before the later of `iat` and `nbf`)
/// until when (`exp`, exclusive) the token counts.
///
/// # Errors
///
/// - `Malformed`: too long, not the form above, not canonical base64url, not JSON objects, or a
///   member stands twice at any depth.
/// - `AlgorithmRefused`: other header members than the three, or another `alg` or `typ`.
/// - `AuthorityUnknown`: no pinned `iss`, or a `kid` that is not of that authority.
/// - `HybridSignatureInvalid`, `ClassicalSignatureInvalid`: that half does not hold.
/// - `ClaimsInvalid`, `TrustDomainForeign`, `BindingMismatch`: the claims.
#[cfg(feature = "classical")]
pub fn verify(
    authorities: &AuthoritySet,
    halves: TokenHalves<'_>,
    certificate_sha256: &[u8; 32],
) -> Result<CredentialFacts, CredentialFault> {
    let token = HybridToken::parse(halves)?;
    let authority = pinned(authorities, &token)?;
    verify_detached(authority, &token)?;
    verify_classical(authority, &token)?;
    let claims: claims::Claims = token.claims()?;
    claims.check(authority, certificate_sha256)
}

/// Verifies whatever token a request brings over this TLS connection to the workload `called`. For
/// those who keep nothing from one request to the next; whether a proof was used before is for the
/// caller to find out.
///
/// # Errors
///
/// Those of [`verify`], [`verify_identity`] and [`WorkloadIdentity::verify_proof`].
#[cfg(feature = "classical")]
pub fn verify_presented(
    authorities: &AuthoritySet,
    presented: &PresentedToken<'_>,
    tls: &MutualTls,
    called: &SpiffeId,
) -> Result<(CredentialFacts, Option<ProofUse>), CredentialFault> {
    match presented {
        PresentedToken::Hybrid(halves) => {
            verify(authorities, *halves, &tls.certificate_sha256).map(|facts| (facts, None))
        }
        PresentedToken::Proven(proven) => {
            let identity = verify_identity(authorities, proven.identity, tls)?;
            let proof = identity.verify_proof(proven, called)?;
            Ok((proof.facts, Some(proof.used)))
        }
    }
}

/// Verifies the ML-DSA half alone, and names the authority that made it.
///
/// Half a verification is no credential: this serves builds without the feature `classical`, and
/// tools that say which half fails. Claims other than `iss` are not looked at.
///
/// # Errors
///
/// Those of [`verify`](self) up to `HybridSignatureInvalid`.
pub fn verify_alternative(
    authorities: &AuthoritySet,
    halves: TokenHalves<'_>,
) -> Result<Arc<str>, CredentialFault> {
    let token = HybridToken::parse(halves)?;
    let authority = pinned(authorities, &token)?;
    verify_detached(authority, &token)?;
    Ok(Arc::clone(&authority.name))
}

/// The authority that a hybrid token names by its `iss`.
fn pinned<'a>(
    authorities: &'a AuthoritySet,
    token: &HybridToken<'_>,
) -> Result<&'a TokenAuthority, CredentialFault> {
    check_types(token, TOKEN_TYPE)?;
    let issuer = token
        .issuer
        .as_deref()
        .ok_or(CredentialFault::ClaimsInvalid)?;
    let authority = authorities
        .token_authority(issuer)
        .ok_or(CredentialFault::AuthorityUnknown)?;
    check_pins(authority, token)?;
    Ok(authority)
}

fn check_types(token: &HybridToken<'_>, typ: &str) -> Result<(), CredentialFault> {
    if token.header.typ == typ && token.signature_header.typ == SIGNATURE_TYPE {
        Ok(())
    } else {
        Err(CredentialFault::AlgorithmRefused)
    }
}

/// Key ids and algorithms are those of the authority's entry.
fn check_pins(authority: &TokenAuthority, token: &HybridToken<'_>) -> Result<(), CredentialFault> {
    if token.header.kid != authority.classical_key_id
        || token.signature_header.kid != authority.alternative_key_id
    {
        return Err(CredentialFault::AuthorityUnknown);
    }
    if token.header.alg != jws::classical_name(authority.classical_algorithm)
        || token.signature_header.alg != jose_name(authority.alternative.algorithm())
    {
        return Err(CredentialFault::AlgorithmRefused);
    }
    Ok(())
}

fn verify_detached(
    authority: &TokenAuthority,
    token: &HybridToken<'_>,
) -> Result<(), CredentialFault> {
    authority
        .alternative
        .verify(token.signing_input().as_bytes(), &token.signature)
        .map_err(|_| CredentialFault::HybridSignatureInvalid)
}

#[cfg(feature = "classical")]
fn verify_classical(
    authority: &TokenAuthority,
    token: &HybridToken<'_>,
) -> Result<(), CredentialFault> {
    let (key, algorithm) = (&authority.classical, authority.classical_algorithm);
    verify_jws(key, algorithm, &token.jwt)
}

/// Verifies the signature of a compact JWS with a pinned key (RFC 7518, sections 3.3 and 3.5). That
/// its header names this algorithm was checked before.
#[cfg(feature = "classical")]
fn verify_jws(
    key: &RsaKey,
    algorithm: ClassicalTokenAlgorithm,
    jws: &CompactJws<'_>,
) -> Result<(), CredentialFault> {
    let parameters = match algorithm {
        ClassicalTokenAlgorithm::PS256 => &ring::signature::RSA_PSS_2048_8192_SHA256,
        ClassicalTokenAlgorithm::RS256 => &ring::signature::RSA_PKCS1_2048_8192_SHA256,
    };
    key.verify(parameters, jws.signing_input.as_bytes(), &jws.signature)
        .map_err(|_| CredentialFault::ClassicalSignatureInvalid)
}

/// Verifies a compact JWS with any payload as [`verify`] does with the JWT of a token.
#[cfg(feature = "conformance")]
pub(crate) fn verify_compact(
    jws: &[u8],
    key: &RsaKey,
    algorithm: ClassicalTokenAlgorithm,
) -> Result<(), CredentialFault> {
    verify_jws(key, algorithm, &jws::check_compact(jws, algorithm)?)
}

/// A member that is present has its type: `null` is not absent.
fn present<'de, T: serde::Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
