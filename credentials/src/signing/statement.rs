//! What is signed: which files, and when.

use sallyport_engine::hexadecimal;
use sallyport_engine::time::TimeMs;
use serde::{Deserialize, Serialize};

use super::error::InvalidSignature;
use crate::strict_json;

/// A signed file: what it is, its length and its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Which file of the document: `manifest`, `bundle`, `module`, `sbom`.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

/// The payload of both signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Statement {
    signed_at: String,
    subjects: Vec<Subject>,
}

// === impl Subject ===

impl Subject {
    /// A file with these bytes.
    #[must_use]
    pub fn of(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            sha256: hexadecimal::encode(&crate::sha256(bytes)),
        }
    }
}

// === impl Statement ===

impl Statement {
    /// `signed_at` is a time of RFC 3339.
    pub(super) fn new(subjects: &[Subject], signed_at: &str) -> Self {
        Self {
            signed_at: signed_at.to_owned(),
            subjects: subjects.to_vec(),
        }
    }

    /// Reads a payload whose signatures hold.
    pub(super) fn read(payload: &[u8]) -> Result<Self, InvalidSignature> {
        strict_json::read(payload).map_err(|_| InvalidSignature::Statement)
    }

    pub(super) fn signed_at(&self) -> Result<TimeMs, InvalidSignature> {
        TimeMs::parse_rfc3339(&self.signed_at).map_err(|_| InvalidSignature::Statement)
    }

    /// Whether it is about exactly these files.
    pub(super) fn check(&self, given: &[Subject]) -> Result<(), InvalidSignature> {
        let names = |subjects: &[Subject]| {
            let names = subjects.iter().map(|subject| subject.name.as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        let (signed, expected) = (names(&self.subjects), names(given));
        if signed != expected || self.subjects.len() != given.len() {
            return Err(InvalidSignature::OtherFiles {
                signed: signed.escape_debug().take(MAXIMUM_SHOWN).collect(),
                given: expected,
            });
        }
        let altered = self
            .subjects
            .iter()
            .zip(given)
            .find(|(signed, given)| signed != given);
        match altered {
            None => Ok(()),
            Some((_, given)) => Err(InvalidSignature::Altered(given.name.clone())),
        }
    }
}

const MAXIMUM_SHOWN: usize = 80;
