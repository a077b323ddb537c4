//! Rules between the certificates of one identity: a new certificate does not wash clean, and an
//! identity that goes bad again and again is isolated as a whole.

use alloc::collections::BTreeMap;

use super::{Behaviour, Moment};

/// The identities of which certificates were isolated of late.
#[derive(Debug)]
pub(super) struct Identities {
    by_hash: BTreeMap<u64, Isolations>,
    started: Moment,
}

/// The isolations of the certificates of one identity within the last hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Isolations {
    pub(super) latest: [Option<Isolation>; 3],
    pub(super) isolated_until: Option<Moment>,
}

/// When a certificate was isolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Isolation {
    pub(super) at: Moment,
    /// The first bytes of the certificate's digest.
    pub(super) certificate: u32,
}

impl Identities {
    pub(super) const fn new() -> Self {
        Self {
            by_hash: BTreeMap::new(),
            started: Moment(0),
        }
    }

    /// Sets when this worker began to see peers.
    pub(super) fn start(&mut self, now: Moment) {
        if self.started == Moment(0) {
            self.started = now;
        }
    }

    pub(super) fn get(&self, identity: u64) -> Option<&Isolations> {
        self.by_hash.get(&identity)
    }

    /// Books that a certificate was isolated. Says whether the identity is now, and was not before.
    pub(super) fn isolate(&mut self, identity: u64, isolation: Isolation, now: Moment) -> bool {
        if self.by_hash.len() >= CAPACITY && !self.by_hash.contains_key(&identity) {
            let oldest = self.by_hash.iter().min_by_key(|(_, known)| known.newest());
            if let Some(hash) = oldest.map(|(hash, _)| *hash) {
                self.by_hash.remove(&hash);
            }
        }
        let isolations = self.by_hash.entry(identity).or_default();
        let was_isolated = isolations.is_isolated(now);
        isolations.add(isolation, now);
        isolations.is_isolated(now) && !was_isolated
    }

    /// Unites with what another worker knows.
    pub(super) fn unite(&mut self, identity: u64, other: &Isolations, now: Moment) {
        for isolation in other.latest.into_iter().flatten() {
            self.isolate(identity, isolation, now);
        }
        if let Some(until) = other.isolated_until {
            let longest = now.plus(HOUR);
            let isolations = self.by_hash.entry(identity).or_default();
            isolations.isolated_until = isolations.isolated_until.max(Some(until.min(longest)));
        }
    }

    /// Forgets the isolations of an identity before a time.
    pub(super) fn release(&mut self, identity: u64, before: Moment) {
        if let Some(isolations) = self.by_hash.get_mut(&identity) {
            let is_before = |isolation: &Isolation| isolation.at < before;
            if isolations.newest().is_some_and(|newest| newest < before) {
                isolations.isolated_until = None;
            }
            for place in &mut isolations.latest {
                *place = place.filter(|isolation| !is_before(isolation));
            }
        }
    }

    /// The best standing that a certificate first seen at `first_seen` can have. `fresh` is when it
    /// was issued, if that lets it make a new start.
    pub(super) fn floor(
        &self,
        identity: u64,
        first_seen: Moment,
        fresh: Option<Moment>,
        now: Moment,
    ) -> Behaviour {
        let Some(isolations) = self.by_hash.get(&identity) else {
            return Behaviour::Trusted;
        };
        if isolations.is_isolated(now) {
            return Behaviour::Isolated;
        }
        let taints = |isolation: &Isolation| {
            let is_recent = now.since(isolation.at) < HOUR;
            // A worker that just started has seen no certificate before any isolation: it cannot
            // tell a healthy replica from a certificate that came afterwards, and waits.
            let could_tell =
                isolation.at >= self.started || first_seen.since(self.started) >= GRACE_SECONDS;
            let is_fresh = fresh.is_some_and(|issued| issued > isolation.at);
            is_recent && could_tell && !is_fresh && first_seen > isolation.at
        };
        if isolations.latest.iter().flatten().any(taints) {
            Behaviour::Restricted
        } else {
            Behaviour::Trusted
        }
    }
}

impl Isolations {
    pub(super) fn is_isolated(&self, now: Moment) -> bool {
        self.isolated_until.is_some_and(|until| now < until)
    }

    fn newest(&self) -> Option<Moment> {
        self.latest.iter().flatten().map(|known| known.at).max()
    }

