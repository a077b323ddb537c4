//! What the commands that sign and verify documents have in common.

use std::path::{Path, PathBuf};

use sallyport_credentials::signing::{Purpose, SigningAuthorities, Subject, Verified};
use sallyport_engine::time::TimeMs;
use sallyport_mesh_config::finding::{Code, Finding};
use sallyport_mesh_config::signing::{self, ExternalSigner, InvalidSigner, Signer, signature_path};
use serde::Serialize;

use super::failure::Failure;
use super::writing;
use crate::args::{ArtifactPinArgs, Output, PinArgs, SignerArgs};
use crate::clock;
use crate::exit::Exit;
use crate::terminal::{self, Tone, toned};

/// Who signed something, and when.
#[derive(Serialize)]
pub(super) struct SignedBy {
    authority: String,
    signed_at: String,
}

/// What was signed.
#[derive(Serialize)]
struct Signed<'a> {
    signature: String,
    authority: &'a str,
    signed_at: String,
    subjects: &'a [Subject],
}

impl From<&Verified> for SignedBy {
    fn from(verified: &Verified) -> Self {
        Self {
            authority: verified.authority().to_owned(),
            signed_at: clock::show(verified.signed_at()),
        }
    }
}

impl SignedBy {
    /// `signed by release at 2026-11-21T08:00:00Z`.
    pub(super) fn text(&self) -> String {
        format!("signed by {} at {}", self.authority, self.signed_at)
    }
}

pub(super) fn pins(args: &PinArgs) -> Result<SigningAuthorities, Failure> {
    signing::authorities(&args.authorities).map_err(Failure::files)
}

/// Whose signatures of manifests count: those that are named for it, else all.
pub(super) fn artifact_pins(
    own: &ArtifactPinArgs,
    all: &[PathBuf],
) -> Result<SigningAuthorities, Failure> {
    let paths = match own.artifact_authorities.as_slice() {
        [] => all,
        own => own,
    };
    signing::authorities(paths).map_err(Failure::files)
}

/// The time of a flag, or now.
pub(super) fn time(at: Option<&str>) -> Result<TimeMs, Failure> {
    match at {
        Some(text) => Ok(clock::parse(text)?),
        None => Ok(clock::now()),
    }
}

/// The file of a signature: the one that is named, else the usual one.
pub(super) fn signature_of(document: &Path, named: Option<&PathBuf>) -> PathBuf {
    named.cloned().unwrap_or_else(|| signature_path(document))
}

/// Signs documents, writes the signature file, and says so.
pub(super) fn sign(
    args: &SignerArgs,
    purpose: Purpose,
    subjects: &[Subject],
    signature: &Path,
    output: Output,
) -> Result<Exit, Failure> {
    let now = clock::show(time(args.at.as_deref())?);
    let signer = signer(args)?;
    let text = signer
        .sign(purpose, subjects, &now)
        .map_err(|error| failure(args, error))?;
    writing::replace(signature, &text)?;
    let signed = Signed {
        signature: signature.display().to_string(),
        authority: signer.authority().name(),
        signed_at: now,
        subjects,
    };
    let text = match output {
        Output::Json => pretty(&signed)?,
        Output::Text => format!(
            "{} {}, by {} at {}",
            toned(Tone::Good, "signed:"),
            signed.signature,
            signed.authority,
            signed.signed_at
        ),
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn signer(args: &SignerArgs) -> Result<Signer, Failure> {
    match (&args.keys, &args.signer_command, &args.signer_authority) {
        (Some(folder), _, _) => Signer::of_folder(folder).map_err(|error| failure(args, error)),
        (None, Some(command), Some(authority)) => Ok(Signer::Command {
            authority: signing::authority(authority)
                .map(Box::new)
                .map_err(|finding| Failure::files(vec![finding]))?,
            signer: ExternalSigner::new(command).map_err(|fault| failure(args, fault.into()))?,
        }),
        (None, _, _) => Err(Failure::FlagNeeded("--keys")),
    }
}

fn failure(args: &SignerArgs, error: InvalidSigner) -> Failure {
    match (error, &args.keys) {
        (InvalidSigner::Keys(cause), Some(folder)) => Failure::Authority {
            path: folder.clone(),
            cause,
        },
        (error, _) => {
            let code = Code::SignerFailed;
            let finding = Finding::new(code, "--signer-command", error.to_string());
            Failure::Files(vec![finding.with_hint(code.row().remedy)])
        }
    }
}

pub(super) fn pretty(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|_| Failure::Encoding("JSON"))
}
