//! Resources for a stock Envoy, without a control plane.
//!
//! - [`http_filter`]: the entry of `http_filters`, complete in itself.
//! - [`ecds_filter`] and [`ecds_resource`]: the entry and a file that it watches, so that a policy
//!   can be replaced while connections stay open (extension configuration discovery).
//! - [`stats_tags`]: makes labels of parts of the names of the filter's metrics.
//!
//! Shapes: `envoy.extensions.filters.http.wasm.v3.Wasm`, `envoy.extensions.wasm.v3.PluginConfig`,
//! `envoy.config.core.v3.{TypedExtensionConfig, ExtensionConfigSource}`,
//! `envoy.service.discovery.v3.DiscoveryResponse`, `envoy.config.metrics.v3.StatsConfig`.

use std::collections::BTreeMap;

use sallyport_engine::hexadecimal;
use sallyport_engine::metric::Metric;
use serde::Serialize;

use super::{FailStrategy, InvalidRendering, plugin_config};
use crate::policy_file::LoadedPolicy;

/// An entry of `http_filters` that carries the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpFilter {
    name: &'static str,
    typed_config: Wasm,
}

/// An entry of `http_filters` that takes its configuration from a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EcdsFilter {
    name: &'static str,
    config_discovery: ExtensionConfigSource,
}

/// The content of the file that an [`EcdsFilter`] watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EcdsResource {
    version_info: String,
    resources: [TypedExtensionConfig; 1],
}

/// The `stats_config` of a bootstrap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatsTags {
    stats_config: StatsConfig,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct TypedExtensionConfig {
    #[serde(rename = "@type")]
    type_url: &'static str,
    name: &'static str,
    typed_config: Wasm,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ExtensionConfigSource {
    config_source: ConfigSource,
    type_urls: [&'static str; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ConfigSource {
    path_config_source: PathConfigSource,
    resource_api_version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct PathConfigSource {
    path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Wasm {
    #[serde(rename = "@type")]
    type_url: &'static str,
    config: Plugin,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Plugin {
    name: &'static str,
    root_id: &'static str,
    vm_config: Vm,
    failure_policy: &'static str,
    configuration: StringValue,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Vm {
    vm_id: &'static str,
    runtime: &'static str,
    code: Code,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Code {
    local: LocalFile,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct LocalFile {
    filename: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct StringValue {
    #[serde(rename = "@type")]
    type_url: &'static str,
    value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct StatsConfig {
    stats_tags: Vec<TagSpecifier>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct TagSpecifier {
    tag_name: &'static str,
    regex: String,
}

/// The filter as an entry of `http_filters`, to stand before the router. `module` is the path of
/// the wasm module in the proxy's file system.
///
/// # Errors
/// When the fail strategy contradicts the policy.
pub fn http_filter(
    loaded: &LoadedPolicy,
    module: &str,
    strategy: FailStrategy,
) -> Result<HttpFilter, InvalidRendering> {
    Ok(HttpFilter {
        name: NAME,
        typed_config: wasm(loaded, module, strategy)?,
    })
}

/// The filter as an entry of `http_filters` that takes its configuration from the file at `path`
/// in the proxy's file system. The file must exist when Envoy starts; Envoy reads it again when
/// another file is moved in its place (not when it is written to).
#[must_use]
pub fn ecds_filter(path: &str) -> EcdsFilter {
    EcdsFilter {
        name: NAME,
        config_discovery: ExtensionConfigSource {
            config_source: ConfigSource {
                path_config_source: PathConfigSource {
                    path: path.to_owned(),
                },
                resource_api_version: "V3",
            },
            type_urls: [WASM_TYPE],
        },
    }
}

/// The content of the file that an [`ecds_filter`] watches.
///
/// # Errors
/// When the fail strategy contradicts the policy.
pub fn ecds_resource(
    loaded: &LoadedPolicy,
    module: &str,
    strategy: FailStrategy,
) -> Result<EcdsResource, InvalidRendering> {
    Ok(EcdsResource {
        version_info: hexadecimal::encode(&loaded.sha256),
        resources: [TypedExtensionConfig {
            type_url: "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            name: NAME,
            typed_config: wasm(loaded, module, strategy)?,
        }],
    })
}

/// Turns `wasmcustom.sallyport.denied.<reason>` into `wasmcustom.sallyport.denied` with the label
/// `reason`, and so on for all metrics with a label.
#[must_use]
pub fn stats_tags() -> StatsTags {
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in Metric::rows() {
        if let Some(label) = row.label {
            let name = row.name.replace('.', "\\.");
            names.entry(label).or_default().push(name);
        }
    }
    let tag = |(tag_name, names): (&'static str, Vec<String>)| TagSpecifier {
        tag_name,
        // The first group is cut out of the name, the second is the label's value.
        regex: format!("^wasmcustom\\.(?:{})(\\.([a-z0-9_-]+))$", names.join("|")),
    };
    StatsTags {
        stats_config: StatsConfig {
            stats_tags: names.into_iter().map(tag).collect(),
        },
    }
}

fn wasm(
    loaded: &LoadedPolicy,
    module: &str,
    strategy: FailStrategy,
) -> Result<Wasm, InvalidRendering> {
    strategy.check(&loaded.document)?;
    Ok(carrying(plugin_config(loaded)?, module, strategy))
}

/// The filter with the configuration of one namespace. Whether the strategy fits the policy was
/// asked before.
pub(super) fn http_filter_of(config: String, module: &str, strategy: FailStrategy) -> HttpFilter {
    HttpFilter {
        name: NAME,
        typed_config: carrying(config, module, strategy),
    }
}

fn carrying(config: String, module: &str, strategy: FailStrategy) -> Wasm {
    Wasm {
        type_url: WASM_TYPE,
        config: Plugin {
            name: NAME,
            root_id: NAME,
            vm_config: Vm {
                vm_id: NAME,
                runtime: "envoy.wasm.runtime.v8",
                code: Code {
                    local: LocalFile {
                        filename: module.to_owned(),
                    },
                },
            },
            failure_policy: match strategy {
                FailStrategy::Reload => "FAIL_RELOAD",
                FailStrategy::Open => "FAIL_OPEN",
                FailStrategy::Closed => "FAIL_CLOSED",
            },
            configuration: StringValue {
                type_url: "type.googleapis.com/google.protobuf.StringValue",
                value: config,
            },
        },
    }
}

/// Name of the filter, of its root context and of its VM.
const NAME: &str = "sallyport";
const WASM_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

#[cfg(test)]
mod tests;
