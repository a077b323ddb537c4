//! `sallyport report`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = REPORT_EXAMPLE)]
pub(crate) struct ReportArgs {
    /// Files with decision records, or logs of Envoy with records in them; `-` is standard input.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The policy, to say which piece of it is missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The file with meshConfig that the policy was rendered with (`render --mesh`).
    #[arg(long, value_name = "FILE", requires = "policy")]
    pub(crate) mesh: Option<PathBuf>,
    /// Also write one page of HTML to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

const REPORT_EXAMPLE: &str = "\
Example:
  kubectl logs -n shop -l app=orders -c istio-proxy --tail=-1 | \\
    sallyport report --policy policy.yaml --html denied.html -

A line counts if it holds a decision record, whatever stands around it. Proxies log at most 10
records a second and worker; what they only counted is said by reason.";
