//! `WasmPlugin`, and `TrafficExtension`, which says the same one level deeper.
//!
//! Neither has a field for a selector: a pod that lacks a label must not be without the filter.

use sallyport_engine::policy::slice::PluginConfig;
use serde::Serialize;

use crate::render::FailStrategy;
use crate::render::istio::module::Module;

/// A wasm module in the sidecars of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WasmPlugin {
    phase: Phase,
    #[serde(rename = "match")]
    traffic: [Traffic; 1],
    #[serde(flatten)]
    wasm: Wasm,
}

/// An extension of the sidecars of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficExtension {
    phase: Phase,
    #[serde(rename = "match")]
    traffic: [Traffic; 1],
    wasm: Wasm,
}

/// The module and its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wasm {
    url: String,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_pull_secret: Option<String>,
    plugin_name: &'static str,
    fail_strategy: &'static str,
    plugin_config: PluginConfig,
}

/// Where among the filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Phase {
    /// After authentication, before Istio's own authorization.
    #[serde(rename = "AUTHZ")]
    Authorization,
}

/// Which traffic. Without ports, so that requests to ports that nobody declared meet the filter too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Traffic {
    mode: Direction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Direction {
    /// Inbound. Without it the filter would refuse what its own workload sends.
    #[serde(rename = "SERVER")]
    Server,
}

impl Wasm {
    /// The module with the configuration of a namespace.
    #[must_use]
    pub fn new(
        module: &Module,
        image_pull_secret: Option<&str>,
        strategy: FailStrategy,
        config: PluginConfig,
    ) -> Self {
        Self {
            url: module.url().to_owned(),
            sha256: module.sha256().to_owned(),
            image_pull_secret: image_pull_secret.map(str::to_owned),
            plugin_name: "sallyport",
            fail_strategy: match strategy {
                FailStrategy::Reload => "FAIL_RELOAD",
                FailStrategy::Open => "FAIL_OPEN",
                FailStrategy::Closed => "FAIL_CLOSE",
            },
            plugin_config: config,
        }
    }
}

impl From<Wasm> for WasmPlugin {
    fn from(wasm: Wasm) -> Self {
        Self {
            phase: Phase::Authorization,
            traffic: INBOUND,
            wasm,
        }
    }
}

impl From<Wasm> for TrafficExtension {
    fn from(wasm: Wasm) -> Self {
        Self {
            phase: Phase::Authorization,
            traffic: INBOUND,
            wasm,
        }
    }
}

const INBOUND: [Traffic; 1] = [Traffic {
    mode: Direction::Server,
}];
