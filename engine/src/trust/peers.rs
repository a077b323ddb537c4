//! The states of many peers, in bounded memory.

mod running;
mod shared;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::clock::SteadyClock;
use super::fleet::Fleet;
use super::identities::{Identities, Isolation};
use super::recency::{Entry, Place, Recency};
use super::{
    Behaviour, Cause, Evidence, Moment, Notice, Outcome, PeerState, PeerView, Rules, TargetHasher,
};
pub use running::DueRunning;
pub use shared::{Due, Publication};

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
    latest: Option<Latest>,
    entries: Recency,
    capacity: u32,
    targets: TargetHasher,
    identities: Identities,
    fleet: Fleet,
    notices: Vec<Notice>,
    dirty: VecDeque<Place>,
    /// Whose digests other workers do not know of yet.
    running: VecDeque<Place>,
    is_urgent: bool,
}

/// What a peer is found by: the hash of its identity, and its certificate.
type Fingerprint = (u64, [u8; 32]);

/// The peer that was found last. One request asks for its caller two or three times, and the next one
/// is often of the same caller: comparing is cheaper than hashing and searching.
#[derive(Debug)]
struct Latest {
    identity: Arc<str>,
    fingerprint: Fingerprint,
    place: Place,
}

/// What is booked of a request, once it is decided.
#[derive(Debug, Clone, Copy, Default)]
pub struct Booking {
    /// Whether it counts as an arrival.
    pub arrives: bool,
    /// What it is evidence of.
    pub evidence: Option<Evidence>,
    /// Whether it used up some of a restricted peer's share.
    pub uses_share: bool,
    /// Whether it was refused because that share is used up.
    pub exceeds_share: bool,
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

impl PeerKey {
    /// The key of a peer.
    #[must_use]
    pub fn new(identity: &SpiffeId, certificate_sha256: [u8; 32]) -> Self {
        Self {
            certificate_sha256,
            identity: identity.shared(),
        }
    }
}

impl PeerTable {
    /// A table for at most `capacity` peers (at least eight). The key of `targets` must be secret.
    #[must_use]
    pub fn new(capacity: usize, targets: TargetHasher) -> Self {
        Self {
            clock: SteadyClock::new(),
            places: BTreeMap::new(),
            latest: None,
            entries: Recency::new(),
            capacity: u32::try_from(capacity.max(8)).unwrap_or(u32::MAX),
            targets,
            identities: Identities::new(),
            fleet: Fleet::new(),
            notices: Vec::new(),
            dirty: VecDeque::new(),
            running: VecDeque::new(),
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
            if booking.exceeds_share {
                state.exceed_share(rules.params, now);
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
        let (_, place) = self.find(key);
        self.entries.get(place?).map(|entry| &entry.state)
    }

    /// What happened among the peers since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        core::mem::take(&mut self.notices)
    }

    /// What a peer is found by, and its place if it is kept.
    fn find(&self, key: &PeerKey) -> (Fingerprint, Option<Place>) {
        if let Some(latest) = &self.latest
            && latest.fingerprint.1 == key.certificate_sha256
            && latest.identity == key.identity
            // Another peer may have taken its place.
            && self.entries.get(latest.place).is_some_and(|entry| {
                (entry.identity, entry.certificate_sha256) == latest.fingerprint
            })
        {
            return (latest.fingerprint, Some(latest.place));
        }
        let fingerprint = (self.targets.identity(&key.identity), key.certificate_sha256);
        (fingerprint, self.places.get(&fingerprint).copied())
    }

    /// The place of a peer, and the time on the table's clock.
    fn enter(&mut self, key: &PeerKey, now: TimeMs) -> (Place, Moment) {
        let now = self.clock.read(now);
        self.identities.start(now);
        let (fingerprint, known) = self.find(key);
        let place = known.unwrap_or_else(|| self.add(fingerprint, now));
        if known.is_some()
            && let Some(entry) = self.entries.get_mut(place)
        {
            self.fleet.see(Some(entry.last_seen), now);
            entry.last_seen = now;
        }
        self.latest = Some(Latest {
            identity: Arc::clone(&key.identity),
            fingerprint,
            place,
        });
        (place, now)
    }

    #[cold]
    #[inline(never)]
    fn add(&mut self, fingerprint: Fingerprint, now: Moment) -> Place {
        self.fleet.see(None, now);
        let (identity, certificate_sha256) = fingerprint;
        let entry = Entry::new(certificate_sha256, identity, now);
        let place = if self.entries.len() < self.capacity {
            self.entries.push(entry)
        } else {
            self.replace_least(entry, now)
        };
        self.places.insert(fingerprint, place);
        place
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
        if from != to {
            self.notify(Notice::Changed {
                peer: peer(),
                from,
                to,
            });
            self.make_dirty(place);
            self.is_urgent = true;
            if to == Behaviour::Isolated {
                self.isolate(identity, key, rules, now);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn isolate(&mut self, identity: u64, key: &PeerKey, rules: &Rules<'_>, now: Moment) {
        let isolation = Isolation {
            at: now,
            certificate: tag(&key.certificate_sha256),
        };
        if self.identities.isolate(identity, isolation, now) {
            let peer = key.clone();
            self.notify(Notice::IdentityIsolated { peer });
        }
        if self.fleet.cross(rules.fleet_guard, now) {
            self.notify(Notice::FleetGuarded);
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
        let mut view = PeerView {
            running: entry.running,
            ..PeerView::of(&entry.state, rules, now)
        };
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

fn tag(certificate_sha256: &[u8; 32]) -> u32 {
    certificate_sha256
        .first_chunk::<4>()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

const MAXIMUM_NOTICES: usize = 64;

#[cfg(test)]
mod tests;
