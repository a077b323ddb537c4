//! Authorities, as they are typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sallyport_engine::identity::TrustDomain;

use crate::duration::Lifetime;

#[derive(Debug, Args)]
#[command(after_help = AUTHORITY_EXAMPLE)]
pub(crate) struct AuthorityArgs {
    /// What it signs.
    #[arg(long, value_enum)]
    pub(crate) kind: AuthorityKind,
    /// Its name in the policy: a DNS label.
    #[arg(long)]
    pub(crate) name: String,
    /// The one trust domain whose identities it certifies.
    #[arg(long)]
    pub(crate) trust_domain: TrustDomain,
    /// Folder for its files; private keys get mode 0600.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Algorithm of its post-quantum key; a classical authority has none.
    #[arg(long, value_enum, ignore_case = true, default_value_t = Algorithm::MlDsa65)]
    pub(crate) algorithm: Algorithm,
    /// Its classical key. Tokens are signed with RSA only.
    #[arg(long, value_enum, default_value_t = AuthorityKeyKind::Rsa3072)]
    pub(crate) key: AuthorityKeyKind,
    /// Make it an intermediate: its certificate is issued by the authority in this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) issuer: Option<PathBuf>,
    /// How many authorities may stand between it and a leaf (`pathLenConstraint`). Default: 1, and
    /// one less than its issuer's for an intermediate.
    #[arg(long, value_name = "N")]
    pub(crate) path_length: Option<u8>,
    /// Lifetime of its certificate, as in `365d`; a token authority has none.
    #[arg(long, default_value = "3650d")]
    pub(crate) ttl: Lifetime,
    /// `iss` of its tokens. Default: `https://<name>.<trust domain>`.
    #[arg(long, value_name = "TEXT")]
    pub(crate) token_issuer: Option<String>,
    /// `aud` of its tokens.
    #[arg(long, value_name = "TEXT", default_value = "sallyport")]
    pub(crate) audience: String,
    /// Replace files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthorityKind {
    /// Certificates with a classical (RSA or ECDSA) and an ML-DSA signature.
    Hybrid,
    /// Certificates with a classical signature.
    Classical,
    /// Hybrid tokens.
    Token,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    /// FIPS 204, security category 2; below the policy's default minimum.
    #[value(name = "ML-DSA-44")]
    MlDsa44,
    /// FIPS 204, security category 3.
    #[value(name = "ML-DSA-65")]
    MlDsa65,
    /// FIPS 204, security category 5.
    #[value(name = "ML-DSA-87")]
    MlDsa87,
    /// Legacy code before the standard; tokens only.
    #[value(name = "Dilithium5")]
    Dilithium5,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthorityKeyKind {
    /// RSA with 2048 bits.
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// RSA with 3072 bits.
    #[value(name = "rsa-3072")]
    Rsa3072,
    /// RSA with 4096 bits.
    #[value(name = "rsa-4096")]
    Rsa4096,
    /// ECDSA on P-256 with SHA-256.
    #[value(name = "ecdsa-p256")]
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384.
    #[value(name = "ecdsa-p384")]
    EcdsaP384,
}

#[derive(Debug, Args)]
#[command(after_help = ROTATE_EXAMPLE)]
pub(crate) struct RotateArgs {
    /// Folder of the authority that is to be replaced. Of a certificate authority the public files
    /// suffice.
    #[arg(value_name = "DIR")]
    pub(crate) authority: PathBuf,
    /// Folder for the successor's files.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Folder of the authority that issued the old certificate, if that is an intermediate.
    #[arg(long, value_name = "DIR")]
    pub(crate) issuer: Option<PathBuf>,
    /// The successor's name in the policy. Default: `<name>-2`, then `<name>-3`, ..
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Lifetime of the successor's certificate. Default: as long as the old one's.
    #[arg(long)]
    pub(crate) ttl: Option<Lifetime>,
    /// `iss` of the successor's tokens. Default: the old one with `/2`, then `/3`, .. at its end,
    /// since a policy leads each `iss` to one authority.
    #[arg(long, value_name = "TEXT")]
    pub(crate) token_issuer: Option<String>,
    /// Replace files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Folder of the authority. Its private keys are not read.
    #[arg(value_name = "DIR")]
    pub(crate) authority: PathBuf,
    /// What to print.
    #[arg(long, value_enum, default_value_t = ShowFormat::Text)]
    pub(crate) format: ShowFormat,
    /// Its name in the policy, where the folder does not say it.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Its trust domain, where the folder does not say it.
    #[arg(long)]
    pub(crate) trust_domain: Option<TrustDomain>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowFormat {
    /// A description and the policy entry; with `--output json` the keys as well.
    Text,
    /// The policy entry that pins it.
    Policy,
    /// Its public keys as a JWK Set (RFC 7517, RFC 9964).
    Jwks,
}

const AUTHORITY_EXAMPLE: &str = "\
Examples:
  sallyport cred authority new --kind hybrid --name root --trust-domain d.example --out root \\
    --key ecdsa-p384 --algorithm ML-DSA-87
  sallyport cred authority new --kind hybrid --name mesh-ca --trust-domain d.example \\
    --out mesh-ca --issuer root --ttl 365d
  sallyport cred authority new --kind token --name issuer --trust-domain d.example --out issuer

Files: `ca.crt`, `ca.key`, `ca.mldsa.key`, `ca.mldsa.pub`, and `ca-chain.pem` (the authorities \
above an intermediate, the root last); of a token authority `issuer.json`, `token.key`, `token.pub`, \
`token.pq.key`, `token.pq.pub`; and `authority.json` (name, trust domain, generation).";

const ROTATE_EXAMPLE: &str = "\
Example:
  sallyport cred authority rotate mesh-ca --out mesh-ca-2

Then pin both, roll the policy out, issue with the new one, and remove the old entry when nothing \
that it issued is valid any more. The old keys are not touched.";
