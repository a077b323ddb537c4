//! The pinned authorities, their keys and algorithms.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::present;

/// The pinned authorities, by what they sign. A key serves one purpose only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorities {
    /// The least ML-DSA level of the authorities' keys; ML-DSA keys of workloads below it prove
    /// nothing. `Dilithium5` has no level: it is pinned by name. Default: `ML-DSA-65`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub minimum_alternative_level: Option<AlternativeAlgorithm>,
    /// Authorities that sign workload certificates.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub certificates: Option<Vec<CertificateAuthority>>,
    /// Authorities that sign hybrid tokens.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub tokens: Option<Vec<TokenAuthority>>,
}

/// An authority for workload certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateAuthority {
    /// Name of the authority in records and messages: a DNS label.
    pub name: String,
    /// The one trust domain whose identities it may certify.
    pub trust_domain: String,
    /// Its certificate (PEM): subject name, key identifier and classical key are pinned from it.
    pub ca_certificate: Material,
    /// Its ML-DSA key. Present: each certificate it issues must carry the alternative signature.
    /// Absent: its certificates are `classical`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub alternative_key: Option<AlternativeKey>,
    /// Certificates whose `notBefore` is earlier than this time (RFC 3339) may lack the
    /// alternative signature, and are then `classical`; later ones are refused without it. Absent:
    /// all of them need it.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub alternative_required_from: Option<String>,
}

/// An authority for hybrid tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenAuthority {
    /// Name of the authority in records and messages: a DNS label.
    pub name: String,
    /// The one trust domain whose identities it may certify.
    pub trust_domain: String,
    /// The exact `iss` claim of its tokens.
    pub issuer: String,
    /// The `aud` claim that its tokens must contain.
    pub audience: String,
    /// Its RSA key, which signs the JWT.
    pub classical_key: ClassicalKey,
    /// Its ML-DSA key, which signs the whole JWT in a detached JWS.
    pub alternative_key: TokenAlternativeKey,
    /// The longest lifetime (`exp` - `iat`) of a token, in seconds. Default: 3600.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 86400)))]
    pub maximum_lifetime_seconds: Option<u32>,
}

/// The alternative key of a certificate authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlternativeKey {
    /// The one algorithm of this key.
    pub algorithm: AlternativeAlgorithm,
    /// The public key (PEM, `PUBLIC KEY` of RFC 9881).
    pub public_key: Material,
}

/// The classical key of a token authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClassicalKey {
    /// The `kid` that tokens name this key by. One `kid`, one key.
    pub kid: String,
    /// The one algorithm of this key.
    pub algorithm: ClassicalTokenAlgorithm,
    /// The public key (PEM, `PUBLIC KEY`).
    pub public_key: Material,
}

/// The alternative key of a token authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenAlternativeKey {
    /// The `kid` that detached signatures name this key by. One `kid`, one key.
    pub kid: String,
    /// The one algorithm of this key.
    pub algorithm: AlternativeTokenAlgorithm,
    /// The public key (PEM: `PUBLIC KEY` of RFC 9881, or `DILITHIUM5 PUBLIC KEY`, raw bytes).
    pub public_key: Material,
}

/// A PEM text: written in the policy itself, or in a file beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Material {
    /// The PEM text.
    Inline(String),
    /// Path of a PEM file, relative to the policy file. The command line reads it and writes the
    /// text in its place; a sidecar never reads files.
    File(String),
}

/// Post-quantum signature algorithms of certificates (FIPS 204), from the weakest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AlternativeAlgorithm {
    /// Security category 2; only where `minimumAlternativeLevel` allows it.
    #[serde(rename = "ML-DSA-44")]
    MlDsa44,
    /// Security category 3.
    #[default]
    #[serde(rename = "ML-DSA-65")]
    MlDsa65,
    /// Security category 5.
    #[serde(rename = "ML-DSA-87")]
    MlDsa87,
}

/// Post-quantum signature algorithms of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AlternativeTokenAlgorithm {
    /// FIPS 204, security category 2; only where `minimumAlternativeLevel` allows it.
    #[serde(rename = "ML-DSA-44")]
    MlDsa44,
    /// FIPS 204, security category 3.
    #[serde(rename = "ML-DSA-65")]
    MlDsa65,
    /// FIPS 204, security category 5.
    #[serde(rename = "ML-DSA-87")]
    MlDsa87,
    /// Legacy: the code before the standard. It is not ML-DSA-87 and not interoperable with it.
    Dilithium5,
}

impl Authorities {
    /// The least ML-DSA level of an authority.
    #[must_use]
    pub fn minimum_level(&self) -> AlternativeAlgorithm {
        self.minimum_alternative_level.unwrap_or_default()
    }
}

impl AlternativeAlgorithm {
    /// The name of FIPS 204, as a policy writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }
}

impl AlternativeTokenAlgorithm {
    /// The ML-DSA level, if it is one.
    #[must_use]
    pub const fn level(self) -> Option<AlternativeAlgorithm> {
        match self {
            Self::MlDsa44 => Some(AlternativeAlgorithm::MlDsa44),
            Self::MlDsa65 => Some(AlternativeAlgorithm::MlDsa65),
            Self::MlDsa87 => Some(AlternativeAlgorithm::MlDsa87),
            Self::Dilithium5 => None,
        }
    }
}

/// Signature algorithms of the JWT half of a hybrid token (RFC 7518).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ClassicalTokenAlgorithm {
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
}
