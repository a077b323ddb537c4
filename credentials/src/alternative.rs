//! Post-quantum public keys: parsed once, then they verify.
//!
//! The algorithm is that of the pin, never one that a message or a length suggests: a `Dilithium5`
//! key is as long as an ML-DSA-87 key, and so are the signatures, yet neither verifies the other's.

use fips204::traits::{SerDes, Verifier};
use fips204::{ml_dsa_44, ml_dsa_65, ml_dsa_87};
#[cfg(feature = "legacy-dilithium")]
use pqcrypto_dilithium::dilithium5;
use sallyport_engine::policy::raw::{AlternativeAlgorithm, AlternativeTokenAlgorithm};

use crate::der::{self, InvalidDer};

/// A pinned post-quantum public key. ML-DSA is the pure form of FIPS 204 with an empty context,
/// as RFC 9881, section 3, and RFC 9964 ask for.
pub(crate) enum AlternativeKey {
    /// ML-DSA-44.
    MlDsa44(Box<MlDsaKey<ml_dsa_44::PublicKey>>),
    /// ML-DSA-65.
    MlDsa65(Box<MlDsaKey<ml_dsa_65::PublicKey>>),
    /// ML-DSA-87.
    MlDsa87(Box<MlDsaKey<ml_dsa_87::PublicKey>>),
    /// The code of round 3 that came before FIPS 204, in its portable form.
    #[cfg(feature = "legacy-dilithium")]
    Dilithium5(Box<dilithium5::PublicKey>),
}

/// An ML-DSA public key. What a verification needs of it is computed once.
pub(crate) struct MlDsaKey<K: SerDes> {
    bytes: K::ByteArray,
    verifier: K,
}

/// Why bytes are not the pinned post-quantum public key. One variant for each rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAlternativeKey {
    /// The `SubjectPublicKeyInfo` is not strict DER.
    #[error("is no public key in DER: {0}")]
    Der(#[from] InvalidDer),
    /// The key is of another algorithm than the pinned one, or its identifier has parameters.
    #[error("is not a key of the pinned algorithm; change `algorithm` or the key")]
    Algorithm,
    /// The key is not as long as its algorithm asks for.
    #[error("has {found} bytes of key instead of {expected}")]
    Length {
        /// What FIPS 204, section 4, table 2 says, in bytes.
        expected: usize,
        /// What the key has, in bytes.
        found: usize,
    },
    /// This build cannot verify the algorithm.
    #[error("is of an algorithm that this build leaves out; build with `legacy-dilithium`")]
    Unavailable,
}

/// A signature that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidSignature;

/// OBJECT IDENTIFIER 2.16.840.1.101.3.4.3.17, alone in its AlgorithmIdentifier (RFC 9881).
pub(crate) const ML_DSA_44_IDENTIFIER: &[u8] = &[
    0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11,
];
/// OBJECT IDENTIFIER 2.16.840.1.101.3.4.3.18, alone in its AlgorithmIdentifier (RFC 9881).
pub(crate) const ML_DSA_65_IDENTIFIER: &[u8] = &[
    0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12,
];
/// OBJECT IDENTIFIER 2.16.840.1.101.3.4.3.19, alone in its AlgorithmIdentifier (RFC 9881).
pub(crate) const ML_DSA_87_IDENTIFIER: &[u8] = &[
    0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13,
];

const NO_CONTEXT: &[u8] = b"";

// === impl AlternativeKey ===

impl AlternativeKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 9881, section 4) of the pinned algorithm.
    pub(crate) fn from_spki(
        spki: &[u8],
        pinned: AlternativeAlgorithm,
    ) -> Result<Self, InvalidAlternativeKey> {
        der::check(spki)?;
        let mut reader = der::Reader::new(der::single(spki, der::SEQUENCE)?.contents);
        let identifier = reader.expect(der::SEQUENCE)?.raw;
        let key = der::whole_bytes(reader.expect(der::BIT_STRING)?)?;
        reader.finish()?;
        if identifier != algorithm_identifier(pinned) {
            return Err(InvalidAlternativeKey::Algorithm);
        }
        match pinned {
            AlternativeAlgorithm::MlDsa44 => {
                MlDsaKey::read(key).map(|key| Self::MlDsa44(Box::new(key)))
            }
            AlternativeAlgorithm::MlDsa65 => {
                MlDsaKey::read(key).map(|key| Self::MlDsa65(Box::new(key)))
            }
            AlternativeAlgorithm::MlDsa87 => {
                MlDsaKey::read(key).map(|key| Self::MlDsa87(Box::new(key)))
            }
        }
    }

    /// Reads the bytes of a `Dilithium5` key, which has no standard encoding.
    #[cfg(feature = "legacy-dilithium")]
    pub(crate) fn from_dilithium5(key: &[u8]) -> Result<Self, InvalidAlternativeKey> {
        let expected = dilithium5::public_key_bytes();
        let length = InvalidAlternativeKey::Length {
            expected,
            found: key.len(),
        };
        pqcrypto_traits::sign::PublicKey::from_bytes(key)
            .map(|key| Self::Dilithium5(Box::new(key)))
            .map_err(|_| length)
    }

    /// The `SubjectPublicKeyInfo` cannot be read without this feature, so the pin is refused.
    #[cfg(not(feature = "legacy-dilithium"))]
    pub(crate) const fn from_dilithium5(_key: &[u8]) -> Result<Self, InvalidAlternativeKey> {
        Err(InvalidAlternativeKey::Unavailable)
    }

    /// The algorithm of the pin.
    pub(crate) const fn algorithm(&self) -> AlternativeTokenAlgorithm {
        match self {
            Self::MlDsa44(_) => AlternativeTokenAlgorithm::MlDsa44,
            Self::MlDsa65(_) => AlternativeTokenAlgorithm::MlDsa65,
            Self::MlDsa87(_) => AlternativeTokenAlgorithm::MlDsa87,
            #[cfg(feature = "legacy-dilithium")]
            Self::Dilithium5(_) => AlternativeTokenAlgorithm::Dilithium5,
        }
    }

    /// The AlgorithmIdentifier that names it in certificates, where there is one.
    pub(crate) const fn x509_identifier(&self) -> Option<&'static [u8]> {
        match self {
            Self::MlDsa44(_) => Some(ML_DSA_44_IDENTIFIER),
            Self::MlDsa65(_) => Some(ML_DSA_65_IDENTIFIER),
            Self::MlDsa87(_) => Some(ML_DSA_87_IDENTIFIER),
            #[cfg(feature = "legacy-dilithium")]
            Self::Dilithium5(_) => None,
        }
    }

    /// The bytes of the key, without an encoding.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::MlDsa44(key) => &key.bytes,
            Self::MlDsa65(key) => &key.bytes,
            Self::MlDsa87(key) => &key.bytes,
            #[cfg(feature = "legacy-dilithium")]
            Self::Dilithium5(key) => pqcrypto_traits::sign::PublicKey::as_bytes(key.as_ref()),
        }
    }

    /// Verifies a signature over the whole message.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        match self {
            Self::MlDsa44(key) => key.verify(message, signature),
            Self::MlDsa65(key) => key.verify(message, signature),
            Self::MlDsa87(key) => key.verify(message, signature),
            #[cfg(feature = "legacy-dilithium")]
            Self::Dilithium5(key) => verify_dilithium5(key, message, signature),
        }
    }
}

