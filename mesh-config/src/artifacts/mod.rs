//! Manifests of artifacts: the digests of the models and images that may run, and until when.
//!
//! [`mod@import`] makes one of bills of materials and attestations, [`manifest`] reads one, and
//! [`verify`] gives one only if it is signed by a pinned authority and in force.

pub mod import;
mod manifest;

use std::path::Path;

use sallyport_credentials::signing::{Purpose, SigningAuthorities, Subject, Verified};
use sallyport_engine::time::TimeMs;

use crate::finding::{Code, Finding};
use crate::signing;

pub(crate) use manifest::is_label;
pub use manifest::{
    Artifact, Digest, InvalidDigest, Manifest, ManifestDocument, ManifestKind, ManifestMetadata,
    ManifestSpec, Source, SourceFormat, from_document, from_text,
};
pub use sallyport_engine::policy::raw::ArtifactKind;

/// A manifest that counts.
#[derive(Debug)]
pub struct VerifiedManifest {
    /// What it says.
    pub manifest: Manifest,
    /// Who signed it, and when.
    pub signature: Verified,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
}

/// What the file of a manifest is called in its signature.
pub const SUBJECT: &str = "manifest";
/// The longest manifest, in MiB.
pub const MAXIMUM_MEBIBYTES: u32 = 8;

/// Verifies a manifest: first its signature, then its form, then its times.
///
/// # Errors
/// Everything that is wrong with it.
pub fn verify(
    file: &Path,
    signature: &Path,
    authorities: &SigningAuthorities,
    now: TimeMs,
) -> Result<VerifiedManifest, Vec<Finding>> {
    let verified = verify_signed(file, signature, authorities)?;
    verified
        .manifest
        .in_force(now)
        .map_err(|finding| vec![finding.in_file(file.display().to_string(), None)])?;
    Ok(verified)
}

/// Verifies a manifest for any time: its signature, then its form.
///
/// # Errors
/// Everything that is wrong with it.
pub fn verify_signed(
    file: &Path,
    signature: &Path,
    authorities: &SigningAuthorities,
) -> Result<VerifiedManifest, Vec<Finding>> {
    let bytes = signing::read(file, MAXIMUM_MEBIBYTES).map_err(|finding| vec![finding])?;
    let subjects = [Subject::of(SUBJECT, &bytes)];
    let found = signing::verify_file(authorities, Purpose::Artifacts, signature, &subjects);
    let signature = found.map_err(|finding| vec![finding])?;
    let manifest = read(&bytes, file)?;
    let [subject] = subjects;
    Ok(VerifiedManifest {
        manifest,
        signature,
        sha256: subject.sha256,
    })
}

/// Reads the bytes of a manifest. `file` is what findings call it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(bytes: &[u8], file: &Path) -> Result<Manifest, Vec<Finding>> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| vec![signing::of_file(Code::Syntax, file, "is no UTF-8")])?;
    from_text(text, file)
}
