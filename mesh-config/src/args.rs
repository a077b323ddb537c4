//! The command line as it is typed.

mod cred;
mod import;
mod simulate;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde::Deserialize;

pub(crate) use cred::*;
pub(crate) use import::*;
pub(crate) use simulate::*;

/// Check policies, explain decisions, make credentials, render proxy configuration.
#[derive(Debug, Parser)]
#[command(
    name = "sallyport",
    version,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
pub(crate) struct Cli {
    /// How to write results.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The form of results on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say everything that is wrong with policy files.
    Check(CheckArgs),
    /// Say what the filter answers to a request, and why.
    Explain(Box<ExplainArgs>),
    /// Make authorities and credentials; examine and verify those of any origin.
    #[command(subcommand)]
    Cred(CredCommand),
    /// Make a policy of Istio's AuthorizationPolicies, and say what cannot be carried over.
    Import(ImportArgs),
    /// Replay a trace of requests: whom would a policy restrict or isolate?
    Simulate(Box<SimulateArgs>),
    /// Write the configuration of a proxy.
    Render(RenderArgs),
    /// Print the JSON Schema of policy files.
    Schema,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print a generated reference document.
    #[command(hide = true)]
    Docs {
        /// Which one.
        #[arg(value_enum)]
        document: ReferenceDocument,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Policy files, YAML or JSON.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLE)]
pub(crate) struct ExplainArgs {
    /// The policy file.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// A file with the request as JSON, `-` for standard input. Its keys are named as the flags
    /// below, in camel case.
    #[arg(long, value_name = "FILE", conflicts_with = "asked")]
    pub(crate) request: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) asked: Asked,
}

/// A request, typed as flags or read from JSON.
#[derive(Debug, Default, Args, Deserialize)]
#[group(id = "asked", multiple = true)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Asked {
    /// SPIFFE ID of the caller. Not needed with a certificate.
    #[arg(long, value_name = "SPIFFE_ID")]
    pub(crate) from: Option<String>,
    /// SPIFFE ID of the workload that is called. Not needed with `--plaintext`.
    #[arg(long, value_name = "SPIFFE_ID")]
    pub(crate) to: Option<String>,
    /// HTTP method. Default: GET.
    #[arg(long)]
    pub(crate) method: Option<String>,
    /// Path of the request, as it is sent.
    #[arg(long)]
    pub(crate) path: Option<String>,
    /// Port that is called.
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Assume a fresh certificate of this assurance. Default: classical.
    #[arg(long, value_enum, conflicts_with = "certificate")]
    pub(crate) assurance: Option<AssumedAssurance>,
    /// The caller's certificate (PEM), verified with the policy's authorities.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// File with the value of `hybrid-identity-token`; with `--proof`, of `workload-identity-token`.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) token: Option<PathBuf>,
    /// File with the value of `hybrid-identity-signature`.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) signature: Option<PathBuf>,
    /// File with the value of `workload-proof-token`. That it is new is assumed.
    #[arg(long, value_name = "FILE", requires = "token")]
    pub(crate) proof: Option<PathBuf>,
    /// The caller does not use mutual TLS.
    #[arg(long, conflicts_with_all = ["certificate", "assurance", "tls"])]
    pub(crate) plaintext: bool,
    /// TLS version of the connection. Default: 1.3.
    #[arg(long, value_enum)]
    pub(crate) tls: Option<AssumedTls>,
    /// Address of the TCP peer. Default: 192.0.2.1, which is nobody's.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) source_ip: Option<IpAddr>,
    /// Time of the request: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Assume that so many different requests of the caller were refused just before.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(crate) denials: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum AssumedAssurance {
    /// A certificate that Envoy validated.
    Classical,
    /// Both signatures of one pinned authority.
    Hybrid,
    /// The same, and an ML-DSA key that the TLS handshake proved.
    #[value(name = "hybridProven", alias = "hybrid-proven")]
    HybridProven,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
pub(crate) enum AssumedTls {
    #[value(name = "1.2")]
    #[serde(rename = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    #[serde(rename = "1.3")]
    Tls13,
}

#[derive(Debug, Args)]
#[command(after_help = RENDER_EXAMPLE)]
pub(crate) struct RenderArgs {
    /// The proxy.
    #[arg(long, value_enum)]
    pub(crate) target: Target,
    /// What to write.
    #[arg(long = "as", value_enum, default_value_t = Resource::Filter)]
    pub(crate) resource: Resource,
    /// The policy file. Needed for `filter` and `ecds`.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Path of the wasm module in the proxy's file system. Needed for `filter` and `ecds`.
    #[arg(long, value_name = "PATH")]
    pub(crate) module: Option<String>,
    /// Path of the `ecds` file in the proxy's file system. Needed for `ecds-filter`.
    #[arg(long, value_name = "PATH")]
    pub(crate) resource_path: Option<String>,
    /// What the proxy does with requests when the filter itself fails.
    #[arg(long, value_enum, default_value_t = Strategy::Reload)]
    pub(crate) fail_strategy: Strategy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// A stock Envoy, without a control plane.
    Envoy,
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
pub(crate) enum ReferenceDocument {
    /// The codes of findings.
    Findings,
    /// Why requests are denied.
    Reasons,
    /// The metrics of the filter.
    Metrics,
    /// The policy file.
    Policy,
}

const EXIT_CODES: &str =
    "\
Exit codes: 0 ok, 1 findings or invalid input, 2 denied (explain), 3 usage or I/O.
With `--output json`, what went wrong is one JSON object on standard error: code, path, message, help.";

const EXPLAIN_EXAMPLE: &str = "\
Example:
  sallyport explain --policy policy.yaml --from spiffe://d.example/ns/web/sa/web \\
    --to spiffe://d.example/ns/orders/sa/orders --path /v1/orders/7 --port 8080

Exit codes: 0 allowed, also if only by shadow mode, 1 invalid input, 2 denied, 3 usage or I/O.";

const RENDER_EXAMPLE: &str = "\
Example:
  sallyport render --target envoy --policy policy.yaml --module /etc/envoy/sallyport.wasm";