// === impl MlDsaKey ===

impl<K: SerDes + Verifier> MlDsaKey<K> {
    fn read<'a>(key: &'a [u8]) -> Result<Self, InvalidAlternativeKey>
    where
        K::ByteArray: TryFrom<&'a [u8]> + Copy,
    {
        let bytes = K::ByteArray::try_from(key).map_err(|_| InvalidAlternativeKey::Length {
            expected: size_of::<K::ByteArray>(),
            found: key.len(),
        })?;
        // All bytes of the right length are a key.
        let verifier = K::try_from_bytes(bytes).map_err(|_| InvalidAlternativeKey::Algorithm)?;
        Ok(Self { bytes, verifier })
    }

    fn verify<'a>(&self, message: &[u8], signature: &'a [u8]) -> Result<(), InvalidSignature>
    where
        K::Signature: TryFrom<&'a [u8]>,
    {
        let signature = K::Signature::try_from(signature).map_err(|_| InvalidSignature)?;
        let holds = self.verifier.verify(message, &signature, NO_CONTEXT);
        holds.then_some(()).ok_or(InvalidSignature)
    }
}

/// The AlgorithmIdentifier of an algorithm, parameters absent (RFC 9881, section 2).
pub(crate) const fn algorithm_identifier(algorithm: AlternativeAlgorithm) -> &'static [u8] {
    match algorithm {
        AlternativeAlgorithm::MlDsa44 => ML_DSA_44_IDENTIFIER,
        AlternativeAlgorithm::MlDsa65 => ML_DSA_65_IDENTIFIER,
        AlternativeAlgorithm::MlDsa87 => ML_DSA_87_IDENTIFIER,
    }
}

/// The `SubjectPublicKeyInfo` (RFC 9881, section 4) of the bytes of an ML-DSA public key.
pub(crate) fn spki(algorithm: AlternativeAlgorithm, key: &[u8]) -> Vec<u8> {
    let bits = der::wrap(der::BIT_STRING, &[&[0], key]);
    der::wrap(der::SEQUENCE, &[algorithm_identifier(algorithm), &bits])
}

/// The algorithm that an AlgorithmIdentifier names in its one encoding. The pre-hash variants
/// (.32 to .34) are other algorithms.
pub(crate) fn identified(identifier: &[u8]) -> Option<AlternativeAlgorithm> {
    const ALL: [AlternativeAlgorithm; 3] = [
        AlternativeAlgorithm::MlDsa44,
        AlternativeAlgorithm::MlDsa65,
        AlternativeAlgorithm::MlDsa87,
    ];
    ALL.into_iter()
        .find(|algorithm| algorithm_identifier(*algorithm) == identifier)
}

/// The JOSE name of an algorithm (RFC 9964; `Dilithium5` is our own).
pub(crate) const fn jose_name(algorithm: AlternativeTokenAlgorithm) -> &'static str {
    match algorithm {
        AlternativeTokenAlgorithm::MlDsa44 => "ML-DSA-44",
        AlternativeTokenAlgorithm::MlDsa65 => "ML-DSA-65",
        AlternativeTokenAlgorithm::MlDsa87 => "ML-DSA-87",
        AlternativeTokenAlgorithm::Dilithium5 => "Dilithium5",
    }
}

#[cfg(feature = "legacy-dilithium")]
fn verify_dilithium5(
    key: &dilithium5::PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), InvalidSignature> {
    // The crate takes shorter signatures as well, so the length is checked here.
    if signature.len() != dilithium5::signature_bytes() {
        return Err(InvalidSignature);
    }
    let signature: dilithium5::DetachedSignature =
        pqcrypto_traits::sign::DetachedSignature::from_bytes(signature)
            .map_err(|_| InvalidSignature)?;
    dilithium5::verify_detached_signature(&signature, message, key).map_err(|_| InvalidSignature)
}
