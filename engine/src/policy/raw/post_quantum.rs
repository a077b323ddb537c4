//! What the whole mesh asks of credentials.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{RequiredAssurance, present};
use crate::policy::{KeyExchangeRule, Mode};

/// What every workload of the mesh asks of the credentials of its callers, beside what the flows
/// ask: `meshConfig.postQuantumAuth`. docs/post-quantum-auth.md says what follows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostQuantumAuth {
    /// `enforce` refuses callers that do not bring it, on flows in shadow too; `shadow` reports
    /// them, on flows that enforce too. Default: enforce.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub mode: Option<Mode>,
    /// The least assurance of a caller; a flow can ask for more. Default: hybrid.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub minimum_assurance: Option<PostQuantumAssurance>,
    /// What is asked of the key exchange of TLS. Default: preferred.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub key_exchange: Option<KeyExchangeRule>,
    /// Kubernetes namespaces whose workloads do not ask for it when they are called. Absent: none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub exempt_namespaces: Option<Vec<String>>,
}

/// The assurance levels that a mesh can require.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum PostQuantumAssurance {
    /// The identity is certified by both keys of one pinned authority.
    Hybrid,
    /// `hybrid`, and the caller proved that it holds an ML-DSA key.
    HybridProven,
}

impl PostQuantumAuth {
    /// The mode that applies.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode.unwrap_or(Mode::Enforce)
    }

    /// The least assurance that applies.
    #[must_use]
    pub fn minimum_assurance(&self) -> RequiredAssurance {
        match self.minimum_assurance {
            None | Some(PostQuantumAssurance::Hybrid) => RequiredAssurance::Hybrid,
            Some(PostQuantumAssurance::HybridProven) => RequiredAssurance::HybridProven,
        }
    }

    /// The rule for key exchanges that applies.
    #[must_use]
    pub fn key_exchange(&self) -> KeyExchangeRule {
        self.key_exchange.unwrap_or(KeyExchangeRule::Preferred)
    }

    /// The exempt namespaces.
    pub fn exempt_namespaces(&self) -> impl Iterator<Item = &str> {
        self.exempt_namespaces.iter().flatten().map(String::as_str)
    }
}
