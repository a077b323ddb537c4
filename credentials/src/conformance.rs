//! Doors to the single verifiers, so that published test vectors meet exactly the code that
//! credentials meet. For tests: no part of the interface.

use sallyport_engine::policy::raw::{AlternativeAlgorithm, ClassicalTokenAlgorithm};

use crate::alternative::AlternativeKey;
use crate::classical::{ClassicalKey, RsaKey};
use crate::scheme::SignatureScheme;

/// Whether an ML-DSA signature holds, by the key of a `SubjectPublicKeyInfo`, with an empty context.
#[must_use]
pub fn verify_ml_dsa(
    algorithm: AlternativeAlgorithm,
    spki: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    AlternativeKey::from_spki(spki, algorithm)
        .is_ok_and(|key| key.verify(message, signature).is_ok())
}

/// Whether an RSA or ECDSA signature holds, by the key of a `SubjectPublicKeyInfo`, in the scheme
/// that an AlgorithmIdentifier names: the path of certificates.
#[must_use]
pub fn verify_certificate_signature(
    algorithm_identifier: &[u8],
    spki: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let scheme = SignatureScheme::from_algorithm_identifier(algorithm_identifier);
    let key = ClassicalKey::from_spki(spki);
    match (scheme, key) {
        (Some(scheme), Ok(key)) => key.verify(scheme, message, signature).is_ok(),
        (None, _) | (_, Err(_)) => false,
    }
}

/// Whether a compact JWS (RFC 7515, section 7.1) holds, by the key of a `SubjectPublicKeyInfo` and
/// one algorithm: the path of the JWT of a token, with any payload.
#[must_use]
pub fn verify_compact_jws(algorithm: ClassicalTokenAlgorithm, spki: &[u8], jws: &[u8]) -> bool {
    RsaKey::from_spki(spki)
        .is_ok_and(|key| crate::token::verify_compact(jws, &key, algorithm).is_ok())
}
