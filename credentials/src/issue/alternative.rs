//! Post-quantum private keys.
//!
//! An ML-DSA key is its seed of 32 bytes (FIPS 204, section 5.1), kept as PKCS #8 with the seed
//! alone (RFC 9881, section 6), which OpenSSL 3.5 reads as well. A `Dilithium5` key has no
//! standard encoding: its bytes stand under the label `DILITHIUM5 PRIVATE KEY`.

use libcrux_ml_dsa::{ml_dsa_44, ml_dsa_65, ml_dsa_87};
#[cfg(feature = "legacy-dilithium")]
use pqcrypto_dilithium::dilithium5;
#[cfg(feature = "legacy-dilithium")]
use pqcrypto_traits::sign::{DetachedSignature, PublicKey, SecretKey};
use sallyport_engine::policy::raw::{AlternativeAlgorithm, AlternativeTokenAlgorithm};
use zeroize::Zeroizing;

use super::rsa::{PRIVATE_KEY, PUBLIC_KEY};
use super::{IssueError, PrivateKeyPem, encode_pem, random_bytes};
use crate::alternative::{algorithm_identifier, spki};
use crate::der;

/// The labels under which a public and a private `Dilithium5` key stand.
pub(super) const DILITHIUM5_PUBLIC_KEY: &str = "DILITHIUM5 PUBLIC KEY";
pub(super) const DILITHIUM5_PRIVATE_KEY: &str = "DILITHIUM5 PRIVATE KEY";

/// A post-quantum private key.
pub(super) enum AlternativeSigner {
    /// ML-DSA of each level.
    MlDsa(MlDsaSigner),
    /// The code before the standard.
    #[cfg(feature = "legacy-dilithium")]
    Dilithium5 {
        secret: Box<dilithium5::SecretKey>,
        public: Box<dilithium5::PublicKey>,
    },
}

/// An ML-DSA private key.
pub(super) struct MlDsaSigner {
    algorithm: AlternativeAlgorithm,
    seed: Zeroizing<[u8; 32]>,
}

const SEED_BYTES: usize = 32;
const SEED_TAG: u8 = 0x80;
const PKCS8_VERSION: &[u8] = &[der::INTEGER, 0x01, 0x00];
const NO_CONTEXT: &[u8] = b"";

// === impl MlDsaSigner ===

impl MlDsaSigner {
    pub(super) fn generate(algorithm: AlternativeAlgorithm) -> Result<Self, IssueError> {
        Ok(Self {
            algorithm,
            seed: Zeroizing::new(random_bytes::<SEED_BYTES>()?),
        })
    }

    /// Reads what [`Self::private_key_pem`] wrote: PKCS #8 with the seed.
    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        let algorithms = [
            AlternativeAlgorithm::MlDsa44,
            AlternativeAlgorithm::MlDsa65,
            AlternativeAlgorithm::MlDsa87,
        ];
        let seed: [u8; SEED_BYTES] = *pkcs8.last_chunk()?;
        algorithms
            .into_iter()
            .map(|algorithm| Self {
                algorithm,
                seed: Zeroizing::new(seed),
            })
            .find(|signer| *signer.pkcs8() == pkcs8)
    }

    pub(super) const fn algorithm(&self) -> AlternativeAlgorithm {
        self.algorithm
    }

    /// The bytes of the public key.
    pub(super) fn public_key(&self) -> Vec<u8> {
        match self.algorithm {
            AlternativeAlgorithm::MlDsa44 => ml_dsa_44::portable::generate_key_pair(*self.seed)
                .verification_key
                .as_slice()
                .to_vec(),
            AlternativeAlgorithm::MlDsa65 => ml_dsa_65::portable::generate_key_pair(*self.seed)
                .verification_key
                .as_slice()
                .to_vec(),
            AlternativeAlgorithm::MlDsa87 => ml_dsa_87::portable::generate_key_pair(*self.seed)
                .verification_key
                .as_slice()
                .to_vec(),
        }
    }

    /// The `SubjectPublicKeyInfo` (RFC 9881, section 4).
    pub(super) fn public_key_spki(&self) -> Vec<u8> {
        spki(self.algorithm, &self.public_key())
    }

    pub(super) fn public_key_pem(&self) -> Result<String, IssueError> {
        encode_pem(PUBLIC_KEY, &self.public_key_spki())
    }

    pub(super) fn private_key_pem(&self) -> Result<PrivateKeyPem, IssueError> {
        encode_pem(PRIVATE_KEY, &self.pkcs8()).map(PrivateKeyPem::new)
    }

    /// Signs with an empty context, hedged (FIPS 204, section 5.2).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, IssueError> {
        let randomness = random_bytes::<32>()?;
        match self.algorithm {
            AlternativeAlgorithm::MlDsa44 => {
                let key = ml_dsa_44::portable::generate_key_pair(*self.seed).signing_key;
                ml_dsa_44::portable::sign(&key, message, NO_CONTEXT, randomness)
                    .map(|signature| signature.as_slice().to_vec())
                    .map_err(|_| IssueError::Signing)
            }
            AlternativeAlgorithm::MlDsa65 => {
                let key = ml_dsa_65::portable::generate_key_pair(*self.seed).signing_key;
                ml_dsa_65::portable::sign(&key, message, NO_CONTEXT, randomness)
                    .map(|signature| signature.as_slice().to_vec())
                    .map_err(|_| IssueError::Signing)
            }
            AlternativeAlgorithm::MlDsa87 => {
                let key = ml_dsa_87::portable::generate_key_pair(*self.seed).signing_key;
                ml_dsa_87::portable::sign(&key, message, NO_CONTEXT, randomness)
                    .map(|signature| signature.as_slice().to_vec())
                    .map_err(|_| IssueError::Signing)
            }
        }
    }

    fn pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let seed = Zeroizing::new(der::wrap(SEED_TAG, &[self.seed.as_slice()]));
        let key = Zeroizing::new(der::wrap(der::OCTET_STRING, &[&seed]));
        let parts = [PKCS8_VERSION, algorithm_identifier(self.algorithm), &key];
        Zeroizing::new(der::wrap(der::SEQUENCE, &parts))
    }
}

