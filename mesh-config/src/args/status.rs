//! `sallyport status`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::InventoryArgs;

#[derive(Debug, Args)]
#[command(after_help = STATUS_EXAMPLE)]
pub(crate) struct StatusArgs {
    /// Admin ports of proxies, HOST:PORT.
    #[arg(long, value_name = "HOST:PORT", num_args = 1.., value_parser = admin, required_unless_present_any = ["metrics", "manifests", "workloads"])]
    pub(crate) admin: Vec<String>,
    /// Metrics in the Prometheus format: files, `-`, or addresses that begin with `http://`.
    #[arg(long, value_name = "FILE|URL", num_args = 1.., value_parser = metrics)]
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

/// An address as it is, without what would lead elsewhere.
fn admin(text: &str) -> Result<String, String> {
    if text.contains('/') {
        return Err("write HOST:PORT alone, as in `127.0.0.1:15000`".to_owned());
    }
    Ok(text.to_owned())
}

/// What is taken for a file, though it is meant as an address, would only be said not to exist.
fn metrics(text: &str) -> Result<String, String> {
    let looks_like_an_address = text.contains(':') && !Path::new(text).exists();
    if !text.starts_with("http://") && looks_like_an_address {
        let example = "`http://127.0.0.1:15020/stats/prometheus`";
        return Err(format!("is no file; write an address as in {example}"));
    }
    Ok(text.to_owned())
}

const STATUS_EXAMPLE: &str = "\
Example:
  kubectl port-forward -n shop deploy/orders 15000 &
  sallyport status --admin 127.0.0.1:15000 --policy policy.yaml --mesh mesh.yaml --manifests deploy/

One line for each proxy: ON enforce, ON shadow, OFF or REJECTED. With manifests, also the workloads
and ports that no filter sees.
Exit codes: 0 all on, with the policy if one was given, 1 not so, 3 usage, or a proxy does not answer.";
