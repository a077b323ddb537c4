//! What the workers of a proxy tell each other about peers: what to write into shared data, and what
//! to make of what stands there.

use alloc::vec::Vec;

use super::{PeerKey, PeerTable};
use crate::time::TimeMs;
use crate::trust::recency::Place;
use crate::trust::wire::{self, IdentityRecord, InvalidSlot, PeerRecord, Slot};
use crate::trust::{Moment, PeerState};

/// A peer whose evidence other workers should know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    place: Place,
    certificate_sha256: [u8; 32],
    identity: u64,
    /// The slot of shared data that it belongs into.
    pub slot: u16,
}

/// New bytes for a slot.
#[derive(Debug)]
pub struct Publication {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Why what the slot held is dropped, if it was none of ours.
    pub replaces: Option<InvalidSlot>,
    due: Due,
    united: PeerState,
}

impl PeerTable {
    /// Whether a peer is kept. Before the first look at one that is not, its slot should be
    /// [absorbed](Self::absorb).
    #[must_use]
    pub fn knows(&self, key: &PeerKey) -> bool {
        self.find(key).1.is_some()
    }

    /// The slot of shared data that a peer belongs into: that of its identity.
    #[must_use]
    pub fn slot(&self, key: &PeerKey) -> u16 {
        slot_of(self.find(key).0.0)
    }

    /// Unites a peer with what other workers wrote about it and its identity.
    ///
    /// # Errors
    /// The bytes are no slot. Then nothing changes, and nothing is held against the peer.
    pub fn absorb(&mut self, key: &PeerKey, bytes: &[u8], now: TimeMs) -> Result<(), InvalidSlot> {
        let slot = Slot::parse(bytes)?;
        let (place, now) = self.enter(key, now);
        self.unite(place, &slot, now);
        self.entries.touch(place);
        Ok(())
    }

    /// Whether a peer changed its state, which others should know of at once.
    #[must_use]
    pub const fn is_urgent(&self) -> bool {
        self.is_urgent
    }

    /// The next peer with evidence that other workers do not know of; none when all is published.
    pub fn next_due(&mut self) -> Option<Due> {
        while let Some(place) = self.dirty.pop_front() {
            if let Some(entry) = self.entries.get_mut(place)
                && entry.is_dirty
            {
                entry.is_dirty = false;
                return Some(Due {
                    place,
                    certificate_sha256: entry.certificate_sha256,
                    identity: entry.identity,
                    slot: slot_of(entry.identity),
                });
            }
        }
        self.is_urgent = false;
        None
    }

    /// What to write into the slot of a peer, given what it holds. Bytes that are no slot are
    /// replaced. None if the peer was forgotten meanwhile.
    #[must_use]
    pub fn publication(
        &mut self,
        due: &Due,
        current: Option<&[u8]>,
        now: TimeMs,
    ) -> Option<Publication> {
        let now = self.clock.read(now);
        let (mut slot, replaces) = match current.map(Slot::parse) {
            None => (Slot::default(), None),
            Some(Ok(slot)) => (slot, None),
            Some(Err(error)) => (Slot::default(), Some(error)),
        };
        let host = self.clock.host_seconds();
        let entry = self.entries.get(due.place).filter(|entry| {
            entry.identity == due.identity && entry.certificate_sha256 == due.certificate_sha256
        })?;
        let mut united = entry.state.clone();
        united.advance(now);
        if let Some(record) = slot.peer(&due.certificate_sha256, due.identity) {
            united.unite(&record.carried, age(host, record.as_of));
        }
        slot.put_peer(PeerRecord {
            certificate_sha256: due.certificate_sha256,
            identity: due.identity,
            as_of: host,
            carried: wire::Carried::of(&united),
        });
        if let Some(record) = slot.identity(due.identity) {
            let theirs = record.isolations(age(host, record.as_of()), now);
            self.identities.unite(due.identity, &theirs, now);
        }
        if let Some(isolations) = self.identities.get(due.identity) {
            slot.put_identity(IdentityRecord::of(due.identity, isolations, host, now));
        }
        Some(Publication {
            bytes: slot.to_bytes(),
            replaces,
            due: *due,
            united,
        })
    }

    /// The bytes of a publication are in their slot now. If they could not be written because
    /// another worker was faster, make a new publication with what the slot holds then.
    pub fn published(&mut self, publication: Publication) {
        let Publication {
            due, mut united, ..
        } = publication;
        if let Some(entry) = self.entries.get_mut(due.place)
            && entry.certificate_sha256 == due.certificate_sha256
            && entry.identity == due.identity
        {
            united.mark_published();
            entry.state = united;
            self.entries.touch(due.place);
        }
    }

    /// A publication could not be made: the peer stays due.
    pub fn postpone(&mut self, due: &Due) {
        self.make_dirty(due.place);
    }

    fn unite(&mut self, place: Place, slot: &Slot, now: Moment) {
        let host = self.clock.host_seconds();
        let Some(entry) = self.entries.get_mut(place) else {
            return;
        };
        entry.state.advance(now);
        if let Some(record) = slot.peer(&entry.certificate_sha256, entry.identity) {
            entry.state.unite(&record.carried, age(host, record.as_of));
        }
        let identity = entry.identity;
        if let Some(record) = slot.identity(identity) {
            let theirs = record.isolations(age(host, record.as_of()), now);
            self.identities.unite(identity, &theirs, now);
        }
    }
}

/// Seconds since a record was written; 0 for one from the future, which so is not forgotten.
fn age(host: u64, as_of: u64) -> u32 {
    u32::try_from(host.saturating_sub(as_of)).unwrap_or(u32::MAX)
}

pub(super) fn slot_of(identity: u64) -> u16 {
    let slots = u64::from(wire::SLOTS);
    u16::try_from(identity.checked_rem(slots).unwrap_or(0)).unwrap_or(0)
}
