//! The flags of `sallyport render`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sallyport_mesh_config::render::fields::ModuleVersion;
use sallyport_mesh_config::render::istio::{IstioVersion, Part};

use super::InventoryArgs;
use crate::duration::Lifetime;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct RenderArgs {
    /// What to render for.
    #[arg(long, value_enum)]
    pub(crate) target: Target,
    /// The policy file. Not needed for `--as ecds-filter` and `--as stats-tags`.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The file with meshConfig: an IstioOperator, Helm values, the ConfigMap `istio`, or meshConfig
    /// itself. Its `postQuantumAuth` goes into the policy.
    #[arg(long, value_name = "FILE")]
    pub(crate) mesh: Option<PathBuf>,
    /// The wasm module: for Istio a URL (`file://`, `oci://` by digest, `https://`), for Envoy a
    /// path in the proxy's file system.
    #[arg(long, value_name = "URL")]
    pub(crate) module: Option<String>,
    /// What the proxy does with requests when the filter itself fails.
    #[arg(long, value_enum, default_value_t = Strategy::Reload)]
    pub(crate) fail_strategy: Strategy,
    #[command(flatten, next_help_heading = "For Istio")]
    pub(crate) istio: IstioArgs,
    #[command(flatten, next_help_heading = "Break-glass: refuse nothing for a while")]
    pub(crate) break_glass: BreakGlassArgs,
    #[command(flatten, next_help_heading = "For Envoy")]
    pub(crate) envoy: EnvoyArgs,
}

/// What only targets of Istio need.
#[derive(Debug, Args)]
#[group(id = "istio", multiple = true)]
pub(crate) struct IstioArgs {
    #[command(flatten)]
    pub(crate) inventory: InventoryArgs,
    /// SHA-256 of the module. That of an image stands in its URL.
    #[arg(long, value_name = "HEX")]
    pub(crate) module_sha256: Option<String>,
    /// The module itself: it and its bill of materials are verified, and its SHA-256 is taken. Not
    /// for an image, whose digest is another one: verify the module before it goes into the image.
    #[arg(
        long,
        value_name = "FILE",
        requires_all = ["module_sbom", "module_authority"]
    )]
    pub(crate) module_file: Option<PathBuf>,
    /// The bill of materials of `--module-file`.
    #[arg(long, value_name = "FILE", requires = "module_file")]
    pub(crate) module_sbom: Option<PathBuf>,
    /// The signature of `--module-file`. Default: its name and `.sig`.
    #[arg(long, value_name = "FILE", requires = "module_file")]
    pub(crate) module_signature: Option<PathBuf>,
    /// An authority whose signatures of modules count: a JWK Set. May be repeated.
    #[arg(long, value_name = "FILE", requires = "module_file")]
    pub(crate) module_authority: Vec<PathBuf>,
    /// Version of the module: fields that it does not know are refused. Default: this one's.
    #[arg(long, value_name = "VERSION")]
    pub(crate) module_version: Option<ModuleVersion>,
    /// The release of Istio: 1.28 to 1.31. Needed for Istio.
    #[arg(long, value_name = "VERSION")]
    pub(crate) istio_version: Option<IstioVersion>,
    /// Secret in each namespace to pull the module with. Default: none.
    #[arg(long, value_name = "NAME")]
    pub(crate) image_pull_secret: Option<String>,
    /// Let connections to sidecars end after this time. A caller goes on with a connection for as long as
    /// it is open, and is refused on it once the certificate ends that it was opened with: so let them end
    /// well before certificates do.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub(crate) max_connection_duration: Lifetime,
    /// Leave a part of the rendering out. What then stays open is said. May be repeated.
    #[arg(long, value_enum, value_name = "PART")]
    pub(crate) without: Vec<WithoutPart>,
    /// Leave a port that is no HTTP open to any connection of the mesh: `shop:6379`. May be
    /// repeated.
    #[arg(long, value_name = "NAMESPACE:PORT", value_parser = namespace_and_port)]
    pub(crate) open_tcp: Vec<(String, u16)>,
    /// The namespace whose resources Istio applies to the whole mesh.
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system")]
    pub(crate) root_namespace: String,
    /// Write one file for each resource and `kustomization.yaml` into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,
}

