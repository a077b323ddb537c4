//! The statement that leads back: from what is in force to what an earlier bundle says.

use std::path::Path;

use sallyport_credentials::signing::{Purpose, SigningAuthorities, Subject, Verified};
use sallyport_credentials::strict_json;
use sallyport_engine::policy::raw::ApiVersion;
use sallyport_engine::text::is_control;
use sallyport_engine::time::TimeMs;
use serde::{Deserialize, Serialize};

use super::file::{Bundle, finding};
use super::{MAXIMUM_MEBIBYTES, ROLLBACK_SUBJECT};
use crate::finding::{Code, Finding};
use crate::signing;

/// A bundle, by version and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Point {
    /// Its version.
    pub version: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// The statement as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollbackDocument {
    /// The version of this format.
    api_version: ApiVersion,
    kind: Kind,
    /// What is in force.
    pub from: Point,
    /// What shall be.
    pub to: Point,
    /// Why.
    pub reason: String,
    /// Who decided it.
    pub by: String,
    /// When (RFC 3339).
    pub at: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    BundleRollback,
}

/// A statement that is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// What it says.
    pub document: RollbackDocument,
    /// Who signed it, and when.
    pub signature: Verified,
    /// SHA-256 of its bytes, in hexadecimal: each counts once.
    pub sha256: String,
}

// === impl Point ===

impl Point {
    /// That of a bundle.
    #[must_use]
    pub fn of(bundle: &Bundle) -> Self {
        Self {
            version: bundle.version(),
            sha256: bundle.sha256().to_owned(),
        }
    }
}

// === impl RollbackDocument ===

impl RollbackDocument {
    /// A statement.
    ///
    /// # Errors
    /// When reason or author are empty or too long.
    pub fn new(
        from: Point,
        to: Point,
        reason: &str,
        by: &str,
        at: String,
    ) -> Result<Self, Vec<Finding>> {
        let document = Self {
            api_version: ApiVersion::V1Alpha1,
            kind: Kind::BundleRollback,
            from,
            to,
            reason: reason.to_owned(),
            by: by.to_owned(),
            at,
        };
        let findings = document.check();
        if findings.is_empty() {
            Ok(document)
        } else {
            Err(findings)
        }
    }

    /// Its bytes: canonical JSON, and the end of the line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn text(&self) -> Result<String, Finding> {
        strict_json::canonical(self)
            .map(|text| text + "\n")
            .map_err(|error| finding(Code::RollbackRefused, "", error.to_string()))
    }

    fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (path, text) in [("reason", &self.reason), ("by", &self.by)] {
            let is_text = (1..=MAXIMUM_TEXT_BYTES).contains(&text.len());
            if !is_text || text.chars().any(is_control) {
                let message = "is empty, longer than 1024 bytes, or has control characters or \
                    marks that turn the direction of writing";
                findings.push(Finding::new(Code::Empty, path, message));
            }
        }
        if let Err(error) = TimeMs::parse_rfc3339(&self.at) {
            findings.push(Finding::new(Code::InvalidTime, "at", error.to_string()));
        }
        findings
    }
}

// === impl Rollback ===

impl Rollback {
    /// Reads a statement and verifies its signature.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(
        file: &Path,
        signature: &Path,
        authorities: &SigningAuthorities,
    ) -> Result<Self, Vec<Finding>> {
        let bytes = signing::read(file, MAXIMUM_MEBIBYTES).map_err(|finding| vec![finding])?;
        let subjects = [Subject::of(ROLLBACK_SUBJECT, &bytes)];
        let signature = signing::verify_file(authorities, Purpose::Rollback, signature, &subjects)
            .map_err(|finding| vec![finding])?;
        let document: RollbackDocument = strict_json::read(&bytes).map_err(|error| {
            vec![signing::of_file(
                Code::RollbackRefused,
                file,
                error.to_string(),
            )]
        })?;
        let findings = document.check();
        if !findings.is_empty() {
            let name = file.display().to_string();
            let findings = findings.into_iter();
            return Err(findings
                .map(|finding| finding.in_file(name.clone(), None))
                .collect());
        }
        let [subject] = subjects;
        Ok(Self {
            document,
            signature,
            sha256: subject.sha256,
        })
    }
}

const MAXIMUM_TEXT_BYTES: usize = 1024;
