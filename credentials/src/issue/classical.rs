//! The classical keys that sign certificates: RSA, or ECDSA on P-256 or P-384.

use rcgen::{KeyPair, PublicKeyData, SignatureAlgorithm};
use zeroize::Zeroizing;

use super::rsa::{PRIVATE_KEY, RsaSigner};
use super::{AuthorityKey, IssueError, PrivateKeyPem, RsaBits, encode_pem};

/// A private key that signs certificates, with the hash that is usual for it.
pub(super) struct CertificateSigner {
    pkcs8: Zeroizing<Vec<u8>>,
    key: KeyPair,
}

/// PKCS1-v1_5 with SHA-256; ECDSA with the hash of the curve's size.
const ALGORITHMS: [&SignatureAlgorithm; 3] = [
    &rcgen::PKCS_RSA_SHA256,
    &rcgen::PKCS_ECDSA_P256_SHA256,
    &rcgen::PKCS_ECDSA_P384_SHA384,
];

// === impl CertificateSigner ===

impl CertificateSigner {
    /// A new key; the bits count for RSA only.
    pub(super) fn generate(kind: AuthorityKey, bits: RsaBits) -> Result<Self, IssueError> {
        let key = match kind {
            AuthorityKey::Rsa => RsaSigner::generate(bits)?.into_certificate_key(),
            AuthorityKey::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?,
            AuthorityKey::EcdsaP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)?,
        };
        Ok(Self {
            pkcs8: Zeroizing::new(key.serialized_der().to_vec()),
            key,
        })
    }

    /// Reads PKCS #8. Its algorithm is the one of the list that can read it.
    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, IssueError> {
        for algorithm in ALGORITHMS {
            if let Ok(key) = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8.into(), algorithm) {
                return Ok(Self {
                    pkcs8: Zeroizing::new(pkcs8.to_vec()),
                    key,
                });
            }
        }
        Err(IssueError::Signing)
    }

    pub(super) const fn key(&self) -> &KeyPair {
        &self.key
    }

    /// The `SubjectPublicKeyInfo`.
    pub(super) fn public_key_spki(&self) -> Vec<u8> {
        self.key.subject_public_key_info()
    }

    pub(super) fn private_key_pem(&self) -> Result<PrivateKeyPem, IssueError> {
        encode_pem(PRIVATE_KEY, &self.pkcs8).map(PrivateKeyPem::new)
    }
}
