//! Classical public keys.
//!
//! They are parsed without a cryptographic library, so that a policy is judged alike everywhere;
//! `ring` verifies, where the feature `classical` is on.

use sallyport_engine::policy::raw::AlternativeAlgorithm;

use crate::alternative::{self, AlternativeKey, InvalidAlternativeKey};
use crate::der::{self, InvalidDer};

/// The classical key of an authority for certificates.
///
/// Whoever has an ECDSA certificate can change its signature into another valid one (`s` into
/// `n - s`) without any key, so the digest of a certificate is no name of its contents.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum ClassicalKey {
    /// RSA, 2048 to 4096 bits.
    Rsa(RsaKey),
    /// ECDSA (FIPS 186-5, section 6).
    Ecdsa(EcdsaKey),
}

/// A public key for ECDSA (RFC 5480, section 2): an uncompressed point.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct EcdsaKey {
    curve: Curve,
    /// `04`, then both coordinates. Whether it is on the curve is checked with each signature, so
    /// with another point none holds.
    point: Vec<u8>,
}

/// The curves of NIST that certificates may use (SP 800-186, sections 3.2.1.3 and 3.2.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
}

/// The kinds of key that a workload may have in its certificate. TLS proves possession of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkloadKey {
    /// RSA or ECDSA.
    Classical,
    /// ML-DSA (RFC 9881, section 4).
    MlDsa(AlternativeAlgorithm),
}

/// Why a workload may not have a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidWorkloadKey {
    /// Neither ML-DSA nor a classical key that counts.
    #[error("{0}")]
    Classical(#[from] InvalidClassicalKey),
    /// An ML-DSA key of another length than its algorithm's.
    #[error("{0}")]
    MlDsa(#[from] InvalidAlternativeKey),
}

/// An RSA public key (RFC 8017, section 3.1), 2048 to 4096 bits.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RsaKey {
    /// Big-endian, without leading zeros.
    modulus: Vec<u8>,
    /// Big-endian, without leading zeros.
    exponent: Vec<u8>,
}

/// Why bytes are not a classical public key that counts. One variant for each rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidClassicalKey {
    /// The `SubjectPublicKeyInfo` is not strict DER.
    #[error("is no public key in DER: {0}")]
    Der(#[from] InvalidDer),
    /// Neither `rsaEncryption` with its NULL parameters (RFC 3279, section 2.3.1), nor
    /// `id-ecPublicKey` with one of the two curves by name (RFC 5480, section 2.1.1).
    #[error("is of another algorithm than RSA and ECDSA on P-256 or P-384; use one of these")]
    Algorithm,
    /// A key of another algorithm where only RSA is possible.
    #[error("is not an RSA key; the JWT half of a token is signed with RSA")]
    NotRsa,
    /// A compressed point, or one of another length than its curve asks for.
    #[error("has no uncompressed point of its curve; encode the key again")]
    Point,
    /// The modulus is too short to be safe, or too long to be checked on every request.
    #[error("has {0} bits; use 2048 to 4096")]
    Bits(usize),
    /// An even modulus or exponent, or an exponent below 3 or above 32 bits.
    #[error("has numbers that no RSA key has; make the key again with exponent 65537")]
    Numbers,
}

pub(crate) const RSA_ENCRYPTION: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
pub(crate) const EC_P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07,
];
pub(crate) const EC_P384: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04,
    0x00, 0x22,
];
/// What stands before both coordinates of a point (SEC 1, section 2.3.3).
const UNCOMPRESSED_POINT: u8 = 0x04;
const MINIMUM_RSA_BITS: usize = 2048;
const MAXIMUM_RSA_BITS: usize = 4096;

// === impl ClassicalKey ===

impl ClassicalKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7).
    pub(crate) fn from_spki(spki: &[u8]) -> Result<Self, InvalidClassicalKey> {
        Self::from_spki_up_to(MAXIMUM_RSA_BITS, spki)
    }

    /// The same with another limit, for keys that nobody verifies with on each request.
    pub(crate) fn from_spki_up_to(
        rsa_bits: usize,
        spki: &[u8],
    ) -> Result<Self, InvalidClassicalKey> {
        let (identifier, key) = split_spki(spki)?;
        let curve = match identifier {
            RSA_ENCRYPTION => return RsaKey::from_spki_up_to(rsa_bits, spki).map(Self::Rsa),
            EC_P256 => Curve::P256,
            EC_P384 => Curve::P384,
            [..] => return Err(InvalidClassicalKey::Algorithm),
        };
        let is_point = key.len() == curve.point_bytes() && key.first() == Some(&UNCOMPRESSED_POINT);
        if !is_point {
            return Err(InvalidClassicalKey::Point);
        }
        Ok(Self::Ecdsa(EcdsaKey {
            curve,
            point: key.to_vec(),
        }))
    }

    /// What no other key has: the modulus, or the point.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Rsa(key) => key.modulus(),
            Self::Ecdsa(key) => &key.point,
        }
    }

    /// Verifies a signature over the whole message. A scheme of another algorithm than the key's
    /// is refused before.
    #[cfg(feature = "classical")]
    pub(crate) fn verify(
        &self,
        scheme: crate::scheme::SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidClassicalSignature> {
        use crate::scheme::Verification;
        match (self, scheme.verification()) {
            (Self::Rsa(key), Verification::Rsa(parameters)) => key
                .verify(parameters, message, signature)
                .map_err(|_| InvalidClassicalSignature::Wrong),
            (Self::Ecdsa(key), Verification::Ecdsa { p256, p384 }) => {
                let algorithm = match key.curve {
                    Curve::P256 => p256,
                    Curve::P384 => p384,
                };
                ring::signature::UnparsedPublicKey::new(algorithm, &key.point)
                    .verify(message, signature)
                    .map_err(|_| InvalidClassicalSignature::Wrong)
            }
            (Self::Rsa(_), Verification::Ecdsa { .. }) | (Self::Ecdsa(_), Verification::Rsa(_)) => {
                Err(InvalidClassicalSignature::Scheme)
            }
        }
    }
}

