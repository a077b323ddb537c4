//! Which bundles were in force here: what keeps old ones out.
//!
//! The file is local and not signed: it is as trustworthy as the place where it lies. It says of each
//! bundle that was accepted its version and digest, who signed it, and for a rollback why. Versions
//! grow; who goes back needs a signed statement, and each statement counts once, since its digest is
//! noted.

use std::io;
use std::path::Path;

use sallyport_credentials::signing::Verified;
use sallyport_credentials::strict_json;
use sallyport_engine::policy::raw::ApiVersion;
use sallyport_engine::time::TimeMs;
use serde::{Deserialize, Serialize};

use super::file::{Bundle, finding};
use super::rollback::{Point, Rollback};
use crate::finding::{Code, Finding};
use crate::{clock, signing};

/// The bundles that were accepted, the last one in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleHistory {
    api_version: ApiVersion,
    kind: Kind,
    /// In the order of acceptance.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    BundleHistory,
}

/// A bundle that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Its version.
    pub version: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The authority that signed it.
    pub authority: String,
    /// When it was signed.
    pub signed_at: String,
    /// When it was accepted here.
    pub accepted_at: String,
    /// Why it came back; absent for a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Reason>,
}

/// What a rollback was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reason {
    /// The version that was left.
    pub from: u64,
    /// Why.
    pub reason: String,
    /// Who decided it.
    pub by: String,
    /// The authority that signed the statement.
    pub authority: String,
    /// SHA-256 of the statement, in hexadecimal.
    pub statement: String,
}

/// What accepting a bundle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// It is in force already.
    Same,
    /// It is newer than all before, as far as is known.
    Newer,
    /// A statement leads back to it.
    Rollback,
}

// === impl BundleHistory ===

