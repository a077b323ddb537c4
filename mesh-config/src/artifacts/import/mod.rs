//! Digests of artifacts from bills of materials and attestations of any origin.
//!
//! Strict about what becomes part of the manifest: an artifact without exactly one SHA-256 refuses
//! the file, and so do members that stand twice. Members that are not needed are not looked at. Where
//! keys are given, only what one of them signed is read.

mod collection;
mod cyclonedx;
mod envelope;
mod in_toto;
mod spdx;

use std::path::Path;

use sallyport_credentials::jwk::Jwk;
use sallyport_credentials::strict_json;
use sallyport_engine::hexadecimal;
use serde_json::Value;

use self::collection::collect;
use super::{Artifact, ArtifactKind, Digest, Source, SourceFormat};
use crate::finding::{Code, Finding};
use crate::signing;

/// What a source does not say.
#[derive(Default)]
pub struct Options {
    /// The kind of subjects of statements, which do not tell.
    pub kind: Option<ArtifactKind>,
    /// The stage of all artifacts.
    pub stage: Option<String>,
    /// Keys of which one must have signed each source. Empty: envelopes are not verified, and a
    /// finding says so.
    pub keys: Vec<Jwk>,
}

/// What a source names.
#[derive(Debug)]
pub struct Imported {
    /// The artifacts, at least one.
    pub artifacts: Vec<Artifact>,
    /// What to know about the source.
    pub remarks: Vec<Finding>,
}

/// An artifact of a source.
struct Entry {
    kind: ArtifactKind,
    digest: Digest,
    name: String,
    version: Option<String>,
    reference: Option<String>,
}

/// The longest source, in MiB.
pub const MAXIMUM_MEBIBYTES: u32 = 16;

/// Reads the bytes of a source. `file` is what findings call it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn import(bytes: &[u8], file: &Path, options: &Options) -> Result<Imported, Vec<Finding>> {
    let of_file = |findings: Vec<Finding>| -> Vec<Finding> {
        let name = || file.display().to_string();
        let findings = findings.into_iter();
        findings
            .map(|finding| finding.in_file(name(), None))
            .collect()
    };
    let mut remarks = Vec::new();
    let found = read(bytes, options, &mut remarks).map_err(of_file)?;
    if found.entries.is_empty() {
        let message = "names no model and no image";
        return Err(vec![signing::of_file(Code::SourceEmpty, file, message)]);
    }
    let sha256 = hexadecimal::encode(&sallyport_credentials::sha256(bytes));
    let artifact = |entry: Entry| Artifact {
        kind: entry.kind,
        digest: entry.digest.to_string(),
        name: entry.name,
        version: entry.version,
        stage: options.stage.clone(),
        source: Some(Source {
            format: found.format,
            sha256: sha256.clone(),
            reference: entry.reference,
            signature_verified: found.signature_verified,
        }),
    };
    Ok(Imported {
        artifacts: found.entries.into_iter().map(artifact).collect(),
        remarks: of_file(remarks),
    })
}

/// A source whose format is known.
struct Found {
    format: SourceFormat,
    signature_verified: Option<bool>,
    entries: Vec<Entry>,
}

fn read(
    bytes: &[u8],
    options: &Options,
    remarks: &mut Vec<Finding>,
) -> Result<Found, Vec<Finding>> {
    let value = json(bytes)?;
    let form = Form::of(&value).map_err(|finding| vec![finding])?;
    if form != Form::Envelope && !options.keys.is_empty() {
        // Else whoever takes the envelope off takes the need for a signature with it.
        let code = Code::EnvelopeInvalid;
        let message = "is in no envelope, so none of the keys that were given signed it";
        return Err(vec![
            Finding::new(code, "", message).with_hint(code.row().remedy),
        ]);
    }
    let (format, signature_verified, entries) = match form {
        Form::CycloneDX => (SourceFormat::CycloneDX, None, cyclonedx::read(&value)?),
        Form::Spdx => (SourceFormat::SPDX, None, spdx::read(&value)?),
        Form::Statement => {
            let entries = in_toto::read(&value, options.kind)?;
            (SourceFormat::InToto, Some(false), entries)
        }
        Form::Envelope => {
            let (payload, verified) = envelope::open(&value, &options.keys, remarks)?;
            let entries = in_toto::read(&json(&payload)?, options.kind)?;
            (SourceFormat::InToto, Some(verified), entries)
        }
    };
    Ok(Found {
        format,
        signature_verified,
        entries,
    })
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    CycloneDX,
    Spdx,
    Statement,
    Envelope,
}

impl Form {
    /// By the member that only files of the form have.
    fn of(value: &Value) -> Result<Self, Finding> {
        let forms = [
            ("bomFormat", Self::CycloneDX),
            ("@context", Self::Spdx),
            ("_type", Self::Statement),
            ("payloadType", Self::Envelope),
        ];
        let mut forms = forms.iter().filter(|(name, _)| value.get(name).is_some());
        match (forms.next(), forms.next()) {
            (Some((_, form)), None) => Ok(*form),
            (None, _) => Err(unknown("is of none of the formats that are read")),
            // Another reader may take it for the other one.
            (Some((name, _)), Some((other, _))) => Err(unknown(&format!(
                "is of two formats at once: it has `{name}` and `{other}`"
            ))),
        }
    }
}

fn json(bytes: &[u8]) -> Result<Value, Vec<Finding>> {
    strict_json::read(bytes).map_err(|error| vec![unknown(&error.to_string())])
}

fn unknown(message: &str) -> Finding {
    Finding::new(Code::SourceUnknown, "", message).with_hint(Code::SourceUnknown.row().remedy)
}

/// A text member, or a finding.
fn text(value: &Value, path: &str, name: &str) -> Result<String, Finding> {
    match value.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(Finding::new(
            Code::WrongType,
            join(path, name),
            "is no text",
        )),
        None => Err(Finding::new(
            Code::MissingKey,
            join(path, name),
            "is missing",
        )),
    }
}

/// A text member that may be absent.
fn optional(value: &Value, path: &str, name: &str) -> Result<Option<String>, Finding> {
    match value.get(name) {
        None => Ok(None),
        Some(_) => text(value, path, name).map(Some),
    }
}

/// A list member that may be absent.
fn list<'a>(value: &'a Value, path: &str, name: &str) -> Result<&'a [Value], Finding> {
    match value.get(name) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Finding::new(
            Code::WrongType,
            join(path, name),
            "is no list",
        )),
    }
}

/// The one SHA-256 among the hashes of an artifact, each an algorithm and its digits.
fn one_sha256(hashes: &[(String, String)], algorithm: &str, path: &str) -> Result<Digest, Finding> {
    let refuse = |message: &str| {
        Finding::new(Code::InvalidDigest, path, message).with_hint(Code::InvalidDigest.row().remedy)
    };
    let mut digests = hashes
        .iter()
        .filter(|(name, _)| name == algorithm)
        .map(|(_, digits)| Digest::of_sha256(digits));
    let first = digests
        .next()
        .ok_or_else(|| refuse("has no SHA-256"))?
        .map_err(|invalid| refuse(&invalid.to_string()))?;
    for other in digests {
        if other != Ok(first.clone()) {
            return Err(refuse("has two SHA-256 digests that differ"));
        }
    }
    Ok(first)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests;
