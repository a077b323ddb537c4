//! Signatures verified by the libraries alone: the least that any verification costs.

use std::fmt::Debug;

use fips204::traits::{SerDes, Verifier};
use fips204::{ml_dsa_44, ml_dsa_65, ml_dsa_87};
use pqcrypto_dilithium::dilithium5;
use pqcrypto_traits::sign::{DetachedSignature, PublicKey};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};

use crate::case::{Alternative, Classical, Signed};

/// A post-quantum key that was read before.
pub enum AlternativeKey {
    /// ML-DSA-44.
    MlDsa44(Box<ml_dsa_44::PublicKey>),
    /// ML-DSA-65.
    MlDsa65(Box<ml_dsa_65::PublicKey>),
    /// ML-DSA-87.
    MlDsa87(Box<ml_dsa_87::PublicKey>),
    /// The code before the standard.
    Dilithium5(Box<dilithium5::PublicKey>),
}

/// Whether the classical signature holds, by `ring`.
#[must_use]
pub fn classical(signed: &Signed<Classical>) -> bool {
    let algorithm: &'static dyn VerificationAlgorithm = match signed.algorithm {
        Classical::Pkcs1 => &RSA_PKCS1_2048_8192_SHA256,
        Classical::Pss => &RSA_PSS_2048_8192_SHA256,
        Classical::P256 => &ECDSA_P256_SHA256_ASN1,
        Classical::P384 => &ECDSA_P384_SHA384_ASN1,
    };
    UnparsedPublicKey::new(algorithm, &signed.key)
        .verify(&signed.message, &signed.signature)
        .is_ok()
}

impl AlternativeKey {
    /// Reads the key.
    ///
    /// # Panics
    ///
    /// If it has another length than its algorithm's.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a tool that may stop")]
    pub fn read(signed: &Signed<Alternative>) -> Self {
        let key = signed.key.as_slice();
        match signed.algorithm {
            Alternative::MlDsa44 => Self::MlDsa44(decoded(key)),
            Alternative::MlDsa65 => Self::MlDsa65(decoded(key)),
            Alternative::MlDsa87 => Self::MlDsa87(decoded(key)),
            Alternative::Dilithium5 => {
                Self::Dilithium5(Box::new(PublicKey::from_bytes(key).unwrap()))
            }
        }
    }

    /// Whether the signature holds, by fips204 or PQClean.
    #[must_use]
    pub fn verify(&self, signed: &Signed<Alternative>) -> bool {
        let (message, signature) = (signed.message.as_slice(), signed.signature.as_slice());
        match self {
            Self::MlDsa44(key) => signature
                .try_into()
                .is_ok_and(|signature| key.verify(message, &signature, b"")),
            Self::MlDsa65(key) => signature
                .try_into()
                .is_ok_and(|signature| key.verify(message, &signature, b"")),
            Self::MlDsa87(key) => signature
                .try_into()
                .is_ok_and(|signature| key.verify(message, &signature, b"")),
            Self::Dilithium5(key) => dilithium5::DetachedSignature::from_bytes(signature)
                .is_ok_and(|signature| {
                    dilithium5::verify_detached_signature(&signature, message, key).is_ok()
                }),
        }
    }
}

#[expect(clippy::unwrap_used, reason = "a tool that may stop")]
fn decoded<'a, K: SerDes>(key: &'a [u8]) -> Box<K>
where
    K::ByteArray: TryFrom<&'a [u8], Error: Debug>,
{
    Box::new(K::try_from_bytes(key.try_into().unwrap()).unwrap())
}
