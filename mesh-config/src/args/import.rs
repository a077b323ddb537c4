//! The flags of `sallyport import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sallyport_engine::identity::TrustDomain;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct ImportArgs {
    /// Files and folders with AuthorizationPolicies of Istio; `-` for standard input.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) policies: Vec<PathBuf>,
    /// Files and folders with the workloads, service accounts, services and namespaces of the mesh.
    #[arg(long, value_name = "PATH")]
    pub(crate) manifests: Vec<PathBuf>,
    /// The namespace of manifests that name none.
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// The trust domain of the mesh.
    #[arg(long, value_name = "NAME", default_value = "cluster.local", value_parser = trust_domain)]
    pub(crate) trust_domain: String,
    /// An alias of the trust domain (`trustDomainAliases` of meshConfig).
    #[arg(long, value_name = "NAME", value_parser = trust_domain)]
    pub(crate) trust_domain_alias: Vec<String>,
    /// The namespace whose policies apply to the whole mesh.
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system")]
    pub(crate) root_namespace: String,
    /// Name of the policy that is made.
    #[arg(long, default_value = "imported")]
    pub(crate) name: String,
    /// Whether the policy that is made refuses or only reports.
    #[arg(long, value_enum, default_value_t = ImportMode::Enforce)]
    pub(crate) mode: ImportMode,
    /// CUSTOM policies stay applied beside the filter: do not leave out what they decide on.
    #[arg(long)]
    pub(crate) keep_custom: bool,
    /// Write the policy into this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file of `--out`.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

/// The mode of the policy that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportMode {
    /// Requests that it does not allow are refused.
    Enforce,
    /// They pass, and are reported.
    Shadow,
}

fn trust_domain(text: &str) -> Result<String, String> {
    let parsed = text.parse::<TrustDomain>();
    parsed
        .map(|domain| domain.as_str().to_owned())
        .map_err(|error| error.to_string())
}

const EXAMPLE: &str = "\
Examples:
  sallyport import istio/ --manifests apps/ --out policy.yaml
  kubectl get authorizationpolicies -A -o yaml | sallyport import - --trust-domain mesh.example

What is left out is said on standard error. docs/import.md lists it.
Exit codes: 0 ok, also with warnings, 1 errors in the files, 3 usage or I/O.";
