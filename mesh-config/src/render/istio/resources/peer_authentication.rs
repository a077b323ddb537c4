//! `PeerAuthentication` for a whole namespace.

use serde::Serialize;

/// Mutual TLS for all workloads of the namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeerAuthentication {
    mtls: MutualTls,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct MutualTls {
    mode: &'static str,
}

impl PeerAuthentication {
    /// Nothing but mutual TLS.
    #[must_use]
    pub const fn strict() -> Self {
        Self {
            mtls: MutualTls { mode: "STRICT" },
        }
    }
}
