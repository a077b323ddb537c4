//! What can go wrong when something is issued.

use std::io;
use std::path::PathBuf;

use crate::authority::InvalidCaCertificate;
use crate::pem::InvalidPem;
use crate::signing::InvalidSigningAuthority;

/// Why nothing was issued, saved or loaded. One variant for each cause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes; try again")]
    Randomness,
    /// A key could not be generated.
    #[error("the key could not be generated; try again")]
    KeyGeneration,
    /// A signature could not be made.
    #[error("the signature could not be made; check the key file")]
    Signing,
    /// PEM or JSON could not be written.
    #[error("the result could not be encoded; shorten the input")]
    Encoding,
    /// A time after the year 9999.
    #[error("the time is later than a certificate can say; use one before the year 10000")]
    Time,
    /// A certificate could not be made.
    #[error("the certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificate of an authority is none.
    #[error("the certificate in `{path}` is not that of an authority: it {cause}")]
    CaCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: InvalidCaCertificate,
    },
    /// A file could not be read.
    #[error("the file `{path}` cannot be read; check that it exists, and who may read it")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file could not be written.
    #[error(
        "the file `{path}` cannot be written; check that it does not exist yet, and who may write there"
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file holds no PEM of its kind.
    #[error("the file `{path}` {cause}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: InvalidPem,
    },
    /// A file holds another key or entry than the files beside it.
    #[error("the file `{path}` does not belong to the files beside it; restore the directory")]
    Mismatch {
        /// The file.
        path: PathBuf,
    },
    /// Keys that make no authority for documents.
    #[error("the keys make no signing authority: it {0}")]
    SigningAuthority(#[from] InvalidSigningAuthority),
    /// The certificate of an authority says what this software does not write.
    #[error("the certificate is not like those that are made here; make a new authority instead")]
    Unlike,
    /// Both passes over a hybrid certificate must have the same bytes under the ML-DSA signature.
    #[error("the two passes over the certificate differ; report this as a defect")]
    PassesDiffer,
}
