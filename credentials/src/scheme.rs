//! The signature schemes of certificates: an AlgorithmIdentifier is one of a few strings of bytes.

use ring::signature::{EcdsaVerificationAlgorithm, RsaParameters};

/// The signature schemes of certificates (RFC 4055 and RFC 5758), each with its one hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureScheme {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1Sha512,
    /// RSASSA-PSS with SHA-256 throughout and a salt of 32 bytes.
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384 throughout and a salt of 48 bytes.
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512 throughout and a salt of 64 bytes.
    RsaPssSha512,
    /// ECDSA with SHA-256.
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
}

/// What `ring` needs for a scheme. With ECDSA the curve is that of the key.
pub(crate) enum Verification {
    /// Padding, hash and sizes.
    Rsa(&'static RsaParameters),
    /// The same hash on both curves; signatures in DER.
    Ecdsa {
        p256: &'static EcdsaVerificationAlgorithm,
        p384: &'static EcdsaVerificationAlgorithm,
    },
}

// === impl SignatureScheme ===

impl SignatureScheme {
    const ALL: [Self; 8] = [
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
    ];

    /// The scheme that an AlgorithmIdentifier names in its usual encoding: parameters NULL for
    /// PKCS1-v1_5, all of them written for PSS, absent for ECDSA. Another encoding is another algorithm.
    pub(crate) fn from_algorithm_identifier(identifier: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.algorithm_identifier() == identifier)
    }

    const fn algorithm_identifier(self) -> &'static [u8] {
        match self {
            Self::RsaPkcs1Sha256 => const { &rsa_pkcs1(0x0b) },
            Self::RsaPkcs1Sha384 => const { &rsa_pkcs1(0x0c) },
            Self::RsaPkcs1Sha512 => const { &rsa_pkcs1(0x0d) },
            Self::RsaPssSha256 => const { &rsa_pss(0x01, 32) },
            Self::RsaPssSha384 => const { &rsa_pss(0x02, 48) },
            Self::RsaPssSha512 => const { &rsa_pss(0x03, 64) },
            Self::EcdsaSha256 => const { &ecdsa(0x02) },
            Self::EcdsaSha384 => const { &ecdsa(0x03) },
        }
    }

    /// What `ring` needs for it.
    pub(crate) fn verification(self) -> Verification {
        let rsa = match self {
            Self::RsaPkcs1Sha256 => &ring::signature::RSA_PKCS1_2048_8192_SHA256,
            Self::RsaPkcs1Sha384 => &ring::signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RsaPkcs1Sha512 => &ring::signature::RSA_PKCS1_2048_8192_SHA512,
            Self::RsaPssSha256 => &ring::signature::RSA_PSS_2048_8192_SHA256,
            Self::RsaPssSha384 => &ring::signature::RSA_PSS_2048_8192_SHA384,
            Self::RsaPssSha512 => &ring::signature::RSA_PSS_2048_8192_SHA512,
            Self::EcdsaSha256 => {
                return Verification::Ecdsa {
                    p256: &ring::signature::ECDSA_P256_SHA256_ASN1,
                    p384: &ring::signature::ECDSA_P384_SHA256_ASN1,
                };
            }
            Self::EcdsaSha384 => {
                return Verification::Ecdsa {
                    p256: &ring::signature::ECDSA_P256_SHA384_ASN1,
                    p384: &ring::signature::ECDSA_P384_SHA384_ASN1,
                };
            }
        };
        Verification::Rsa(rsa)
    }
}

/// sha256WithRSAEncryption and its kin, with NULL parameters (RFC 4055, section 5).
const fn rsa_pkcs1(number: u8) -> [u8; 15] {
    [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, number, 0x05, 0x00,
    ]
}

/// ecdsa-with-SHA256 and its kin, parameters absent (RFC 5758, section 3.2).
const fn ecdsa(number: u8) -> [u8; 12] {
    [
        0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, number,
    ]
}

/// id-RSASSA-PSS with one SHA-2 function for message and mask, and its salt length (RFC 4055,
/// section 3.1).
const fn rsa_pss(hash: u8, salt_bytes: u8) -> [u8; 67] {
    [
        0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x34,
        // [0] hashAlgorithm
        0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash,
        0x05, 0x00, // [1] maskGenAlgorithm: MGF1
        0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08,
        0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash, 0x05, 0x00,
        // [2] saltLength
        0xa2, 0x03, 0x02, 0x01, salt_bytes,
    ]
}