/// Why a classical signature of a certificate does not count.
#[cfg(feature = "classical")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidClassicalSignature {
    /// The certificate names an algorithm that is not that of the pinned key.
    Scheme,
    /// It does not hold.
    Wrong,
}

// === impl EcdsaKey ===

#[cfg(feature = "report")]
impl EcdsaKey {
    pub(crate) const fn curve(&self) -> Curve {
        self.curve
    }

    /// `04`, then both coordinates.
    pub(crate) fn point(&self) -> &[u8] {
        &self.point
    }
}

// === impl Curve ===

impl Curve {
    const fn point_bytes(self) -> usize {
        match self {
            Self::P256 => 65,
            Self::P384 => 97,
        }
    }
}

// === impl WorkloadKey ===

impl WorkloadKey {
    /// The kind of key in a `SubjectPublicKeyInfo` that is strong and well-formed.
    pub(crate) fn from_spki(spki: &[u8]) -> Result<Self, InvalidWorkloadKey> {
        let (identifier, _) = split_spki(spki).map_err(InvalidClassicalKey::Der)?;
        match alternative::identified(identifier) {
            Some(algorithm) => {
                AlternativeKey::from_spki(spki, algorithm)?;
                Ok(Self::MlDsa(algorithm))
            }
            None => {
                ClassicalKey::from_spki(spki)?;
                Ok(Self::Classical)
            }
        }
    }
}

// === impl RsaKey ===

impl RsaKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7).
    pub(crate) fn from_spki(spki: &[u8]) -> Result<Self, InvalidClassicalKey> {
        Self::from_spki_up_to(MAXIMUM_RSA_BITS, spki)
    }

    fn from_spki_up_to(maximum_bits: usize, spki: &[u8]) -> Result<Self, InvalidClassicalKey> {
        let (identifier, key) = split_spki(spki)?;
        if identifier != RSA_ENCRYPTION {
            return Err(InvalidClassicalKey::NotRsa);
        }
        der::check(key)?;
        let mut reader = der::Reader::new(der::single(key, der::SEQUENCE)?.contents);
        let modulus = positive(reader.expect(der::INTEGER)?)?;
        let exponent = positive(reader.expect(der::INTEGER)?)?;
        reader.finish()?;

        let bits = bit_length(modulus);
        if !(MINIMUM_RSA_BITS..=maximum_bits).contains(&bits) {
            return Err(InvalidClassicalKey::Bits(bits));
        }
        if !is_odd(modulus) || !is_odd(exponent) || exponent.len() > 4 || exponent == [1] {
            return Err(InvalidClassicalKey::Numbers);
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
    #[cfg(feature = "report")]
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

/// The AlgorithmIdentifier and the bytes of the key.
pub(crate) fn split_spki(spki: &[u8]) -> Result<(&[u8], &[u8]), InvalidDer> {
    der::check(spki)?;
    let mut reader = der::Reader::new(der::single(spki, der::SEQUENCE)?.contents);
    let identifier = reader.expect(der::SEQUENCE)?.raw;
    let key = der::whole_bytes(reader.expect(der::BIT_STRING)?)?;
    reader.finish()?;
    Ok((identifier, key))
}

/// The magnitude of an INTEGER above zero, without the byte that only keeps it positive.
fn positive(integer: der::Element<'_>) -> Result<&[u8], InvalidClassicalKey> {
    match integer.contents {
        [0x00, magnitude @ ..] if !magnitude.is_empty() => Ok(magnitude),
        [0x01..=0x7f, ..] => Ok(integer.contents),
        [..] => Err(InvalidClassicalKey::Numbers),
    }
}

pub(crate) fn bit_length(magnitude: &[u8]) -> usize {
    let unused = magnitude.first().map_or(0, |first| first.leading_zeros());
    let unused = usize::try_from(unused).unwrap_or_default();
    magnitude.len().saturating_mul(8).saturating_sub(unused)
}

fn is_odd(magnitude: &[u8]) -> bool {
    magnitude.last().is_some_and(|last| last & 1 == 1)
}