// === impl AlternativeSigner ===

impl AlternativeSigner {
    pub(super) fn generate(algorithm: AlternativeTokenAlgorithm) -> Result<Self, IssueError> {
        match algorithm {
            AlternativeTokenAlgorithm::MlDsa44 => {
                MlDsaSigner::generate(AlternativeAlgorithm::MlDsa44).map(Self::MlDsa)
            }
            AlternativeTokenAlgorithm::MlDsa65 => {
                MlDsaSigner::generate(AlternativeAlgorithm::MlDsa65).map(Self::MlDsa)
            }
            AlternativeTokenAlgorithm::MlDsa87 => {
                MlDsaSigner::generate(AlternativeAlgorithm::MlDsa87).map(Self::MlDsa)
            }
            #[cfg(feature = "legacy-dilithium")]
            AlternativeTokenAlgorithm::Dilithium5 => {
                let (public, secret) = dilithium5::keypair();
                Ok(Self::Dilithium5 {
                    secret: Box::new(secret),
                    public: Box::new(public),
                })
            }
            #[cfg(not(feature = "legacy-dilithium"))]
            AlternativeTokenAlgorithm::Dilithium5 => Err(IssueError::KeyGeneration),
        }
    }

    /// Joins the two parts of a `Dilithium5` key.
    #[cfg(feature = "legacy-dilithium")]
    pub(super) fn from_dilithium5(secret: &[u8], public: &[u8]) -> Option<Self> {
        match (SecretKey::from_bytes(secret), PublicKey::from_bytes(public)) {
            (Ok(secret), Ok(public)) => Some(Self::Dilithium5 {
                secret: Box::new(secret),
                public: Box::new(public),
            }),
            (Err(_), _) | (_, Err(_)) => None,
        }
    }

    /// This build has no `Dilithium5`.
    #[cfg(not(feature = "legacy-dilithium"))]
    pub(super) const fn from_dilithium5(_secret: &[u8], _public: &[u8]) -> Option<Self> {
        None
    }

    pub(super) fn public_key_pem(&self) -> Result<String, IssueError> {
        match self {
            Self::MlDsa(signer) => signer.public_key_pem(),
            #[cfg(feature = "legacy-dilithium")]
            Self::Dilithium5 { public, .. } => encode_pem(DILITHIUM5_PUBLIC_KEY, public.as_bytes()),
        }
    }

    pub(super) fn private_key_pem(&self) -> Result<PrivateKeyPem, IssueError> {
        match self {
            Self::MlDsa(signer) => signer.private_key_pem(),
            #[cfg(feature = "legacy-dilithium")]
            Self::Dilithium5 { secret, .. } => {
                encode_pem(DILITHIUM5_PRIVATE_KEY, secret.as_bytes()).map(PrivateKeyPem::new)
            }
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, IssueError> {
        match self {
            Self::MlDsa(signer) => signer.sign(message),
            #[cfg(feature = "legacy-dilithium")]
            Self::Dilithium5 { secret, .. } => Ok(dilithium5::detached_sign(message, secret)
                .as_bytes()
                .to_vec()),
        }
    }
}
