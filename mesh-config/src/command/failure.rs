//! Why a command gave no result.

use std::io;
use std::path::{Path, PathBuf};

use sallyport_credentials::issue::IssueError;
use sallyport_credentials::pem::InvalidPem;
use sallyport_engine::identity::InvalidSpiffeId;
use sallyport_mesh_config::finding::Printable;
use sallyport_mesh_config::policy_file::PolicyFileErrors;
use sallyport_mesh_config::render::InvalidRendering;

use crate::clock::InvalidTime;
use crate::exit::Exit;
use crate::terminal::{Tone, toned};

/// Why a command gave no result. Each text names the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Failure {
    #[error("{0}")]
    Policy(#[from] PolicyFileErrors),
    #[error("{0}")]
    Rendering(#[from] InvalidRendering),
    #[error("{0}")]
    Time(#[from] InvalidTime),
    #[error("{}", with_source(.0))]
    Issue(#[from] IssueError),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    #[error("cannot read `{}`: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("cannot write `{}`: {cause}", path.display())]
    Unwritable { path: PathBuf, cause: io::Error },
    #[error("`{}` exists: give `--force` to replace it, or choose another folder", .0.display())]
    Exists(PathBuf),
    #[error("cannot write the result as {0}: please report it")]
    Encoding(&'static str),
    #[error("`{0}` is missing: give it as a flag, or in the file of `--request`")]
    FlagMissing(&'static str),
    #[error("`{0}` and `{1}` contradict each other: leave one of them out")]
    FlagsContradict(&'static str, &'static str),
    #[error("`{0}` needs `{1}`")]
    FlagNeeds(&'static str, &'static str),
    #[error("`{0}` is needed here")]
    FlagNeeded(&'static str),
    #[error("`--algorithm Dilithium5` is for token authorities only: use ML-DSA-65 or ML-DSA-87")]
    LegacyAlgorithm,
    #[error("the request in `{}` cannot be used: {cause}", path.display())]
    InvalidRequest {
        path: PathBuf,
        cause: serde_json::Error,
    },
    #[error("`{flag}`: `{text}` is no SPIFFE ID: it {cause}")]
    SpiffeId {
        flag: &'static str,
        text: String,
        cause: InvalidSpiffeId,
    },
    #[error("`{}` {cause}: name a file with one certificate", path.display())]
    Certificate { path: PathBuf, cause: InvalidPem },
    #[error("`{}` is no workload certificate: it needs exactly one URI name, a SPIFFE ID", .0.display())]
    NoWorkload(PathBuf),
    #[error("`{}` is of `{subject}`: leave `--from` out, or name the same", path.display())]
    OtherSubject { path: PathBuf, subject: String },
    #[error("`--denials` goes up to 1000")]
    TooManyDenials,
    #[error("the name `{0}` is no DNS label: use lower case letters, digits and inner `-`")]
    AuthorityName(String),
    #[error("the authority in `{}` cannot be used: {}", path.display(), with_source(cause))]
    Authority { path: PathBuf, cause: IssueError },
    #[error("`{}` is no certificate, public key or token in text form", .0.display())]
    Unknown(PathBuf),
    #[error("`{}` holds a private key, which is not shown: name its public half", .0.display())]
    PrivateKey(PathBuf),
}

impl Failure {
    /// The exit code for it.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Policy(PolicyFileErrors::Invalid { .. })
            | Self::Rendering(_)
            | Self::InvalidRequest { .. }
            | Self::Certificate { .. }
            | Self::NoWorkload(_)
            | Self::Unknown(_)
            | Self::PrivateKey(_) => Exit::Findings,
            Self::Policy(_)
            | Self::Time(_)
            | Self::Issue(_)
            | Self::Output(_)
            | Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::Exists(_)
            | Self::Encoding(_)
            | Self::FlagMissing(_)
            | Self::FlagsContradict(..)
            | Self::FlagNeeds(..)
            | Self::FlagNeeded(_)
            | Self::LegacyAlgorithm
            | Self::SpiffeId { .. }
            | Self::OtherSubject { .. }
            | Self::TooManyDenials
            | Self::AuthorityName(_)
            | Self::Authority { .. } => Exit::Failure,
        }
    }

    /// The whole complaint, with each error of an invalid policy.
    pub(crate) fn text(&self) -> String {
        let error = toned(Tone::Bad, "error");
        let headline = format!("{error}: {}", Printable(&self.to_string()));
        let Self::Policy(PolicyFileErrors::Invalid { findings, .. }) = self else {
            return headline;
        };
        let lines = findings
            .iter()
            .map(|finding| format!("\n{error}: {finding}"));
        lines.fold(headline, |text, line| text + &line)
    }

    /// For `map_err` on a read.
    pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |cause| Self::Unreadable {
            path: path.to_owned(),
            cause,
        }
    }

    /// For `map_err` on a write.
    pub(crate) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |cause| Self::Unwritable {
            path: path.to_owned(),
            cause,
        }
    }
}

/// An error and what caused it.
fn with_source(error: &IssueError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    }
}
