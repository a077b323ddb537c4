//! The keys that certificates are issued for.

use rcgen::KeyPair;
use sallyport_engine::policy::raw::AlternativeAlgorithm;

use super::alternative::MlDsaSigner;
use super::rsa::{PRIVATE_KEY, RsaSigner};
use super::{IssueError, LeafKey, PrivateKeyPem, RsaBits, encode_pem};

/// The key of a certificate's subject.
pub(super) enum SubjectKey<'a> {
    /// RSA or ECDSA.
    Classical(&'a KeyPair),
    /// ML-DSA, with a key that stands in for it until the certificate is signed.
    MlDsa {
        signer: &'a MlDsaSigner,
        stand_in: &'a KeyPair,
    },
}

/// A new key of a leaf.
pub(super) enum NewKey {
    /// RSA or ECDSA.
    Classical(KeyPair),
    /// ML-DSA, with a key that nobody uses after the leaf was issued.
    MlDsa {
        signer: MlDsaSigner,
        stand_in: KeyPair,
    },
}

// === impl NewKey ===

impl NewKey {
    pub(super) fn generate(kind: LeafKey) -> Result<Self, IssueError> {
        let ml_dsa = |algorithm| {
            Ok(Self::MlDsa {
                signer: MlDsaSigner::generate(algorithm)?,
                stand_in: KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?,
            })
        };
        let rsa = |bits| RsaSigner::generate(bits).map(RsaSigner::into_certificate_key);
        let classical = match kind {
            LeafKey::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?,
            LeafKey::EcdsaP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)?,
            LeafKey::Rsa2048 => rsa(RsaBits::Bits2048)?,
            LeafKey::Rsa3072 => rsa(RsaBits::Bits3072)?,
            LeafKey::Rsa4096 => rsa(RsaBits::Bits4096)?,
            LeafKey::MlDsa44 => return ml_dsa(AlternativeAlgorithm::MlDsa44),
            LeafKey::MlDsa65 => return ml_dsa(AlternativeAlgorithm::MlDsa65),
            LeafKey::MlDsa87 => return ml_dsa(AlternativeAlgorithm::MlDsa87),
        };
        Ok(Self::Classical(classical))
    }

    pub(super) const fn subject(&self) -> SubjectKey<'_> {
        match self {
            Self::Classical(key) => SubjectKey::Classical(key),
            Self::MlDsa { signer, stand_in } => SubjectKey::MlDsa { signer, stand_in },
        }
    }

    /// PKCS #8; of ML-DSA with the seed alone.
    pub(super) fn private_key_pem(&self) -> Result<PrivateKeyPem, IssueError> {
        match self {
            Self::Classical(key) => {
                encode_pem(PRIVATE_KEY, key.serialized_der()).map(PrivateKeyPem::new)
            }
            Self::MlDsa { signer, .. } => signer.private_key_pem(),
        }
    }
}
