//! `sallyport check`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLE)]
pub(crate) struct CheckArgs {
    /// Policy files, YAML or JSON; `-` is standard input.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Kubernetes manifests of the workloads: files, or folders with all files in them. With them,
    /// segments without workloads and ports that nobody declares are found. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub(crate) manifests: Vec<PathBuf>,
    /// Fail for warnings too.
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Check as of this time: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

const CHECK_EXAMPLE: &str = "\
Examples:
  sallyport check policy.yaml
  sallyport check --manifests deploy/ --deny-warnings --output sarif policy.yaml

docs/findings.md explains each code.
Exit codes: 0 ok, 1 errors, or warnings with `--deny-warnings`, 3 usage or I/O.";
