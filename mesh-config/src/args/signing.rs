//! What all commands have that sign or verify documents.

use std::path::PathBuf;

use clap::Args;

/// Whose signatures count.
#[derive(Debug, Args)]
pub(crate) struct PinArgs {
    /// An authority whose signatures count: a JWK Set, as `cred signer` writes it. May be repeated,
    /// as while keys are replaced. Both halves must be by one of them.
    #[arg(long = "authority", value_name = "FILE", required = true)]
    pub(crate) authorities: Vec<PathBuf>,
}

/// Whose signatures of the manifests in a bundle count.
#[derive(Debug, Args)]
pub(crate) struct ArtifactPinArgs {
    /// An authority whose signatures of manifests of artifacts count, and those of no other: a JWK
    /// Set. It counts for nothing else. May be repeated. Default: those of `--authority`.
    #[arg(long = "artifact-authority", value_name = "FILE")]
    pub(crate) artifact_authorities: Vec<PathBuf>,
}

/// How a document that is signed is verified.
#[derive(Debug, Args)]
pub(crate) struct SignedArgs {
    #[command(flatten)]
    pub(crate) pins: PinArgs,
    /// Its signature. Default: the document's name and `.sig`.
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
}

/// Who signs.
#[derive(Debug, Args)]
pub(crate) struct SignerArgs {
    /// Folder with the keys of a signing authority, as `cred signer` makes it.
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "signer_command",
        conflicts_with_all = ["signer_command", "signer_authority"]
    )]
    pub(crate) keys: Option<PathBuf>,
    /// A program that signs, with arguments separated by spaces: for keys in a KMS or an HSM. It is
    /// run once for each half (docs/key-handling.md).
    #[arg(long, value_name = "COMMAND", requires = "signer_authority")]
    pub(crate) signer_command: Option<String>,
    /// The public keys that the program signs with: a JWK Set. What it prints is verified by them.
    #[arg(long, value_name = "FILE", requires = "signer_command")]
    pub(crate) signer_authority: Option<PathBuf>,
    /// Sign as of this time: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}
