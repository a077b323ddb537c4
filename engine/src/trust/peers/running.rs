//! What peers run: taken from their tokens, and shared among the workers of a proxy.

use alloc::vec::Vec;

use super::shared::slot_of;
use super::{PeerKey, PeerTable};
use crate::facts::CredentialFacts;
use crate::time::TimeMs;
use crate::trust::recency::Place;
use crate::trust::wire::{InvalidSlot, RunningSlot};

/// A peer whose digests other workers should know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueRunning {
    place: Place,
    certificate_sha256: [u8; 32],
    identity: u64,
    /// The slot of shared data that they belong into.
    pub slot: u16,
}

impl PeerTable {
    /// Remembers what a token of a peer says that it runs. The token was verified, and counts at this
    /// time. `is_urgent`: the peer is shut out for it, so the others should know at once.
    pub fn note_running(
        &mut self,
        key: &PeerKey,
        token: &CredentialFacts,
        is_urgent: bool,
        now: TimeMs,
    ) {
        if token.artifacts.is_empty() {
            return;
        }
        let (place, _) = self.enter(key, now);
        let news = self
            .entries
            .get_mut(place)
            .is_some_and(|entry| entry.running.see(&token.artifacts, token.issued));
        if news {
            self.running.push_back(place);
            self.is_urgent |= is_urgent;
        }
    }

    /// Takes in what other workers wrote about what a peer runs.
    ///
    /// # Errors
    /// The bytes are no slot. Then nothing changes.
    pub fn hear_running(
        &mut self,
        key: &PeerKey,
        bytes: &[u8],
        now: TimeMs,
    ) -> Result<(), InvalidSlot> {
        let slot = RunningSlot::parse(bytes)?;
        let (place, _) = self.enter(key, now);
        if let Some(entry) = self.entries.get_mut(place) {
            slot.tell(&entry.certificate_sha256, &mut entry.running);
        }
        Ok(())
    }

    /// The next peer with digests that other workers do not know of.
    pub fn next_running(&mut self) -> Option<DueRunning> {
        while let Some(place) = self.running.pop_front() {
            if let Some(entry) = self.entries.get(place) {
                return Some(DueRunning {
                    place,
                    certificate_sha256: entry.certificate_sha256,
                    identity: entry.identity,
                    slot: slot_of(entry.identity),
                });
            }
        }
        None
    }

    /// What to write into the slot of a peer's digests, given what it holds, and whether that was none
    /// of ours. None if nothing is to be written.
    #[must_use]
    pub fn running_slot(
        &self,
        due: &DueRunning,
        current: Option<&[u8]>,
    ) -> Option<(Vec<u8>, Option<InvalidSlot>)> {
        let entry = self.entries.get(due.place).filter(|entry| {
            entry.identity == due.identity && entry.certificate_sha256 == due.certificate_sha256
        })?;
        let (mut slot, replaces) = match current.map(RunningSlot::parse) {
            None => (RunningSlot::default(), None),
            Some(Ok(slot)) => (slot, None),
            Some(Err(error)) => (RunningSlot::default(), Some(error)),
        };
        slot.put(&due.certificate_sha256, &entry.running);
        let bytes = slot.to_bytes();
        (current != Some(bytes.as_slice())).then_some((bytes, replaces))
    }

    /// They could not be written: the peer stays due.
    pub fn postpone_running(&mut self, due: &DueRunning) {
        self.running.push_back(due.place);
    }
}
