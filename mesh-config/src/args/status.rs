//! `sallyport status`.

use std::path::PathBuf;

use clap::Args;

use super::InventoryArgs;

#[derive(Debug, Args)]
#[command(after_help = STATUS_EXAMPLE)]
pub(crate) struct StatusArgs {
    /// Admin ports of proxies, HOST:PORT.
    #[arg(long, value_name = "HOST:PORT", num_args = 1.., required_unless_present_any = ["metrics", "manifests", "workloads"])]
    pub(crate) admin: Vec<String>,
    /// Metrics in the Prometheus format: files, `-`, or addresses that begin with `http://`.
    #[arg(long, value_name = "FILE|URL", num_args = 1..)]
    pub(crate) metrics: Vec<String>,
    /// The policy that should be in force, whole or in slices.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The file with meshConfig that the policy was rendered with (`render --mesh`).
    #[arg(long, value_name = "FILE", requires = "policy")]
    pub(crate) mesh: Option<PathBuf>,
    /// Fail for proxies in shadow too.
    #[arg(long)]
    pub(crate) require_enforce: bool,
    #[command(flatten)]
    pub(crate) inventory: InventoryArgs,
}

const STATUS_EXAMPLE: &str = "\
Example:
  kubectl port-forward -n shop deploy/orders 15000 &
  sallyport status --admin 127.0.0.1:15000 --policy policy.yaml --mesh mesh.yaml --manifests deploy/

One line for each proxy: ON enforce, ON shadow, OFF or REJECTED. With manifests, also the workloads
and ports that no filter sees.
Exit codes: 0 all on, with the policy if one was given, 1 not so, 3 usage, or a proxy does not answer.";
