//! The states of many peers, in bounded memory.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::clock::SteadyClock;
use super::fleet::Fleet;
use super::identities::{Identities, Isolation};
use super::recency::{Entry, Place, Recency};
use super::wire::{self, IdentityRecord, InvalidSlot, PeerRecord, Slot};
use super::{
    Behaviour, Cause, Evidence, Moment, Notice, Outcome, PeerState, PeerView, Rules, TargetHasher,
};
use crate::identity::SpiffeId;
use crate::time::TimeMs;

/// Who is scored: an identity at a certificate, so that one rogue replica does not stand for its
/// healthy siblings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerKey {
    /// SHA-256 of the certificate.
    pub certificate_sha256: [u8; 32],
    /// The identity that it names.
    pub identity: Arc<str>,
}

/// The states of the peers of one proxy worker.
#[derive(Debug)]
pub struct PeerTable {
    clock: SteadyClock,
    places: BTreeMap<Fingerprint, Place>,
    entries: Recency,
    capacity: u32,
    targets: TargetHasher,
    identities: Identities,
    fleet: Fleet,
    notices: Vec<Notice>,
    dirty: VecDeque<Place>,
    is_urgent: bool,
}

/// What a peer is found by: the hash of its identity, and its certificate.
type Fingerprint = (u64, [u8; 32]);

/// What is booked of a request, once it is decided.
#[derive(Debug, Clone, Copy, Default)]
pub struct Booking {
    /// Whether it counts as an arrival.
    pub arrives: bool,
    /// What it is evidence of.
    pub evidence: Option<Evidence>,
    /// Whether it used up some of a restricted peer's share.
    pub uses_share: bool,
}

/// The number of peers in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Those that may do all that their flows allow.
    pub trusted: u32,
    /// Those that are restricted.
    pub restricted: u32,
    /// Those that are shut out.
    pub isolated: u32,
}

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

impl PeerKey {
    /// The key of a peer.
    #[must_use]
    pub fn new(identity: &SpiffeId, certificate_sha256: [u8; 32]) -> Self {
        Self {
            certificate_sha256,
            identity: Arc::from(identity.as_str()),
        }
    }
}

// === One peer ===

impl PeerTable {
    /// A table for at most `capacity` peers (at least eight). The key of `targets` must be secret.
    #[must_use]
    pub fn new(capacity: usize, targets: TargetHasher) -> Self {
        Self {
            clock: SteadyClock::new(),
            places: BTreeMap::new(),
            entries: Recency::new(),
            capacity: u32::try_from(capacity.max(8)).unwrap_or(u32::MAX),
            targets,
            identities: Identities::new(),
            fleet: Fleet::new(),
            notices: Vec::new(),
            dirty: VecDeque::new(),
            is_urgent: false,
        }
    }

    /// Tells the targets of refused requests apart.
    #[must_use]
    pub const fn targets(&self) -> TargetHasher {
        self.targets
    }

    /// The number of peers that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no peer is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many peers are in each state.
    pub fn census(&mut self, now: TimeMs) -> Census {
        let now = self.clock.read(now);
        let (restricted, isolated) = self.entries.shut_out(now);
        let shut_out = restricted.saturating_add(isolated);
        Census {
            trusted: self.entries.len().saturating_sub(shut_out),
            restricted,
            isolated,
        }
    }

    /// What a decision may know of a peer at this time. A new peer in a full table takes the place
    /// of one whose state says least.
    pub fn look(&mut self, key: &PeerKey, rules: &Rules<'_>, now: TimeMs) -> PeerView {
        let (place, now) = self.enter(key, now);
        self.settle(place, key, rules, now);
        self.entries.touch(place);
        self.view(place, rules, now)
    }

    /// Books what a request amounts to.
    pub fn book(&mut self, key: &PeerKey, rules: &Rules<'_>, booking: Booking, now: TimeMs) {
        let (place, now) = self.enter(key, now);
        let changed = self.change(place, |state| {
            if booking.arrives {
                state.arrive(rules.params, now);
            }
            if let Some(evidence) = booking.evidence {
                state.record(evidence, rules.params, now);
            }
            if booking.uses_share {
                state.use_share(now);
            }
        });
        if changed {
            self.settle(place, key, rules, now);
            self.entries.touch(place);
        }
    }

    /// Books what came of a request.
    pub fn observe(&mut self, key: &PeerKey, rules: &Rules<'_>, outcome: &Outcome, now: TimeMs) {
        let (place, now) = self.enter(key, now);
        if self.change(place, |state| state.observe(outcome, rules.params, now)) {
            self.settle(place, key, rules, now);
            self.entries.touch(place);
        }
    }

    /// The state of a peer that is kept.
    #[must_use]
    pub fn state(&self, key: &PeerKey) -> Option<&PeerState> {
        let place = self.places.get(&self.fingerprint(key))?;
        self.entries.get(*place).map(|entry| &entry.state)
    }

