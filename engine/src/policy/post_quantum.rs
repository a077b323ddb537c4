//! What the whole mesh asks of credentials, beside what the flows ask.

use alloc::collections::BTreeSet;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::Mode;
use crate::identity::{Assurance, SpiffeId};

/// What every workload asks of the credentials of its callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostQuantumAuth {
    pub(super) mode: Mode,
    pub(super) minimum_assurance: Assurance,
    pub(super) key_exchange: KeyExchangeRule,
    pub(super) exempt_namespaces: BTreeSet<String>,
}

/// What is asked of the key exchange of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum KeyExchangeRule {
    /// It is a hybrid of ML-KEM and a classical one. Where the proxy does not show it, callers are
    /// refused: `%DOWNSTREAM_TLS_GROUP%` of Envoy 1.39 or newer, as filter state
    /// `sallyport.tls_group`.
    Required,
    /// Nothing; connections that are known to be classical are counted.
    Preferred,
    /// Nothing; it is not read.
    Ignored,
}

impl PostQuantumAuth {
    /// Whether callers that do not bring it are refused or reported.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The least assurance of a caller.
    #[must_use]
    pub const fn minimum_assurance(&self) -> Assurance {
        self.minimum_assurance
    }

    /// What is asked of the key exchange.
    #[must_use]
    pub const fn key_exchange(&self) -> KeyExchangeRule {
        self.key_exchange
    }

    /// Whether it is asked of the callers of this workload. A workload that does not know who it is
    /// asks: an exemption in doubt is none.
    #[must_use]
    pub fn covers(&self, own: Option<&SpiffeId>) -> bool {
        match own.and_then(SpiffeId::workload) {
            Some(workload) => !self.exempts(workload.namespace),
            None => true,
        }
    }

    /// Whether the workloads of a namespace do not ask for it.
    #[must_use]
    pub fn exempts(&self, namespace: &str) -> bool {
        self.exempt_namespaces.contains(namespace)
    }
}

impl KeyExchangeRule {
    /// Whether the key exchange of a connection is looked at.
    #[must_use]
    pub const fn is_read(self) -> bool {
        match self {
            Self::Required | Self::Preferred => true,
            Self::Ignored => false,
        }
    }

    /// The word for it in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
            Self::Ignored => "ignored",
        }
    }
}
