//! Which workloads, service accounts and ports there are, by namespace.
//!
//! Known from Kubernetes manifests ([`from_manifests`]) or from a plain list ([`list`]). A policy
//! speaks about identities only: where they run, and at which ports they are called, is said here.

mod kubernetes;
pub mod list;
mod protocol;
mod service;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use kubernetes::from_manifests;
pub(crate) use kubernetes::pod_template;
pub(crate) use protocol::of_service_port;

/// All workloads that are known, in the order of namespace, kind and name.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The workloads.
    pub workloads: Vec<Workload>,
}

/// Pods that are made from one template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Its kind, for example `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its service account.
    pub service_account: String,
    /// The ports that it is called at, by number.
    pub ports: Vec<Port>,
    /// Why it has no sidecar, where it is known to have none.
    pub without_sidecar: Option<WithoutSidecar>,
    /// Whether it asks for a sidecar itself, whatever its namespace does.
    pub asks_for_sidecar: bool,
    /// Where it is written.
    pub place: Option<Place>,
}

/// Where a workload is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: u64,
}

/// A TCP port of a workload, as its pods number it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// The number.
    pub number: u16,
    /// What is spoken there.
    pub protocol: Protocol,
    /// How connections to it go past the sidecar, or its filters, if they do.
    pub bypass: Option<Bypass>,
}

/// What is spoken at a port, as Istio understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Protocol {
    /// HTTP in any version, gRPC too.
    Http,
    /// Nothing is said, so Istio looks at each connection.
    Detected,
    /// Anything else: connections are passed on as they are.
    Tcp,
}

/// Why a workload has no sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutSidecar {
    /// `sidecar.istio.io/inject: "false"`.
    NotInjected,
    /// Its namespace has the label `istio-injection: disabled`.
    NamespaceDisabled,
    /// It uses the network of the node.
    HostNetwork,
    /// It, or its namespace, is in ambient mode.
    Ambient,
    /// It is a gateway of Istio: what comes from outside is no inbound traffic of a sidecar.
    Gateway,
}

/// How connections to a port go past the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bypass {
    /// No service leads there, so the sidecar has no listener for it.
    NoService,
    /// An annotation takes it out of the sidecar's traffic.
    Excluded,
}

impl WithoutSidecar {
    /// The reason, in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotInjected => "`sidecar.istio.io/inject` is `false`",
            Self::NamespaceDisabled => "its namespace has `istio-injection: disabled`",
            Self::HostNetwork => "it uses the network of the node",
            Self::Ambient => "it is in ambient mode",
            Self::Gateway => "it is a gateway of Istio, which runs no filters of sidecars",
        }
    }
}

#[cfg(test)]
mod tests;
