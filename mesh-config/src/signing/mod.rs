//! Signed documents as files: whose signatures count, and whether one holds.
//!
//! The signature of `FILE` is `FILE.sig` unless another name is given. What it covers, and why it
//! does not, is said by [`sallyport_credentials::signing`]; here it gets a code and a way out.

mod external;
mod signer;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use sallyport_credentials::signing::{
    InvalidSignature, Purpose, SigningAuthorities, SigningAuthority, Subject, Verified, verify,
};

use crate::bounded;
use crate::finding::{Code, Finding};

pub use external::{ExternalSigner, SignerFault};
pub use signer::{InvalidSigner, Signer};

/// The file of a document's signature, where none is named.
#[must_use]
pub fn signature_path(document: &Path) -> PathBuf {
    let mut name = document.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Reads the authorities whose signatures count.
///
/// # Errors
/// Everything that is wrong with the files.
pub fn authorities(paths: &[PathBuf]) -> Result<SigningAuthorities, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut authorities = Vec::new();
    for path in paths {
        match authority(path) {
            Ok(authority) => authorities.push(authority),
            Err(finding) => findings.push(finding),
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    SigningAuthorities::new(authorities).map_err(|(index, cause)| {
        let path = paths.get(index).map_or(Path::new(""), PathBuf::as_path);
        vec![of_file(Code::KeyTaken, path, cause.to_string())]
    })
}

/// Reads one authority.
///
/// # Errors
/// When the file cannot be read, or is none.
pub fn authority(path: &Path) -> Result<SigningAuthority, Finding> {
    let text = read(path, MAXIMUM_SMALL_MEBIBYTES)?;
    SigningAuthority::read(&text)
        .map_err(|cause| of_file(Code::SigningAuthorityForm, path, cause.to_string()))
}

/// Verifies the signature in a file for these documents.
///
/// # Errors
/// What is wrong with it, as one finding about the signature file.
pub fn verify_file(
    authorities: &SigningAuthorities,
    purpose: Purpose,
    signature: &Path,
    subjects: &[Subject],
) -> Result<Verified, Finding> {
    let bytes = match bytes(signature, MAXIMUM_SMALL_MEBIBYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = "there is no such file, so the document is not signed";
            return Err(of_file(Code::SignatureMissing, signature, message));
        }
        Err(error) => return Err(unreadable(signature, &error)),
    };
    verify_bytes(authorities, purpose, &bytes, subjects)
        .map_err(|finding| finding.in_file(signature.display().to_string(), None))
}

/// Verifies a signature for these documents.
///
/// # Errors
/// What is wrong with it.
pub fn verify_bytes(
    authorities: &SigningAuthorities,
    purpose: Purpose,
    signature: &[u8],
    subjects: &[Subject],
) -> Result<Verified, Finding> {
    verify(authorities, purpose, signature, subjects).map_err(|cause| {
        let code = code(&cause);
        Finding::new(code, "", cause.to_string()).with_hint(code.row().remedy)
    })
}

/// The bytes of a file that is not longer than so many MiB.
///
/// # Errors
/// [`Code::Unreadable`].
pub fn read(path: &Path, mebibytes: u32) -> Result<Vec<u8>, Finding> {
    bytes(path, mebibytes).map_err(|error| unreadable(path, &error))
}

/// No more than the limit is ever held.
pub(crate) fn bytes(path: &Path, mebibytes: u32) -> io::Result<Vec<u8>> {
    bounded::bytes(File::open(path)?, mebibytes)
}

/// Something to say about a whole file.
pub(crate) fn of_file(code: Code, path: &Path, message: impl Into<String>) -> Finding {
    Finding::new(code, "", message)
        .with_hint(code.row().remedy)
        .in_file(path.display().to_string(), None)
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    let message = format!("cannot be read: {error}");
    Finding::new(Code::Unreadable, "", message).in_file(path.display().to_string(), None)
}

const fn code(cause: &InvalidSignature) -> Code {
    match cause {
        InvalidSignature::HalfMissing(_) => Code::SignatureHalfMissing,
        InvalidSignature::Purpose { .. } => Code::SignatureOfOtherKind,
        InvalidSignature::AuthorityUnknown(_) => Code::SigningAuthorityUnknown,
        InvalidSignature::Mixed { .. } => Code::SigningAuthoritiesMixed,
        InvalidSignature::Algorithm(_) | InvalidSignature::HalfInvalid(_) => Code::SignatureInvalid,
        InvalidSignature::Altered(_) | InvalidSignature::OtherFiles { .. } => {
            Code::SignedFileAltered
        }
        InvalidSignature::TooLong | InvalidSignature::Form(_) | InvalidSignature::Statement => {
            Code::SignatureForm
        }
        // A rule that a later version of the crate adds.
        _ => Code::SignatureForm,
    }
}

/// Signatures and public keys are much shorter.
const MAXIMUM_SMALL_MEBIBYTES: u32 = 1;
