//! `sallyport check`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLE)]
pub(crate) struct CheckArgs {
    /// Policy files, YAML or JSON; `-` is standard input.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The file with meshConfig: an IstioOperator, Helm values, the ConfigMap `istio`, or meshConfig
    /// itself. What contradicts its `postQuantumAuth` is found too.
    #[arg(long, value_name = "FILE")]
    pub(crate) mesh: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) inventory: InventoryArgs,
    /// Fail for warnings too.
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Check as of this time: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

/// Which workloads there are.
#[derive(Debug, Args)]
pub(crate) struct InventoryArgs {
    /// Kubernetes manifests of the workloads and services: files, or folders with all files in
    /// them; `-` is standard input. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub(crate) manifests: Vec<PathBuf>,
    /// The namespace of manifests that name none.
    #[arg(long, value_name = "NAME", requires = "manifests")]
    pub(crate) namespace: Option<String>,
    /// A list of workloads, for meshes whose manifests are not at hand (`sallyport schema workloads`
    /// prints its form). May be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) workloads: Vec<PathBuf>,
}

const CHECK_EXAMPLE: &str = "\
Examples:
  sallyport check policy.yaml
  sallyport check --manifests deploy/ --deny-warnings --output sarif policy.yaml

With manifests or a list of workloads, segments without workloads and ports that nobody declares are
found too. docs/findings.md explains each code.
Exit codes: 0 ok, 1 errors, or warnings with `--deny-warnings`, 3 usage or I/O.";
