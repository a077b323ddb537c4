//! Public keys for tools: of certificates, PEM files and JWKs.

use ring::signature::{self, UnparsedPublicKey};

use crate::alternative::{self, AlternativeKey, InvalidAlternativeKey, jose_name};
use crate::classical::{self, ClassicalKey, Curve, InvalidClassicalKey};

/// A public key that verifies signatures: RSA, ECDSA on P-256 or P-384, or ML-DSA.
pub struct PublicKey {
    pub(crate) kind: KeyKind,
    spki: Vec<u8>,
}

/// The key itself.
pub(crate) enum KeyKind {
    Classical(ClassicalKey),
    MlDsa(AlternativeKey),
}

/// Why bytes are not a public key that can be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPublicKey {
    /// Neither ML-DSA nor a classical key of the listed kinds.
    #[error("{0}")]
    Classical(#[from] InvalidClassicalKey),
    /// An ML-DSA key of another length than its algorithm's.
    #[error("{0}")]
    MlDsa(#[from] InvalidAlternativeKey),
}

/// What `ring` verifies with.
pub(crate) const MAXIMUM_RSA_BITS: usize = 8192;

// === impl PublicKey ===

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7). RSA keys of authorities that
    /// nobody pins may have up to 8192 bits; a policy's have at most 4096.
    ///
    /// # Errors
    ///
    /// When it is not strict DER, or no key of these kinds.
    pub fn from_spki(spki: &[u8]) -> Result<Self, InvalidPublicKey> {
        Self::from_spki_up_to(MAXIMUM_RSA_BITS, spki)
    }

    pub(crate) fn from_spki_up_to(rsa_bits: usize, spki: &[u8]) -> Result<Self, InvalidPublicKey> {
        let (identifier, _) = classical::split_spki(spki).map_err(InvalidClassicalKey::Der)?;
        let kind = match alternative::identified(identifier) {
            Some(algorithm) => KeyKind::MlDsa(AlternativeKey::from_spki(spki, algorithm)?),
            None => KeyKind::Classical(ClassicalKey::from_spki_up_to(rsa_bits, spki)?),
        };
        Ok(Self {
            kind,
            spki: spki.to_vec(),
        })
    }

    /// The `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Whether a signature without a named scheme holds, as envelopes of DSSE have them: RSA with
    /// SHA-256 in either padding (RFC 8017, section 8), ECDSA in DER with the hash of its curve, or
    /// ML-DSA (FIPS 204) with an empty context.
    #[must_use]
    pub fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.kind {
            KeyKind::Classical(ClassicalKey::Rsa(key)) => [
                &signature::RSA_PKCS1_2048_8192_SHA256,
                &signature::RSA_PSS_2048_8192_SHA256,
            ]
            .into_iter()
            .any(|padding| key.verify(padding, message, signature).is_ok()),
            KeyKind::Classical(ClassicalKey::Ecdsa(key)) => {
                let scheme = match key.curve() {
                    Curve::P256 => &signature::ECDSA_P256_SHA256_ASN1,
                    Curve::P384 => &signature::ECDSA_P384_SHA384_ASN1,
                };
                UnparsedPublicKey::new(scheme, key.point())
                    .verify(message, signature)
                    .is_ok()
            }
            KeyKind::MlDsa(key) => key.verify(message, signature).is_ok(),
        }
    }

    /// Its algorithm, with the size where there are several: `RSA-3072`, `P-256`, `ML-DSA-65`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.kind {
            KeyKind::Classical(ClassicalKey::Rsa(key)) => {
                format!("RSA-{}", classical::bit_length(key.modulus()))
            }
            KeyKind::Classical(ClassicalKey::Ecdsa(key)) => match key.curve() {
                Curve::P256 => "P-256".to_owned(),
                Curve::P384 => "P-384".to_owned(),
            },
            KeyKind::MlDsa(key) => jose_name(key.algorithm()).to_owned(),
        }
    }
}
