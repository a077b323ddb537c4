//! Credentials to issue, as they are typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sallyport_engine::artifact::ArtifactDigest;
use sallyport_engine::identity::SpiffeId;

use crate::duration::Lifetime;

#[derive(Debug, Args)]
#[command(after_help = CERTIFICATE_EXAMPLE)]
pub(crate) struct CertificateArgs {
    /// Folder of the authority that issues it.
    #[arg(long, value_name = "DIR")]
    pub(crate) authority: PathBuf,
    /// Whom it names.
    #[arg(long)]
    pub(crate) spiffe_id: SpiffeId,
    /// Folder for `cert-chain.pem` (leaf, then intermediates), `key.pem` and `root-cert.pem`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Its lifetime, as in `24h`.
    #[arg(long, default_value = "24h")]
    pub(crate) ttl: Lifetime,
    /// A DNS name beside the SPIFFE ID. May be given several times.
    #[arg(long = "dns-name", value_name = "NAME")]
    pub(crate) dns_names: Vec<String>,
    /// The kind of its key. ML-DSA needs Envoy 1.39 or newer on both sides.
    #[arg(long, value_enum, default_value_t = KeyKind::Rsa2048)]
    pub(crate) key: KeyKind,
    /// The encoding of the files. As DER they are `cert.der`, `key.der` (PKCS #8),
    /// `intermediate-<n>.der` and `root-cert.der`.
    #[arg(long, value_enum, default_value_t = FileFormat::Pem)]
    pub(crate) format: FileFormat,
    /// Replace files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyKind {
    /// RSA with 2048 bits.
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// RSA with 3072 bits.
    #[value(name = "rsa-3072")]
    Rsa3072,
    /// RSA with 4096 bits.
    #[value(name = "rsa-4096")]
    Rsa4096,
    /// ECDSA on P-256.
    #[value(name = "ecdsa-p256")]
    EcdsaP256,
    /// ECDSA on P-384.
    #[value(name = "ecdsa-p384")]
    EcdsaP384,
    /// ML-DSA-44 (RFC 9881).
    #[value(name = "ml-dsa-44")]
    MlDsa44,
    /// ML-DSA-65 (RFC 9881).
    #[value(name = "ml-dsa-65")]
    MlDsa65,
    /// ML-DSA-87 (RFC 9881).
    #[value(name = "ml-dsa-87")]
    MlDsa87,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// Text (RFC 7468).
    Pem,
    /// Bytes.
    Der,
}

/// What a token is issued from, and to where.
#[derive(Debug, Args)]
pub(crate) struct BoundArgs {
    /// Folder of the authority that issues it: one for tokens.
    #[arg(long, value_name = "DIR")]
    pub(crate) authority: PathBuf,
    /// The certificate (PEM or DER) that it is bound to; the first one of a chain.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: PathBuf,
    /// Whom it names. Default: whom the certificate names.
    #[arg(long)]
    pub(crate) spiffe_id: Option<SpiffeId>,
    /// Folder for the values of the headers, each in a file of its name.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Its lifetime, as in `5m`.
    #[arg(long, default_value = "5m")]
    pub(crate) ttl: Lifetime,
    /// Replace files that exist.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct IdentityArgs {
    #[command(flatten)]
    pub(crate) bound: BoundArgs,
    /// The kind of its key, which goes to `proof-key.pem`.
    #[arg(long, value_enum, default_value_t = ProofKeyKind::MlDsa65)]
    pub(crate) key: ProofKeyKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProofKeyKind {
    /// FIPS 204, security category 2.
    #[value(name = "ml-dsa-44")]
    MlDsa44,
    /// FIPS 204, security category 3.
    #[value(name = "ml-dsa-65")]
    MlDsa65,
    /// FIPS 204, security category 5.
    #[value(name = "ml-dsa-87")]
    MlDsa87,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// Folder that `sallyport cred issue identity` wrote.
    #[arg(long, value_name = "DIR")]
    pub(crate) identity: PathBuf,
    /// The workload that will be called.
    #[arg(long, value_name = "SPIFFE_ID")]
    pub(crate) to: SpiffeId,
    /// File with the OAuth access token that the request carries, if it carries one.
    #[arg(long, value_name = "FILE")]
    pub(crate) access_token: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    pub(crate) bound: BoundArgs,
    /// Its `aud`. Default: the authority's.
    #[arg(long, value_name = "TEXT")]
    pub(crate) audience: Option<String>,
    /// Its claim `model_digest`: `sha256:` and 64 digits. Vouch for what you attested only.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) model_digest: Option<ArtifactDigest>,
    /// Its claim `image_digest`.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) image_digest: Option<ArtifactDigest>,
}

const CERTIFICATE_EXAMPLE: &str = "\
Example:
  sallyport cred issue certificate --authority mesh-ca --out web --key ecdsa-p256 \\
    --spiffe-id spiffe://d.example/ns/web/sa/web";
