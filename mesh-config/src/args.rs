//! The command line as it is typed.

mod artifacts;
mod bundle;
mod check;
mod cred;
mod diff;
mod explain;
mod fmt;
mod import;
mod mesh;
mod module;
mod render;
mod report;
mod signing;
mod simulate;
mod status;
mod test;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use artifacts::*;
pub(crate) use bundle::*;
pub(crate) use check::*;
pub(crate) use cred::*;
pub(crate) use diff::*;
pub(crate) use explain::*;
pub(crate) use fmt::*;
pub(crate) use import::*;
pub(crate) use mesh::*;
pub(crate) use module::*;
pub(crate) use render::*;
pub(crate) use report::*;
pub(crate) use signing::*;
pub(crate) use simulate::*;
pub(crate) use status::*;
pub(crate) use test::*;

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
    #[arg(long, global = true, help_heading = ANYWHERE, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
    /// When to write in colour. `auto`: on a terminal, unless `NO_COLOR` is set.
    #[arg(long, global = true, help_heading = ANYWHERE, value_enum, value_name = "WHEN", default_value_t = Colors::Auto)]
    pub(crate) color: Colors,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The form of results on standard output, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For code hosts, SARIF 2.1.0; `check` only.
    Sarif,
}

/// The form of results of most commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// When to write in colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colors {
    /// Where a person looks.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say everything that is wrong with policy files.
    Check(CheckArgs),
    /// Say what the filter answers to a request, and why.
    Explain(Box<ExplainArgs>),
    /// Ask a policy about the requests of test files: are the answers the expected ones?
    Test(TestArgs),
    /// Say which requests would change their answer between two policies.
    Diff(DiffArgs),
    /// Make authorities and credentials; examine and verify those of any origin.
    #[command(subcommand)]
    Cred(CredCommand),
    /// Make a policy of Istio's AuthorizationPolicies, and say what cannot be carried over.
    Import(ImportArgs),
    /// Replay a trace of requests: whom would a policy restrict or isolate?
    Simulate(Box<SimulateArgs>),
    /// Say what `postQuantumAuth` of meshConfig means for each workload (`mesh explain`).
    #[command(subcommand)]
    Mesh(MeshCommand),
    /// Write the resources for Istio, or the configuration of an Envoy.
    Render(Box<RenderArgs>),
    /// Import, sign and verify manifests of vetted models and images.
    #[command(subcommand)]
    Artifacts(ArtifactsCommand),
    /// Build, sign, verify, compare and take back what is in force, as one versioned file.
    #[command(subcommand)]
    Bundle(Box<BundleCommand>),
    /// Sign and verify the wasm module and its bill of materials.
    #[command(subcommand)]
    Module(ModuleCommand),
    /// Print the JSON Schema of a kind of file.
    Schema {
        /// Which kind.
        #[arg(value_enum, default_value_t = SchemaKind::Policy)]
        kind: SchemaKind,
    },
    /// Say from decision records who is denied, or would be, and what would allow it.
    Report(ReportArgs),
    /// Say of live proxies whether the filter is on.
    Status(StatusArgs),
    /// Write policy files in their canonical layout.
    Fmt(FmtArgs),
    /// Print the manual page.
    Man(ManArgs),
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

/// The files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaKind {
    /// The policy file.
    Policy,
    /// The test files of `sallyport test`.
    PolicyTests,
    /// Lists of workloads.
    Workloads,
    /// Decision records, which proxies write.
    DecisionRecord,
    /// Manifests of artifacts.
    ArtifactManifest,
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
    /// The decision record.
    DecisionRecord,
}

const ANYWHERE: &str = "For all commands";

const EXIT_CODES: &str =
    "\
Exit codes: 0 ok, 1 findings or invalid input, 2 denied (explain), 3 usage or I/O.
With `--output json`, why there is no result is one JSON object on standard error: code, path, message,
help. What a command finds, such as errors of `check` or failed tests, is its result.";