impl BundleHistory {
    /// Nothing was accepted yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            api_version: ApiVersion::V1Alpha1,
            kind: Kind::BundleHistory,
            entries: Vec::new(),
        }
    }

    /// Reads a file; one that does not exist is an empty history.
    ///
    /// # Errors
    /// When it cannot be read, or its entries do not follow each other.
    pub fn read(path: &Path) -> Result<Self, Finding> {
        let bytes = match signing::bytes(path, MAXIMUM_MEBIBYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::new()),
            Err(error) => {
                let message = format!("cannot be read: {error}");
                return Err(Finding::new(Code::Unreadable, "", message)
                    .in_file(path.display().to_string(), None));
            }
        };
        let refuse = |message: String| signing::of_file(Code::HistoryForm, path, message);
        let history: Self = strict_json::read(&bytes).map_err(|error| refuse(error.to_string()))?;
        match history.first_wrong() {
            None => Ok(history),
            Some(number) => Err(refuse(format!(
                "`entries[{number}]` is neither newer than those before it, nor a rollback to one of them"
            ))),
        }
    }

    /// Its text.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn text(&self) -> Result<String, Finding> {
        match serde_json::to_string_pretty(self) {
            Ok(text) => Ok(text + "\n"),
            Err(_) => Err(finding(Code::HistoryForm, "", "cannot be written")),
        }
    }

    /// What was accepted, in its order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is in force.
    #[must_use]
    pub fn current(&self) -> Option<Point> {
        self.entries.last().map(Entry::point)
    }

    /// The highest version that ever was in force; 0 before the first.
    #[must_use]
    pub fn highest(&self) -> u64 {
        let versions = self.entries.iter().map(|entry| entry.version);
        versions.max().unwrap_or_default()
    }

    /// Whether this content was in force before.
    #[must_use]
    pub fn knows(&self, point: &Point) -> bool {
        self.entries.iter().any(|entry| entry.point() == *point)
    }

    /// Whether a bundle may come into force.
    ///
    /// # Errors
    /// When it is older, or the statement does not lead to it.
    pub fn admit(&self, bundle: &Bundle, rollback: Option<&Rollback>) -> Result<Step, Finding> {
        let point = Point::of(bundle);
        let current = self.current();
        if current.as_ref() == Some(&point) {
            return Ok(Step::Same);
        }
        let Some(rollback) = rollback else {
            return newer(&point, self.highest()).map(|()| Step::Newer);
        };
        let refuse = |message: String| Err(finding(Code::RollbackRefused, "", message));
        let document = &rollback.document;
        if document.to != point {
            return refuse(format!(
                "leads to version {}, not to this bundle",
                document.to.version
            ));
        }
        if current.as_ref() != Some(&document.from) {
            let now = current.map_or("nothing".to_owned(), |point| {
                format!("version {}", point.version)
            });
            return refuse(format!(
                "leads away from version {}, and {now} is in force",
                document.from.version
            ));
        }
        if !self.knows(&point) {
            return refuse("leads to a bundle that was never in force here".to_owned());
        }
        // Both ends may be what they were when it was signed, after another statement led forth again.
        if self.has_counted(rollback) {
            return refuse("has counted already".to_owned());
        }
        Ok(Step::Rollback)
    }

    fn has_counted(&self, rollback: &Rollback) -> bool {
        let reasons = self
            .entries
            .iter()
            .filter_map(|entry| entry.rollback.as_ref());
        reasons
            .map(|reason| &reason.statement)
            .any(|statement| *statement == rollback.sha256)
    }

    /// Notes that a bundle is in force, after [`Self::admit`] said so.
    pub fn record(
        &mut self,
        bundle: &Bundle,
        signature: &Verified,
        rollback: Option<&Rollback>,
        now: TimeMs,
    ) {
        let reason = rollback.map(|rollback| Reason {
            from: rollback.document.from.version,
            reason: rollback.document.reason.clone(),
            by: rollback.document.by.clone(),
            authority: rollback.signature.authority().to_owned(),
            statement: rollback.sha256.clone(),
        });
        self.entries.push(Entry {
            version: bundle.version(),
            sha256: bundle.sha256().to_owned(),
            authority: signature.authority().to_owned(),
            signed_at: clock::show(signature.signed_at()),
            accepted_at: clock::show(now),
            rollback: reason,
        });
    }

    fn first_wrong(&self) -> Option<usize> {
        let mut seen: Vec<Point> = Vec::new();
        for (number, entry) in self.entries.iter().enumerate() {
            let point = entry.point();
            let highest = seen.iter().map(|point| point.version).max();
            let follows = match &entry.rollback {
                None => point.version > highest.unwrap_or_default(),
                Some(_) => seen.contains(&point),
            };
            if !follows {
                return Some(number);
            }
            seen.push(point);
        }
        None
    }
}

impl Default for BundleHistory {
    fn default() -> Self {
        Self::new()
    }
}

impl Entry {
    fn point(&self) -> Point {
        Point {
            version: self.version,
            sha256: self.sha256.clone(),
        }
    }
}

/// Whether a bundle may follow this version, the highest that ever was in force, where no history is
/// kept. The one that is in force is not enough: after a rollback, what was left would follow it.
///
/// # Errors
/// When it is no newer, and no statement leads from that version to it.
pub fn after(bundle: &Bundle, version: u64, rollback: Option<&Rollback>) -> Result<Step, Finding> {
    let point = Point::of(bundle);
    let Some(rollback) = rollback else {
        return newer(&point, version).map(|()| Step::Newer);
    };
    let document = &rollback.document;
    if document.to == point && document.from.version == version {
        return Ok(Step::Rollback);
    }
    let message = format!(
        "leads from version {} to version {}, not from version {version} to this bundle",
        document.from.version, document.to.version
    );
    Err(finding(Code::RollbackRefused, "", message))
}

fn newer(point: &Point, highest: u64) -> Result<(), Finding> {
    if point.version > highest {
        return Ok(());
    }
    let message = format!(
        "is version {}, and version {highest} was in force already",
        point.version
    );
    Err(finding(Code::BundleOlder, "version", message))
}

const MAXIMUM_MEBIBYTES: u32 = 16;

#[cfg(test)]
mod tests;
