//! Credentials to describe and verify, as they are typed.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

#[derive(Debug, Args)]
#[command(after_help = INSPECT_EXAMPLE)]
pub(crate) struct InspectArgs {
    /// The file: certificates or public keys (PEM or DER), a JWK or JWK Set, or a compact JWS.
    pub(crate) file: PathBuf,
    /// Also verify a workload certificate with the authorities of this policy, as the filter does.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = VERIFY_EXAMPLE,
    group = ArgGroup::new("what").args(["certificate", "jws", "token"]).required(true).multiple(true)
)]
pub(crate) struct VerifyArgs {
    /// The certificate, PEM or DER; the first one of a chain. With `--token` it is the one that the
    /// token must be bound to.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// Its issuer's certificate (PEM or DER), or the folder of an authority. Default: the next one
    /// of the chain, or the certificate itself if it is self-issued.
    #[arg(
        long,
        value_name = "FILE|DIR",
        requires = "certificate",
        conflicts_with = "token"
    )]
    pub(crate) issuer: Option<PathBuf>,
    /// The issuer's ML-DSA public key: PEM or DER (RFC 9881), or JWK (RFC 9964). Default: the one
    /// in the folder, or in extension 2.5.29.72 of the issuer's certificate.
    #[arg(
        long,
        value_name = "FILE",
        requires = "certificate",
        conflicts_with = "token"
    )]
    pub(crate) alternative_key: Option<PathBuf>,
    /// A compact JWS, attached or detached (`header..signature`).
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["certificate", "token"])]
    pub(crate) jws: Option<PathBuf>,
    /// The key of the JWS: a JWK, a JWK Set of which the header's `kid` names one, or a public key
    /// in PEM or DER.
    #[arg(long, value_name = "FILE", requires = "jws")]
    pub(crate) key: Option<PathBuf>,
    /// The payload of a detached JWS, byte for byte.
    #[arg(long, value_name = "FILE", requires = "jws")]
    pub(crate) payload: Option<PathBuf>,
    /// The value of `hybrid-identity-token`.
    #[arg(long, value_name = "FILE", requires_all = ["signature", "policy"])]
    pub(crate) token: Option<PathBuf>,
    /// The value of `hybrid-identity-signature`.
    #[arg(long, value_name = "FILE", requires = "token")]
    pub(crate) signature: Option<PathBuf>,
    /// The policy that pins the token's authority.
    #[arg(long, value_name = "FILE", requires = "token")]
    pub(crate) policy: Option<PathBuf>,
    /// The time that validity is compared with: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

const INSPECT_EXAMPLE: &str = "\
Examples:
  sallyport cred inspect web/cert-chain.pem --policy policy.yaml
  sallyport cred inspect mesh-ca/ca.crt --output json
  sallyport cred inspect jwks.json";

const VERIFY_EXAMPLE: &str = "\
Examples:
  sallyport cred verify --certificate leaf.pem --issuer ca.pem --output json
  sallyport cred verify --certificate ca.pem
  sallyport cred verify --certificate leaf.der --issuer ca.der --alternative-key ca-mldsa.jwk
  sallyport cred verify --jws signed.jws --key key.jwk
  sallyport cred verify --jws detached.jws --payload document --key jwks.json
  sallyport cred verify --token token/hybrid-identity-token \\
    --signature token/hybrid-identity-signature --policy policy.yaml \\
    --certificate web/cert-chain.pem

A certificate has a classical half (its own signature, over the whole TBSCertificate) and may have \
an alternative one (X.509 of 10/2019, extensions 2.5.29.72 to 74, over the TBSCertificate without \
`signature` and extension 74). Each is `verified`, `failed`, `absent` or `unsupported`. The \
assurance is `hybrid` when both are verified, `classical` when the classical one is and there is no \
other, and else `none`: an alternative half that fails is never less than a failure. Certificates of \
any software are read; validity, the issuer's name and the rules for workloads are reported, and \
change no half.

Exit codes: 0 all that is present is verified, 1 otherwise, 3 usage or I/O.";
