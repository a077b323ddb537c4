//! The fleet guard: when many peers of one callee cross at once, a deploy, a mistake in a policy or
//! an incident is likelier than that many compromises.
//!
//! It only turns ISOLATED into RESTRICTED, for ten minutes and not again within the hour, so an
//! attacker who sacrifices identities of its own frees nobody.

use super::{FleetGuard, Moment};

/// Who crossed of late, and who was seen.
#[derive(Debug)]
pub(super) struct Fleet {
    /// When peers became isolated; the oldest is overwritten.
    crossings: [Option<Moment>; 64],
    next: usize,
    /// Peers seen in the period that runs, and in the one before.
    period: u32,
    seen: u32,
    seen_before: u32,
    raised: Option<Moment>,
}

impl Fleet {
    pub(super) const fn new() -> Self {
        Self {
            crossings: [None; 64],
            next: 0,
            period: 0,
            seen: 0,
            seen_before: 0,
            raised: None,
        }
    }

    /// Counts a peer that was last seen at `last`, or is new.
    pub(super) fn see(&mut self, last: Option<Moment>, now: Moment) {
        let current = period(now);
        if current != self.period {
            let follows = current == self.period.saturating_add(1);
            self.seen_before = if follows { self.seen } else { 0 };
            self.seen = 0;
            self.period = current;
        }
        if last.is_none_or(|last| period(last) != current) {
            self.seen = self.seen.saturating_add(1);
        }
    }

    /// Counts a peer that became isolated. Says whether the guard rose.
    pub(super) fn cross(&mut self, guard: FleetGuard, now: Moment) -> bool {
        if let Some(place) = self.crossings.get_mut(self.next) {
            *place = Some(now);
        }
        self.next = self.next.saturating_add(1);
        if self.next >= self.crossings.len() {
            self.next = 0;
        }
        let recent = |crossing: &&Moment| now.since(**crossing) < WINDOW_SECONDS;
        let crossed = self.crossings.iter().flatten().filter(recent).count();
        let crossed = u32::try_from(crossed).unwrap_or(u32::MAX);
        let peers = self.seen.max(self.seen_before);
        let is_share =
            crossed.saturating_mul(100) > peers.saturating_mul(u32::from(guard.share_percent));
        // More crossings than fit into the list are many by any measure.
        let may_rise = self.raised.is_none_or(|at| now.since(at) >= PAUSE_SECONDS);
        let rises = may_rise && is_share && crossed >= u32::from(guard.minimum_peers);
        if rises {
            self.raised = Some(now);
        }
        rises
    }

    pub(super) fn guards(&self, now: Moment) -> bool {
        self.raised.is_some_and(|at| now.since(at) < GUARD_SECONDS)
    }
}

fn period(moment: Moment) -> u32 {
    moment.0.checked_div(PERIOD_SECONDS).unwrap_or(0)
}

const WINDOW_SECONDS: u32 = 60;
const PERIOD_SECONDS: u32 = 600;
const GUARD_SECONDS: u32 = 600;
const PAUSE_SECONDS: u32 = 3_600;

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const START: u32 = 6_000;

    fn fleet_of(peers: usize) -> Fleet {
        let mut fleet = Fleet::new();
        for _ in 0..peers {
            fleet.see(None, Moment(START));
        }
        fleet
    }

    /// After how many crossings, `every` seconds, the guard rises; of at most 60.
    fn rises_at(peers: usize, every: u32) -> Option<u32> {
        let mut fleet = fleet_of(peers);
        let guard = FleetGuard::default();
        (1..=60_u32)
            .find(|number| fleet.cross(guard, Moment(START).plus(number.saturating_mul(every))))
    }

    #[test]
    fn rises_when_more_than_a_fifth_and_five_cross_within_a_minute() {
        assert_eq!(rises_at(10, 1), Some(5));
        assert_eq!(rises_at(24, 1), Some(5));
        assert_eq!(rises_at(25, 1), Some(6));
        assert_eq!(rises_at(200, 1), Some(41));
        assert_eq!(rises_at(10, 12), Some(5));
        assert_eq!(rises_at(10, 15), None, "four in each minute");
    }

    #[test]
    fn lasts_ten_minutes_and_comes_back_after_an_hour_at_the_earliest() {
        let mut fleet = fleet_of(10);
        let guard = FleetGuard::default();
        for _ in 0..5 {
            fleet.cross(guard, Moment(START));
        }
        assert!(fleet.guards(Moment(START + 599)));
        assert!(!fleet.guards(Moment(START + 600)));
        let again = |fleet: &mut Fleet, at| (0..9).any(|_| fleet.cross(guard, Moment(at)));
        assert!(!again(&mut fleet, START + 3_599));
        assert!(again(&mut fleet, START + 3_600));
    }

    #[test]
    fn counts_each_peer_once_in_a_period() {
        let mut fleet = Fleet::new();
        fleet.see(None, Moment(START));
        fleet.see(Some(Moment(START)), Moment(START + 1));
        fleet.see(Some(Moment(START - 1)), Moment(START + 2));
        assert_eq!(fleet.seen, 2);
        fleet.see(Some(Moment(START)), Moment(START + 600));
        assert_eq!((fleet.seen, fleet.seen_before), (1, 2));
        fleet.see(Some(Moment(START)), Moment(START + 6_000));
        assert_eq!((fleet.seen, fleet.seen_before), (1, 0));
    }
}
