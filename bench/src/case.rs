//! A credential with what verifies it, and the same in the form that bare libraries take.

use sallyport_engine::policy::raw::Authorities;
use serde::{Deserialize, Serialize};

/// What to measure.
#[derive(Serialize, Deserialize)]
pub struct Case {
    /// Algorithms of the classical and of the alternative half.
    pub name: String,
    /// What is pinned.
    pub authorities: Authorities,
    /// The credential.
    pub input: Input,
    /// Its classical half.
    pub classical: Signed<Classical>,
    /// Its alternative half.
    pub alternative: Signed<Alternative>,
}

/// A credential, as a host gives it.
#[derive(Serialize, Deserialize)]
pub enum Input {
    /// In PEM.
    Certificate(String),
    /// Both halves, and what they are bound to.
    Token {
        /// The JWT.
        token: String,
        /// The detached JWS.
        signature: String,
        /// SHA-256 of the certificate.
        certificate_sha256: [u8; 32],
    },
}

/// A signature with all that a library needs to verify it.
#[derive(Serialize, Deserialize)]
pub struct Signed<A> {
    /// Its algorithm.
    pub algorithm: A,
    /// The contents of the BIT STRING of a `SubjectPublicKeyInfo`.
    #[serde(with = "base64")]
    pub key: Vec<u8>,
    /// What was signed.
    #[serde(with = "base64")]
    pub message: Vec<u8>,
    /// The signature.
    #[serde(with = "base64")]
    pub signature: Vec<u8>,
}

/// Classical algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Classical {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Pkcs1,
    /// RSASSA-PSS with SHA-256.
    Pss,
    /// ECDSA on P-256 with SHA-256.
    P256,
    /// ECDSA on P-384 with SHA-384.
    P384,
}

/// Post-quantum algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alternative {
    /// ML-DSA-44.
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
    /// The code before the standard.
    Dilithium5,
}

mod base64 {
    use base64ct::{Base64, Encoding};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&Base64::encode_string(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        Base64::decode_vec(&text).map_err(|_| D::Error::custom("no base64"))
    }
}