    /// What happened among the peers since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        core::mem::take(&mut self.notices)
    }

    fn fingerprint(&self, key: &PeerKey) -> Fingerprint {
        (self.targets.identity(&key.identity), key.certificate_sha256)
    }

    /// The place of a peer, and the time on the table's clock.
    fn enter(&mut self, key: &PeerKey, now: TimeMs) -> (Place, Moment) {
        let now = self.clock.read(now);
        self.identities.start(now);
        let fingerprint = self.fingerprint(key);
        if let Some(place) = self.places.get(&fingerprint).copied() {
            if let Some(entry) = self.entries.get_mut(place) {
                self.fleet.see(Some(entry.last_seen), now);
                entry.last_seen = now;
            }
            return (place, now);
        }
        self.fleet.see(None, now);
        let entry = Entry::new(key.certificate_sha256, fingerprint.0, now);
        let place = if self.entries.len() < self.capacity {
            self.entries.push(entry)
        } else {
            self.replace_least(entry, now)
        };
        self.places.insert(fingerprint, place);
        (place, now)
    }

    fn replace_least(&mut self, entry: Entry, now: Moment) -> Place {
        // INVARIANT: the table is full, so there is one.
        let place = self.entries.least(now).unwrap_or(0);
        if let Some(old) = self.entries.get(place) {
            self.places.remove(&(old.identity, old.certificate_sha256));
        }
        self.entries.replace(place, entry);
        place
    }

    /// Changes a state; says whether its evidence changed, which others should know of.
    fn change(&mut self, place: Place, change: impl FnOnce(&mut PeerState)) -> bool {
        let Some(entry) = self.entries.get_mut(place) else {
            return false;
        };
        let before = entry.state.mark();
        change(&mut entry.state);
        let changed = entry.state.mark() != before;
        if changed {
            self.make_dirty(place);
        }
        changed
    }

    fn make_dirty(&mut self, place: Place) {
        if let Some(entry) = self.entries.get_mut(place)
            && !entry.is_dirty
        {
            entry.is_dirty = true;
            self.dirty.push_back(place);
        }
    }

    /// Moves a peer between its states, with what follows for others.
    fn settle(&mut self, place: Place, key: &PeerKey, rules: &Rules<'_>, now: Moment) {
        let Some(entry) = self.entries.get_mut(place) else {
            return;
        };
        let identity = entry.identity;
        let was_alarming = entry.state.is_alarming();
        let from = entry.state.standing();
        entry.state.settle(rules, now);
        let to = entry.state.standing();
        let is_alarming = entry.state.is_alarming();
        if let Some(before) = rules.pushed.released_before {
            self.identities.release(identity, Moment::of(before));
        }
        let peer = || key.clone();
        if is_alarming && !was_alarming {
            self.notify(Notice::AggregatorAlarm { peer: peer() });
        }
        if from == to {
            return;
        }
        self.notify(Notice::Changed {
            peer: peer(),
            from,
            to,
        });
        self.make_dirty(place);
        self.is_urgent = true;
        if to == Behaviour::Isolated {
            let isolation = Isolation {
                at: now,
                certificate: tag(&key.certificate_sha256),
            };
            if self.identities.isolate(identity, isolation, now) {
                self.notify(Notice::IdentityIsolated { peer: peer() });
            }
            if self.fleet.cross(rules.fleet_guard, now) {
                self.notify(Notice::FleetGuarded);
            }
        }
    }

    /// Notes what an operator should hear of. Who does not fetch notices loses the later ones.
    fn notify(&mut self, notice: Notice) {
        if self.notices.len() < MAXIMUM_NOTICES {
            self.notices.push(notice);
        }
    }

    fn view(&self, place: Place, rules: &Rules<'_>, now: Moment) -> PeerView {
        let Some(entry) = self.entries.get(place) else {
            return PeerView::of(&PeerState::new(now), rules, now);
        };
        let mut view = PeerView::of(&entry.state, rules, now);
        let fresh = rules.fresh_since.map(Moment::of);
        let first_seen = entry.state.first_seen();
        let floor = self
            .identities
            .floor(entry.identity, first_seen, fresh, now);
        if floor > view.standing {
            view.standing = floor;
            view.cause = Cause::Identity;
        }
        if view.standing == Behaviour::Isolated && self.fleet.guards(now) {
            view.standing = Behaviour::Restricted;
            view.cause = Cause::FleetGuard;
        }
        view
    }
}

// === Shared data ===

impl PeerTable {
    /// Whether a peer is kept. Before the first look at one that is not, its slot should be
    /// [absorbed](Self::absorb).
    #[must_use]
    pub fn knows(&self, key: &PeerKey) -> bool {
        self.places.contains_key(&self.fingerprint(key))
    }

    /// The slot of shared data that a peer belongs into: that of its identity.
    #[must_use]
    pub fn slot(&self, key: &PeerKey) -> u16 {
        slot_of(self.targets.identity(&key.identity))
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

fn slot_of(identity: u64) -> u16 {
    let slots = u64::from(wire::SLOTS);
    u16::try_from(identity.checked_rem(slots).unwrap_or(0)).unwrap_or(0)
}

fn tag(certificate_sha256: &[u8; 32]) -> u32 {
    certificate_sha256
        .first_chunk::<4>()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

const MAXIMUM_NOTICES: usize = 64;

#[cfg(test)]
mod tests;
