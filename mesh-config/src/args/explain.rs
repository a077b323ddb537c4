//! `sallyport explain`, and the request that other commands take too.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLE)]
pub(crate) struct ExplainArgs {
    /// The policy file.
    #[arg(long, value_name = "FILE", required_unless_present = "record")]
    pub(crate) policy: Option<PathBuf>,
    /// The file with meshConfig: its `postQuantumAuth` goes into the policy, as `render --mesh` puts it
    /// there.
    #[arg(long, value_name = "FILE")]
    pub(crate) mesh: Option<PathBuf>,
    /// A log with decision records, `-` for standard input: says what was decided, and why.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["policy", "mesh", "request", "asked"])]
    pub(crate) record: Option<PathBuf>,
    /// Only the record of this decision, whose id stands in the reply to the caller.
    // That it needs `--record` is not asked for beside what contradicts that.
    #[arg(long, value_name = "ID", requires = "record", conflicts_with_all = ["policy", "mesh", "request", "asked"])]
    pub(crate) decision: Option<String>,
    /// A file with the request as JSON, `-` for standard input. Its keys are named as the flags
    /// below, in camel case.
    #[arg(long, value_name = "FILE", conflicts_with = "asked")]
    pub(crate) request: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) asked: Asked,
}

/// A request, typed as flags or read from JSON.
#[derive(Debug, Clone, Default, Args, Deserialize, JsonSchema)]
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
    /// Assume a fresh hybrid token with this `model_digest`: `sha256:` and 64 digits.
    #[arg(long, value_name = "DIGEST", conflicts_with_all = ["certificate", "plaintext"])]
    pub(crate) model_digest: Option<String>,
    /// Assume a fresh hybrid token with this `image_digest`.
    #[arg(long, value_name = "DIGEST", conflicts_with_all = ["certificate", "plaintext"])]
    pub(crate) image_digest: Option<String>,
    /// The caller does not use mutual TLS.
    #[arg(long, conflicts_with_all = ["certificate", "assurance", "tls", "tls_group"])]
    pub(crate) plaintext: bool,
    /// TLS version of the connection. Default: 1.3.
    #[arg(long, value_enum)]
    pub(crate) tls: Option<AssumedTls>,
    /// TLS group of the connection, such as X25519MLKEM768. Default: the proxy does not show it.
    #[arg(long, value_name = "NAME")]
    pub(crate) tls_group: Option<String>,
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

impl Asked {
    /// This request, with the other's values where it has none. What a request says about its
    /// caller's credentials counts alone: certificate, assurance and plaintext exclude each other.
    pub(crate) fn or(self, other: &Self) -> Self {
        let who = self.plaintext || self.certificate.is_some() || self.assurance.is_some();
        let credentials = if who { &self } else { other };
        let is_assumed = !credentials.plaintext && credentials.certificate.is_none();
        let claim = |own: &Option<String>, others: &Option<String>| {
            own.clone()
                .or_else(|| others.clone())
                .filter(|_| is_assumed)
        };
        Self {
            assurance: credentials.assurance,
            certificate: credentials.certificate.clone(),
            token: credentials.token.clone(),
            signature: credentials.signature.clone(),
            proof: credentials.proof.clone(),
            model_digest: claim(&self.model_digest, &other.model_digest),
            image_digest: claim(&self.image_digest, &other.image_digest),
            plaintext: credentials.plaintext,
            from: self.from.clone().or_else(|| other.from.clone()),
            to: self.to.clone().or_else(|| other.to.clone()),
            method: self.method.clone().or_else(|| other.method.clone()),
            path: self.path.clone().or_else(|| other.path.clone()),
            port: self.port.or(other.port),
            tls: self.tls.or(other.tls).filter(|_| !credentials.plaintext),
            tls_group: (self.tls_group.clone())
                .or_else(|| other.tls_group.clone())
                .filter(|_| !credentials.plaintext),
            source_ip: self.source_ip.or(other.source_ip),
            at: self.at.clone().or_else(|| other.at.clone()),
            denials: self.denials.or(other.denials),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, JsonSchema)]
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, JsonSchema)]
pub(crate) enum AssumedTls {
    #[value(name = "1.2")]
    #[serde(rename = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    #[serde(rename = "1.3")]
    Tls13,
}

const EXPLAIN_EXAMPLE: &str = "\
Example:
  sallyport explain --policy policy.yaml --from spiffe://d.example/ns/web/sa/web \\
    --to spiffe://d.example/ns/orders/sa/orders --path /v1/orders/7 --port 8080
  kubectl logs orders-0 -c istio-proxy | sallyport explain --record - --decision 00c9..-4f

Exit codes: 0 allowed, also if only by shadow mode, 1 invalid input, 2 denied, 3 usage or I/O;
with `--record` 0 found, whatever was decided, 1 not found.";
