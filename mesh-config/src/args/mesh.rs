//! `sallyport mesh` as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::InventoryArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum MeshCommand {
    /// Say what `postQuantumAuth` means for each workload, segment and flow, and what contradicts it.
    Explain(MeshExplainArgs),
}

#[derive(Debug, Args)]
#[command(after_help = MESH_EXPLAIN_EXAMPLE)]
pub(crate) struct MeshExplainArgs {
    /// The file with meshConfig, `-` for standard input: an IstioOperator, Helm values, the ConfigMap
    /// `istio`, or meshConfig itself.
    #[arg(long, value_name = "FILE")]
    pub(crate) mesh: PathBuf,
    /// The policy file; with it, what the setting means for segments and flows.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// With it, what the setting means for workloads, and what contradicts it.
    #[command(flatten)]
    pub(crate) inventory: InventoryArgs,
}

const MESH_EXPLAIN_EXAMPLE: &str = "\
Example:
  kubectl -n istio-system get configmap istio -o yaml |
    sallyport mesh explain --mesh - --policy policy.yaml --manifests k8s/

Exit codes: 0 ok, also with warnings, 1 errors or invalid input, 3 usage or I/O.";