/// An emergency.
#[derive(Debug, Args)]
pub(crate) struct BreakGlassArgs {
    /// Refuse nothing until `--until`: everything is reported as in shadow.
    #[arg(long, requires_all = ["until", "reason"])]
    pub(crate) shadow_all: bool,
    /// Only requests to this segment. May be repeated. Default: all segments.
    #[arg(long, value_name = "NAME", requires = "shadow_all")]
    pub(crate) segment: Vec<String>,
    /// When it ends by itself (RFC 3339): within 7 days.
    #[arg(long, value_name = "TIME", requires = "shadow_all")]
    pub(crate) until: Option<String>,
    /// Why. It stands in each record.
    #[arg(long, value_name = "TEXT", requires = "shadow_all")]
    pub(crate) reason: Option<String>,
}

/// What only an Envoy without a control plane needs.
#[derive(Debug, Args)]
pub(crate) struct EnvoyArgs {
    /// What to write.
    #[arg(long = "as", value_enum, default_value_t = Resource::Filter, conflicts_with = "istio")]
    pub(crate) resource: Resource,
    /// Path of the `ecds` file in the proxy's file system. Needed for `ecds-filter`.
    #[arg(long, value_name = "PATH", conflicts_with = "istio")]
    pub(crate) resource_path: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// A stock Envoy, without a control plane.
    Envoy,
    /// Istio, by `WasmPlugin`.
    Wasmplugin,
    /// Istio 1.30 and newer, by `TrafficExtension`.
    Trafficextension,
    /// Istio, by `EnvoyFilter`: shows the key exchange to the filter, from Istio 1.31 on.
    Envoyfilter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Resource {
    /// An entry of `http_filters` that carries the policy.
    Filter,
    /// An entry of `http_filters` that watches a file with the policy.
    EcdsFilter,
    /// The file that such an entry watches.
    Ecds,
    /// The `stats_config` that makes a label of the reason in metric names.
    StatsTags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strategy {
    /// Refuse, and load the filter anew.
    Reload,
    /// Let pass unchecked; only for a policy in shadow.
    Open,
    /// Refuse until the proxy is restarted.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WithoutPart {
    /// Mutual TLS for all of each namespace.
    PeerAuthentication,
    /// What refuses connections that the filter does not see.
    AuthorizationPolicy,
    /// What shows callers' certificates to the filter, before Istio 1.30.
    CertificateHeader,
    /// What lets connections end after `--max-connection-duration`.
    ConnectionDuration,
    /// The label of the reason in metric names (`envoyfilter` only).
    StatsTags,
}

impl From<WithoutPart> for Part {
    fn from(part: WithoutPart) -> Self {
        match part {
            WithoutPart::PeerAuthentication => Self::PeerAuthentication,
            WithoutPart::AuthorizationPolicy => Self::AuthorizationPolicy,
            WithoutPart::CertificateHeader => Self::CertificateHeader,
            WithoutPart::ConnectionDuration => Self::ConnectionDuration,
            WithoutPart::StatsTags => Self::StatsTags,
        }
    }
}

fn namespace_and_port(text: &str) -> Result<(String, u16), &'static str> {
    let (namespace, port) = text.split_once(':').ok_or(NAMESPACE_AND_PORT)?;
    match port.parse() {
        Ok(port) if port > 0 && !namespace.is_empty() => Ok((namespace.to_owned(), port)),
        Ok(_) | Err(_) => Err(NAMESPACE_AND_PORT),
    }
}

const NAMESPACE_AND_PORT: &str = "write a namespace and a port: `shop:6379`";

const EXAMPLE: &str = "\
Examples:
  sallyport render --target wasmplugin --policy policy.yaml --manifests k8s/ --istio-version 1.29 \\
    --module oci://registry.example/sallyport@sha256:<digest> --out-dir rendered
  sallyport render --target envoy --policy policy.yaml --module /etc/envoy/sallyport.wasm

For Istio `--policy`, `--module`, `--istio-version` and one of `--manifests` and `--workloads` are needed.
Resources go to standard output or `--out-dir`; what is not covered is said on standard error.
Exit codes: 0 ok, 1 refused or invalid input, 3 usage or I/O.";
