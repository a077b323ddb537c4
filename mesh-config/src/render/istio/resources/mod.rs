//! The resources of Istio that are rendered, as types: the fields that we set, and no others.
//!
//! Shapes: `extensions.istio.io/v1alpha1`, `networking.istio.io/v1alpha3`, `security.istio.io/v1`.

mod authorization_policy;
mod envoy_filter;
mod extension;
mod peer_authentication;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

pub use authorization_policy::AuthorizationPolicy;
pub use envoy_filter::EnvoyFilter;
pub use extension::{TrafficExtension, Wasm, WasmPlugin};
pub use peer_authentication::PeerAuthentication;

/// A resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    api_version: &'static str,
    kind: &'static str,
    /// Its name, namespace, labels and annotations.
    pub metadata: ObjectMeta,
    /// What it says.
    pub spec: Spec,
}

/// What a resource says. The kind names the variant, so no tag is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Spec {
    /// A wasm module in the sidecars of a namespace.
    WasmPlugin(WasmPlugin),
    /// The same, from Istio 1.30 on.
    TrafficExtension(TrafficExtension),
    /// Changes to the configuration of Envoy.
    EnvoyFilter(EnvoyFilter),
    /// Which connections a sidecar accepts.
    PeerAuthentication(PeerAuthentication),
    /// Which requests and connections it accepts.
    AuthorizationPolicy(AuthorizationPolicy),
}

impl Resource {
    /// A resource. The specification says of which kind it is.
    #[must_use]
    pub fn new(metadata: ObjectMeta, spec: Spec) -> Self {
        let (api_version, kind) = match &spec {
            Spec::WasmPlugin(_) => ("extensions.istio.io/v1alpha1", "WasmPlugin"),
            Spec::TrafficExtension(_) => ("extensions.istio.io/v1alpha1", "TrafficExtension"),
            Spec::EnvoyFilter(_) => ("networking.istio.io/v1alpha3", "EnvoyFilter"),
            Spec::PeerAuthentication(_) => ("security.istio.io/v1", "PeerAuthentication"),
            Spec::AuthorizationPolicy(_) => ("security.istio.io/v1", "AuthorizationPolicy"),
        };
        Self {
            api_version,
            kind,
            metadata,
            spec,
        }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The name of the file that holds only it, in a folder with other resources.
    #[must_use]
    pub fn file_name(&self) -> String {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let kind = self.kind.to_ascii_lowercase();
        let (namespace, name) = (part(&self.metadata.namespace), part(&self.metadata.name));
        // No name of Kubernetes holds a `_`, so two resources never share a file.
        format!("{namespace}_{kind}_{name}.yaml")
    }
}
