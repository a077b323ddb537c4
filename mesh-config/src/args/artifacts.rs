//! `sallyport artifacts`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use sallyport_mesh_config::artifacts::ArtifactKind;

use super::signing::{SignedArgs, SignerArgs};
use crate::duration::Lifetime;

#[derive(Debug, Subcommand)]
pub(crate) enum ArtifactsCommand {
    /// Make a manifest of the digests that bills of materials and attestations name.
    Import(ArtifactsImportArgs),
    /// Sign a manifest with both keys of an authority.
    Sign(ArtifactsSignArgs),
    /// Verify a manifest: its signature, its form, and that it is in force.
    Verify(ArtifactsVerifyArgs),
}

#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLE)]
pub(crate) struct ArtifactsImportArgs {
    /// CycloneDX 1.5 to 1.7 or SPDX 3 (JSON), in-toto statements, or DSSE envelopes with one.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) sources: Vec<PathBuf>,
    /// Name of the manifest: a DNS label.
    #[arg(long)]
    pub(crate) name: String,
    /// Who vetted the artifacts.
    #[arg(long)]
    pub(crate) issuer: String,
    /// Number of the manifest, higher than that of the one before.
    #[arg(long)]
    pub(crate) serial: u64,
    /// How long it counts, as in `90d`.
    #[arg(long, default_value = "90d")]
    pub(crate) ttl: Lifetime,
    /// From when on it counts: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// What the subjects of statements are, which do not say it.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,
    /// The stage of all artifacts, as in `production`.
    #[arg(long)]
    pub(crate) stage: Option<String>,
    /// Public key that signed the sources, which must be envelopes then: PEM, DER, JWK or JWK Set.
    /// May be repeated.
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
    /// Write the manifest into this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file of `--out`.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Models.
    Model,
    /// Container images.
    Image,
}

impl From<Kind> for ArtifactKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Model => Self::Model,
            Kind::Image => Self::Image,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = SIGN_EXAMPLE)]
pub(crate) struct ArtifactsSignArgs {
    /// The manifest, YAML or JSON.
    pub(crate) manifest: PathBuf,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    /// Where to write the signature. Default: the manifest's name and `.sig`.
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLE)]
pub(crate) struct ArtifactsVerifyArgs {
    /// The manifest, YAML or JSON.
    pub(crate) manifest: PathBuf,
    #[command(flatten)]
    pub(crate) signed: SignedArgs,
    /// The serial of the manifest that counted before: this one must be higher.
    #[arg(long, value_name = "SERIAL")]
    pub(crate) after: Option<u64>,
    /// Verify as of this time: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

const IMPORT_EXAMPLE: &str = "\
Example:
  sallyport artifacts import image.intoto.json --kind image --key builder.pem \\
    --name images --issuer ml-platform --serial 1 --stage production --out images.yaml

An artifact without exactly one SHA-256 refuses its file. docs/provenance.md lists what is read.
Exit codes: 0 ok, also with warnings, 1 errors in the files, 3 usage or I/O.";

const SIGN_EXAMPLE: &str = "\
Examples:
  sallyport artifacts sign models.yaml --keys release
  sallyport artifacts sign models.yaml --signer-command 'kms-sign --region eu' --signer-authority release.json

The signature covers the bytes of the file as they are: do not change it afterwards.";

const VERIFY_EXAMPLE: &str = "\
Example:
  sallyport artifacts verify models.yaml --authority signing-authority.json --after 3

Exit codes: 0 all holds, 1 it does not, with the reason, 3 usage or I/O.";
