//! The signature schemes of foreign certificates: those of the filter, and ECDSA with SHA-512,
//! which `ring` does not have.

use aws_lc_rs::signature::{ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA512_ASN1, UnparsedPublicKey};

use super::names;
use crate::classical::{ClassicalKey, Curve, InvalidClassicalSignature, split_spki};
use crate::scheme::{SignatureScheme, Verification};

/// How a classical signature was made.
pub(super) enum Scheme {
    /// As the filter knows it.
    Known(SignatureScheme),
    /// ecdsa-with-SHA512 (RFC 5758, section 3.2).
    EcdsaSha512,
}

/// The kind of a key, whether it can be used or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyFamily {
    Rsa,
    Elliptic,
    Other,
}

/// Why a signature does not hold.
pub(super) enum SchemeFault {
    Key,
    Signature,
}

const ECDSA_SHA512: &[u8] = &[
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04,
];

// === impl Scheme ===

impl Scheme {
    pub(super) fn from_algorithm_identifier(identifier: &[u8]) -> Option<Self> {
        if identifier == ECDSA_SHA512 {
            return Some(Self::EcdsaSha512);
        }
        SignatureScheme::from_algorithm_identifier(identifier).map(Self::Known)
    }

    pub(super) fn family(&self) -> KeyFamily {
        match self {
            Self::EcdsaSha512 => KeyFamily::Elliptic,
            Self::Known(scheme) => match scheme.verification() {
                Verification::Rsa(_) => KeyFamily::Rsa,
                Verification::Ecdsa { .. } => KeyFamily::Elliptic,
            },
        }
    }

    pub(super) fn verify(
        &self,
        key: &ClassicalKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SchemeFault> {
        match (self, key) {
            (Self::Known(scheme), key) => {
                key.verify(*scheme, message, signature)
                    .map_err(|fault| match fault {
                        InvalidClassicalSignature::Scheme => SchemeFault::Key,
                        InvalidClassicalSignature::Wrong => SchemeFault::Signature,
                    })
            }
            (Self::EcdsaSha512, ClassicalKey::Ecdsa(key)) => {
                let algorithm = match key.curve() {
                    Curve::P256 => &ECDSA_P256_SHA512_ASN1,
                    Curve::P384 => &ECDSA_P384_SHA512_ASN1,
                };
                UnparsedPublicKey::new(algorithm, key.point())
                    .verify(message, signature)
                    .map_err(|_| SchemeFault::Signature)
            }
            (Self::EcdsaSha512, ClassicalKey::Rsa(_)) => Err(SchemeFault::Key),
        }
    }
}

// === impl KeyFamily ===

impl KeyFamily {
    /// The family of a `SubjectPublicKeyInfo`; none if that is no DER.
    pub(super) fn of(spki: &[u8]) -> Option<Self> {
        let Ok((identifier, _)) = split_spki(spki) else {
            return None;
        };
        Some(match names::object_identifier(identifier)? {
            names::RSA_ENCRYPTION | names::RSASSA_PSS => Self::Rsa,
            names::EC_PUBLIC_KEY => Self::Elliptic,
            [..] => Self::Other,
        })
    }
}
