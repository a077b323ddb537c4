//! `sallyport bundle`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ComparisonArgs;
use super::signing::{ArtifactPinArgs, PinArgs, SignedArgs, SignerArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Put a policy, what meshConfig asks, and manifests of artifacts into one versioned file.
    Build(BundleBuildArgs),
    /// Sign a bundle with both keys of an authority.
    Sign(BundleSignArgs),
    /// Verify a bundle: its signature, everything in it, and that it is newer than the last one.
    Verify(BundleVerifyArgs),
    /// Say which requests would change their answer between two bundles, and which artifacts.
    Diff(BundleDiffArgs),
    /// Say which bundles were in force, who signed them, and why one came back.
    History(BundleHistoryArgs),
    /// Sign a statement that leads back to a bundle that was in force before.
    Rollback(BundleRollbackArgs),
}

#[derive(Debug, Args)]
#[command(after_help = BUILD_EXAMPLE)]
pub(crate) struct BundleBuildArgs {
    /// The policy file; the keys that it names are put into the bundle.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// The file with meshConfig: its `postQuantumAuth` is put into the bundle, and nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) mesh: Option<PathBuf>,
    /// A manifest of artifacts with its signature beside it (`.sig`). May be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) artifacts: Vec<PathBuf>,
    /// An authority that will sign the bundle, whose signatures of manifests count unless
    /// `--artifact-authority` names others: a JWK Set. May be repeated.
    #[arg(long = "authority", value_name = "FILE")]
    pub(crate) authorities: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) artifact_pins: ArtifactPinArgs,
    /// The version: higher than that of each bundle before.
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "history",
        conflicts_with = "history"
    )]
    pub(crate) version_number: Option<u64>,
    /// Take the version after the highest of this history.
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replace the file of `--out`.
    #[arg(long)]
    pub(crate) force: bool,
    /// Verify manifests as of this time: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BundleSignArgs {
    /// The bundle.
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    /// Where to write the signature. Default: the bundle's name and `.sig`.
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLE)]
pub(crate) struct BundleVerifyArgs {
    /// The bundle.
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) signed: SignedArgs,
    #[command(flatten)]
    pub(crate) artifact_pins: ArtifactPinArgs,
    /// The history of this place: the bundle must be newer, or the one in force. A file that does
    /// not exist is an empty history.
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// The highest version that ever was in force, where no history is kept: after a rollback that
    /// is not the one in force.
    #[arg(long, value_name = "VERSION", conflicts_with = "history")]
    pub(crate) after: Option<u64>,
    /// The signed statement that leads back to this bundle; its signature is beside it (`.sig`).
    #[arg(long, value_name = "FILE")]
    pub(crate) rollback: Option<PathBuf>,
    /// Note in the history that the bundle is in force.
    #[arg(long, requires = "history")]
    pub(crate) record: bool,
    /// Write the files of the bundle into this folder, which must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Verify as of this time: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLE)]
pub(crate) struct BundleDiffArgs {
    /// The bundle as it is, with its signature beside it (`.sig`).
    pub(crate) old: PathBuf,
    /// The bundle as it would be.
    pub(crate) new: PathBuf,
    #[command(flatten)]
    pub(crate) pins: PinArgs,
    #[command(flatten)]
    pub(crate) artifact_pins: ArtifactPinArgs,
    #[command(flatten)]
    pub(crate) comparison: ComparisonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BundleHistoryArgs {
    /// The history that `bundle verify --record` keeps.
    pub(crate) history: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = ROLLBACK_EXAMPLE)]
pub(crate) struct BundleRollbackArgs {
    /// The bundle to go back to.
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) signed: SignedArgs,
    #[command(flatten)]
    pub(crate) artifact_pins: ArtifactPinArgs,
    /// The history that says what is in force, and that the bundle was.
    #[arg(long, value_name = "FILE")]
    pub(crate) history: PathBuf,
    /// The bundle that is in force. What it shuts out and the other one does not is an error, and
    /// grants that come back are said.
    #[arg(long, value_name = "FILE", required_unless_present = "accept_losses")]
    pub(crate) current: Option<PathBuf>,
    /// Sign also where revocations, floors, quarantines or other signals are lost.
    #[arg(long)]
    pub(crate) accept_losses: bool,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Who decided it.
    #[arg(long, value_name = "WHO")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    /// Where to write the statement; its signature is written beside it (`.sig`).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replace the file of `--out`.
    #[arg(long)]
    pub(crate) force: bool,
}

const BUILD_EXAMPLE: &str = "\
Example:
  sallyport bundle build --policy policy.yaml --mesh mesh.yaml --artifacts models.yaml \\
    --authority signing-authority.json --history history.json --out bundle.json

Equal contents and versions give equal bytes. Nothing secret is in a bundle.";

const VERIFY_EXAMPLE: &str = "\
Examples:
  sallyport bundle verify bundle.json --authority signing-authority.json --history history.json --record --out current
  sallyport bundle verify bundle-3.json --authority signing-authority.json --history history.json \\
    --rollback back-to-3.json --record --out current

The signatures of the bundle and of the statement are by the authorities of `--authority`, those of
manifests by those of `--artifact-authority`, if there are any: so who vets models signs no policy.
Exit codes: 0 all holds, 1 it does not, with the reason, 3 usage or I/O.";

const DIFF_EXAMPLE: &str = "\
Example:
  sallyport bundle diff bundle-3.json bundle-4.json --authority signing-authority.json --fail-on widening

The old bundle is verified; the new one needs no signature yet. Manifests in both are verified. A
further artifact is widening.
Exit codes: 0 ok, 1 a change of the kind of `--fail-on`, or an invalid bundle, 3 usage or I/O.";

const ROLLBACK_EXAMPLE: &str = "\
Example:
  sallyport bundle rollback bundle-3.json --authority signing-authority.json --history history.json \\
    --current bundle-4.json --reason 'orders refuses its callers' --by 'on call' --keys release --out back-to-3.json

The statement counts once: it names what it leads away from. `bundle verify --rollback` takes it.";
