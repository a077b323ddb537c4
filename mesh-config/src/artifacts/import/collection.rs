//! What a source names, or what is wrong with it: neither without a limit, whatever the source holds.

use super::Entry;
use crate::finding::{Code, Finding};

/// What was read so far.
#[derive(Default)]
pub(super) struct Collection {
    items: usize,
    entries: Vec<Entry>,
    findings: Vec<Finding>,
}

/// All entries, or what is wrong.
pub(super) fn collect(
    results: impl Iterator<Item = Result<Option<Entry>, Finding>>,
) -> Result<Vec<Entry>, Vec<Finding>> {
    let mut collection = Collection::default();
    for result in results {
        if !collection.add(result) {
            break;
        }
    }
    collection.end()
}

impl Collection {
    /// Takes what one item is: an artifact, nothing of interest, or wrong. Says whether to go on.
    pub(super) fn add(&mut self, item: Result<Option<Entry>, Finding>) -> bool {
        self.items = self.items.saturating_add(1);
        match item {
            Ok(entry) => self.entries.extend(entry),
            Err(finding) => self.findings.push(finding),
        }
        if self.items > MAXIMUM_ITEMS {
            let message = format!("has more than {MAXIMUM_ITEMS} entries");
            let finding = Finding::new(Code::TooMany, "", message);
            self.findings.push(finding);
        }
        self.items <= MAXIMUM_ITEMS && self.findings.len() < MAXIMUM_FINDINGS
    }

    pub(super) fn end(self) -> Result<Vec<Entry>, Vec<Finding>> {
        if self.findings.is_empty() {
            Ok(self.entries)
        } else {
            Err(self.findings)
        }
    }
}

/// Of all kinds: ten for each artifact that a manifest may have.
pub(super) const MAXIMUM_ITEMS: usize = 100_000;
/// More say nothing new to who has to mend the source.
pub(super) const MAXIMUM_FINDINGS: usize = 20;
