//! `ring` behind `jsonwebtoken`: it verifies PS256 and RS256, and nothing else.
//!
//! `jsonwebtoken` finds its cryptography in one variable of the process, which it fills with a
//! panicking one at the first use if nobody did before. So [`verify`] installs ours first, and
//! refuses to go on when another one was there. No function here panics.

use std::sync::OnceLock;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{EllipticCurve, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey, Validation};
use jsonwebtoken::{decode, signature};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
};
use sallyport_engine::facts::CredentialFault;
use sallyport_engine::policy::raw::ClassicalTokenAlgorithm;
use serde::de::IgnoredAny;

use crate::classical::RsaKey;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: refuse_signer,
    verifier_factory: make_verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: refuse_rsa,
        rsa_pub_components_from_public_key: refuse_rsa,
        ec_pub_components_from_private_key: refuse_ec,
        ed_pub_components_from_private_key: refuse_ed,
        compute_digest: refuse_digest,
    },
};

/// Whether ours is the process's provider. The library does not tell whose is installed, only
/// whether installing succeeded, so that one answer is kept.
static INSTALLED: OnceLock<bool> = OnceLock::new();

/// Verifies a compact JWT with a pinned key and reads its claims. Its form was checked before;
/// times and audience are checked after.
pub(crate) fn verify(
    jwt: &str,
    key: &RsaKey,
    algorithm: ClassicalTokenAlgorithm,
) -> Result<(), CredentialFault> {
    if !*INSTALLED.get_or_init(|| PROVIDER.install_default().is_ok()) {
        return Err(CredentialFault::ClassicalSignatureInvalid);
    }
    let mut validation = Validation::new(library_algorithm(algorithm));
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_rsa_raw_components(key.modulus(), key.exponent());
    match decode::<IgnoredAny>(jwt, &key, &validation) {
        Ok(_) => Ok(()),
        // The header was read before, so JSON that does not fit is that of the claims, and those
        // are read only after the signature held.
        Err(error) if matches!(error.kind(), ErrorKind::Json(_)) => {
            Err(CredentialFault::ClaimsInvalid)
        }
        Err(_) => Err(CredentialFault::ClassicalSignatureInvalid),
    }
}

const fn library_algorithm(algorithm: ClassicalTokenAlgorithm) -> Algorithm {
    match algorithm {
        ClassicalTokenAlgorithm::PS256 => Algorithm::PS256,
        ClassicalTokenAlgorithm::RS256 => Algorithm::RS256,
    }
}

/// Verifies with one RSA key and one algorithm.
struct RsaVerifier {
    algorithm: Algorithm,
    parameters: &'static RsaParameters,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

// === impl RsaVerifier ===

impl signature::Verifier<Vec<u8>> for RsaVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        RsaPublicKeyComponents {
            n: &self.modulus,
            e: &self.exponent,
        }
        .verify(self.parameters, message, signature)
        .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RsaVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn make_verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let parameters = if *algorithm == Algorithm::PS256 {
        &RSA_PSS_2048_8192_SHA256
    } else if *algorithm == Algorithm::RS256 {
        &RSA_PKCS1_2048_8192_SHA256
    } else {
        return Err(ErrorKind::InvalidAlgorithm.into());
    };
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } => Ok(Box::new(RsaVerifier {
            algorithm: *algorithm,
            parameters,
            modulus: n.clone(),
            exponent: e.clone(),
        })),
        DecodingKeyKind::SecretOrDer(_) => Err(ErrorKind::InvalidKeyFormat.into()),
    }
}

fn refuse_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(refusal())
}

fn refuse_rsa(_: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
    Err(refusal())
}

fn refuse_ec(_: &[u8], _: Algorithm) -> Result<(EllipticCurve, Vec<u8>, Vec<u8>), Error> {
    Err(refusal())
}

fn refuse_ed(_: &[u8], _: &EllipticCurve) -> Result<Vec<u8>, Error> {
    Err(refusal())
}

fn refuse_digest(_: &[u8], _: ThumbprintHash) -> Result<Vec<u8>, Error> {
    Err(refusal())
}

fn refusal() -> Error {
    ErrorKind::UnsupportedAlgorithm.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_every_other_use_without_a_panic() {
        let secret = EncodingKey::from_secret(b"secret");
        assert!((PROVIDER.signer_factory)(&Algorithm::HS256, &secret).is_err());
        let utils = &PROVIDER.key_utils;
        assert!((utils.rsa_pub_components_from_private_key)(b"").is_err());
        assert!((utils.rsa_pub_components_from_public_key)(b"").is_err());
        assert!((utils.ec_pub_components_from_private_key)(b"", Algorithm::ES256).is_err());
        assert!((utils.ed_pub_components_from_private_key)(b"", &EllipticCurve::Ed25519).is_err());
        assert!((utils.compute_digest)(b"", ThumbprintHash::SHA256).is_err());
    }

    #[test]
    fn verifies_rsa_components_with_two_algorithms_only() {
        let rsa = DecodingKey::from_rsa_raw_components(&[1], &[3]);
        let secret = DecodingKey::from_secret(b"secret");
        assert!(make_verifier(&Algorithm::PS256, &rsa).is_ok());
        assert!(make_verifier(&Algorithm::RS256, &rsa).is_ok());
        assert!(make_verifier(&Algorithm::RS256, &secret).is_err());
        for algorithm in [
            Algorithm::HS256,
            Algorithm::HS384,
            Algorithm::HS512,
            Algorithm::ES256,
            Algorithm::ES384,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS384,
            Algorithm::PS512,
            Algorithm::EdDSA,
        ] {
            assert!(make_verifier(&algorithm, &rsa).is_err(), "{algorithm:?}");
        }
    }
}