    /// Adds an isolation; of one certificate only the latest counts.
    fn add(&mut self, added: Isolation, now: Moment) {
        let same = |place: &&mut Option<Isolation>| {
            place.is_some_and(|known| known.certificate == added.certificate)
        };
        if let Some(place) = self.latest.iter_mut().find(same) {
            *place = (*place).max(Some(added));
        } else if let Some(place) = self.latest.iter_mut().min_by_key(|place| **place)
            && *place < Some(added)
        {
            *place = Some(added);
        }
        let is_recent = |known: &&Isolation| now.since(known.at) < HOUR;
        let recent = self.latest.iter().flatten().filter(is_recent).count();
        if recent == self.latest.len() {
            let until = self.newest().map(|newest| newest.plus(HOUR));
            self.isolated_until = self.isolated_until.max(until);
        }
    }
}

pub(super) const HOUR: u32 = 3_600;
/// As long as a peer takes to become known.
const GRACE_SECONDS: u32 = 600;
const CAPACITY: usize = 1_024;

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const START: Moment = Moment(10_000);

    fn identities(isolated: &[(u32, u32)]) -> Identities {
        let mut identities = Identities::new();
        identities.start(START);
        for (certificate, at) in isolated {
            let isolation = Isolation {
                at: START.plus(*at),
                certificate: *certificate,
            };
            identities.isolate(7, isolation, START.plus(*at));
        }
        identities
    }

    fn floor(identities: &Identities, first_seen: u32, now: u32) -> Behaviour {
        identities.floor(7, START.plus(first_seen), None, START.plus(now))
    }

    #[test]
    fn a_certificate_first_seen_after_an_isolation_starts_restricted_for_an_hour() {
        let known = identities(&[(1, 100)]);
        assert_eq!(floor(&known, 99, 200), Behaviour::Trusted);
        assert_eq!(floor(&known, 101, 200), Behaviour::Restricted);
        assert_eq!(floor(&known, 3_600, 3_699), Behaviour::Restricted);
        assert_eq!(floor(&known, 3_600, 3_700), Behaviour::Trusted);
        let other = known.floor(8, START.plus(101), None, START.plus(200));
        assert_eq!(other, Behaviour::Trusted);
    }

    #[test]
    fn three_certificates_within_an_hour_isolate_the_identity_for_an_hour() {
        let twice = identities(&[(1, 0), (2, 10), (2, 20), (1, 30)]);
        assert_eq!(floor(&twice, 0, 40), Behaviour::Trusted);
        let thrice = identities(&[(1, 0), (2, 10), (3, 3_599)]);
        assert_eq!(floor(&thrice, 0, 3_599), Behaviour::Isolated);
        assert_eq!(floor(&thrice, 0, 3_599 + 3_599), Behaviour::Isolated);
        assert_eq!(floor(&thrice, 0, 3_599 + 3_600), Behaviour::Trusted);
        let slowly = identities(&[(1, 0), (2, 10), (3, 3_600)]);
        assert_eq!(floor(&slowly, 0, 3_600), Behaviour::Trusted);
    }

    #[test]
    fn a_worker_that_just_started_does_not_hold_old_isolations_against_replicas() {
        let mut fresh = Identities::new();
        fresh.start(START);
        let before = Isolation {
            at: START.minus(60),
            certificate: 1,
        };
        fresh.isolate(7, before, START);
        assert_eq!(floor(&fresh, 5, 10), Behaviour::Trusted);
        assert_eq!(floor(&fresh, 600, 610), Behaviour::Restricted);
    }

    #[test]
    fn a_fresh_credential_makes_a_new_start_where_the_policy_lets_it() {
        let known = identities(&[(1, 100)]);
        let floor = |issued| {
            known.floor(
                7,
                START.plus(200),
                Some(START.plus(issued)),
                START.plus(200),
            )
        };
        assert_eq!(floor(101), Behaviour::Trusted);
        assert_eq!(floor(100), Behaviour::Restricted);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_latest() {
        let mut identities = Identities::new();
        for number in 0..5_000_u32 {
            let isolation = Isolation {
                at: START.plus(number),
                certificate: number,
            };
            identities.isolate(u64::from(number), isolation, START.plus(number));
        }
        assert_eq!(identities.by_hash.len(), CAPACITY);
        assert!(identities.get(4_999).is_some() && identities.get(0).is_none());
    }
}
