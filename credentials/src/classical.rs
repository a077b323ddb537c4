//! Classical public keys.
//!
//! They are parsed without a cryptographic library, so that a policy is judged alike everywhere;
//! `ring` verifies, where the feature `classical` is on.

use crate::der::{self, InvalidDer};

/// An RSA public key (RFC 8017, section 3.1), 2048 to 4096 bits.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RsaKey {
    /// Big-endian, without leading zeros.
    modulus: Vec<u8>,
    /// Big-endian, without leading zeros.
    exponent: Vec<u8>,
}

/// Why bytes are not an RSA public key that counts. One variant for each rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRsaKey {
    /// The `SubjectPublicKeyInfo` is not strict DER.
    #[error("is no public key in DER: {0}")]
    Der(#[from] InvalidDer),
    /// The algorithm is not `rsaEncryption` with its NULL parameters (RFC 3279, section 2.3.1).
    #[error("is not an RSA key; only RSA keys can be pinned")]
    Algorithm,
    /// The modulus is too short to be safe, or too long to be checked on every request.
    #[error("has {0} bits; use 2048 to 4096")]
    Bits(usize),
    /// An even modulus or exponent, or an exponent below 3 or above 32 bits.
    #[error("has numbers that no RSA key has; make the key again with exponent 65537")]
    Numbers,
}

const RSA_ENCRYPTION: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
const EC_P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07,
];
const EC_P384: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04,
    0x00, 0x22,
];
const UNCOMPRESSED_POINT: u8 = 0x04;
const MINIMUM_RSA_BITS: usize = 2048;
const MAXIMUM_RSA_BITS: usize = 4096;

// === impl RsaKey ===

impl RsaKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7).
    pub(crate) fn from_spki(spki: &[u8]) -> Result<Self, InvalidRsaKey> {
        let (identifier, key) = split_spki(spki)?;
        if identifier != RSA_ENCRYPTION {
            return Err(InvalidRsaKey::Algorithm);
        }
        der::check(key)?;
        let mut reader = der::Reader::new(der::single(key, der::SEQUENCE)?.contents);
        let modulus = positive(reader.expect(der::INTEGER)?)?;
        let exponent = positive(reader.expect(der::INTEGER)?)?;
        reader.finish()?;

        let bits = bit_length(modulus);
        if !(MINIMUM_RSA_BITS..=MAXIMUM_RSA_BITS).contains(&bits) {
            return Err(InvalidRsaKey::Bits(bits));
        }
        if !is_odd(modulus) || !is_odd(exponent) || exponent.len() > 4 || exponent == [1] {
            return Err(InvalidRsaKey::Numbers);
        }
        Ok(Self {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
        })
    }

    /// The modulus, big-endian, without leading zeros.
    pub(crate) fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The public exponent, big-endian, without leading zeros.
    #[cfg(feature = "classical")]
    pub(crate) fn exponent(&self) -> &[u8] {
        &self.exponent
    }

    /// Verifies a signature over the whole message.
    #[cfg(feature = "classical")]
    pub(crate) fn verify(
        &self,
        parameters: &'static ring::signature::RsaParameters,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), crate::alternative::InvalidSignature> {
        ring::signature::RsaPublicKeyComponents {
            n: &self.modulus,
            e: &self.exponent,
        }
        .verify(parameters, message, signature)
        .map_err(|_| crate::alternative::InvalidSignature)
    }
}

/// Whether a `SubjectPublicKeyInfo` holds a key that a workload may have: RSA of 2048 to 4096
/// bits, or an uncompressed point of P-256 or P-384 (RFC 5480). TLS proves possession of it; here
/// only its strength counts.
pub(crate) fn is_workload_key(spki: &[u8]) -> bool {
    match split_spki(spki) {
        Ok((identifier, key)) if identifier == EC_P256 => is_point(key, 65),
        Ok((identifier, key)) if identifier == EC_P384 => is_point(key, 97),
        Ok(_) => RsaKey::from_spki(spki).is_ok(),
        Err(_) => false,
    }
}

/// The AlgorithmIdentifier and the bytes of the key.
fn split_spki(spki: &[u8]) -> Result<(&[u8], &[u8]), InvalidDer> {
    der::check(spki)?;
    let mut reader = der::Reader::new(der::single(spki, der::SEQUENCE)?.contents);
    let identifier = reader.expect(der::SEQUENCE)?.raw;
    let key = der::whole_bytes(reader.expect(der::BIT_STRING)?)?;
    reader.finish()?;
    Ok((identifier, key))
}

fn is_point(key: &[u8], length: usize) -> bool {
    key.len() == length && key.first() == Some(&UNCOMPRESSED_POINT)
}

/// The magnitude of an INTEGER above zero, without the byte that only keeps it positive.
fn positive(integer: der::Element<'_>) -> Result<&[u8], InvalidRsaKey> {
    match integer.contents {
        [0x00, magnitude @ ..] if !magnitude.is_empty() => Ok(magnitude),
        [0x01..=0x7f, ..] => Ok(integer.contents),
        [..] => Err(InvalidRsaKey::Numbers),
    }
}

fn bit_length(magnitude: &[u8]) -> usize {
    let unused = magnitude.first().map_or(0, |first| first.leading_zeros());
    let unused = usize::try_from(unused).unwrap_or_default();
    magnitude.len().saturating_mul(8).saturating_sub(unused)
}

fn is_odd(magnitude: &[u8]) -> bool {
    magnitude.last().is_some_and(|last| last & 1 == 1)
}
