//! The clock of the score: whole seconds that never go back and never jump.

use crate::time::TimeMs;

/// A point in time on the [`SteadyClock`], in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub(super) u32);

/// Turns the host's clock into one that a wrong clock cannot free a peer with.
///
/// It shows `host - ahead`. A jump forward of more than [`MAXIMUM_STEP`] counts for that much only:
/// the rest is added to `ahead`. A host clock that goes back by up to `MAXIMUM_STEP` is waited for,
/// so a clock that swings forgets no faster than one that goes straight; if it goes back further,
/// it was wrong before, and counting starts anew from where it is, so nothing stands still for
/// longer than `MAXIMUM_STEP`. One clock for a whole table: it is read at each request, so a peer
/// that stays away for long is no jump.
#[derive(Debug, Clone, Copy)]
pub(super) struct SteadyClock {
    /// The latest second that was shown.
    shown: u32,
    /// What the host's clock is ahead of the shown one, in seconds; negative when it went back.
    ahead: i64,
    started: bool,
}

impl Moment {
    /// The second of a time of the host, for states that live without a table.
    #[must_use]
    pub fn of(time: TimeMs) -> Self {
        Self(u32::try_from(seconds(time)).unwrap_or(u32::MAX))
    }

    /// Seconds from `earlier` to this moment; 0 when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment a number of seconds later.
    #[must_use]
    pub const fn plus(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The moment a number of seconds earlier.
    #[must_use]
    pub const fn minus(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub(seconds))
    }
}

impl SteadyClock {
    pub(super) const fn new() -> Self {
        Self {
            shown: 0,
            ahead: 0,
            started: false,
        }
    }

    pub(super) fn read(&mut self, now: TimeMs) -> Moment {
        let host = i64::try_from(seconds(now)).unwrap_or(i64::MAX);
        if !self.started {
            self.started = true;
            self.shown = u32::try_from(host).unwrap_or(u32::MAX);
            self.ahead = host.saturating_sub(i64::from(self.shown));
            return Moment(self.shown);
        }
        let step = host
            .saturating_sub(self.ahead)
            .saturating_sub(i64::from(self.shown));
        if !(-MAXIMUM_STEP..=MAXIMUM_STEP).contains(&step) {
            let counted = step.clamp(0, MAXIMUM_STEP);
            self.show(counted);
            self.ahead = host.saturating_sub(i64::from(self.shown));
        } else {
            self.show(step);
        }
        Moment(self.shown)
    }

    /// The second of the host's clock that the shown one stands for: what workers of one host
    /// agree on.
    pub(super) fn host_seconds(&self) -> u64 {
        let host = i64::from(self.shown).saturating_add(self.ahead);
        u64::try_from(host).unwrap_or(0)
    }

    fn show(&mut self, step: i64) {
        let step = u32::try_from(step).unwrap_or(0);
        self.shown = self.shown.saturating_add(step);
    }
}

fn seconds(time: TimeMs) -> u64 {
    time.0.checked_div(1_000).unwrap_or(0)
}

/// The longest time that one look at the clock may let pass, in seconds.
pub(super) const MAXIMUM_STEP: i64 = 3_600;

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const START: u64 = 1_800_000_000;

    /// How many seconds the clock shows after the host's clock showed these.
    fn passed(seconds: &[i64]) -> u32 {
        let mut clock = SteadyClock::new();
        let start = clock.read(TimeMs::from_seconds(START));
        let at = |offset: i64| TimeMs::from_seconds(START.saturating_add_signed(offset));
        let last = seconds.iter().map(|offset| clock.read(at(*offset))).last();
        last.unwrap().since(start)
    }

    #[test]
    fn follows_a_clock_that_goes_straight() {
        assert_eq!(passed(&[1, 2, 10, 3_610]), 3_610);
    }

    #[test]
    fn counts_a_jump_forward_for_an_hour_at_most() {
        assert_eq!(passed(&[3_601]), 3_600);
        assert_eq!(passed(&[1_000_000]), 3_600);
        assert_eq!(passed(&[i64::MAX]), 3_600);
        // The host stays where it jumped to, and time goes on from there.
        assert_eq!(passed(&[1_000_000, 1_000_010]), 3_610);
    }

    #[test]
    fn swinging_does_not_speed_it_up() {
        let swings: alloc::vec::Vec<i64> = (0..1_000).flat_map(|_| [10, 0, -5, 10]).collect();
        assert_eq!(passed(&swings), 10);
    }

    #[test]
    fn a_jump_far_forward_and_back_does_not_stop_it() {
        let hundred_years = 3_153_600_000;
        // The jump itself counts for an hour; then each second counts again.
        assert_eq!(passed(&[hundred_years, 0, 60]), 3_660);
        assert_eq!(passed(&[hundred_years, 0, 1, 2, 3]), 3_603);
    }

    #[test]
    fn a_jump_back_stops_it_for_an_hour_at_most() {
        assert_eq!(passed(&[-3_600, -10, 0, 5]), 5);
        assert_eq!(passed(&[-3_601, -3_591]), 10);
        assert_eq!(passed(&[-1_000_000_000, -999_999_999]), 1);
    }

    #[test]
    fn never_goes_back() {
        let mut clock = SteadyClock::new();
        let mut last = Moment(0);
        for time in [0, u64::MAX, 5, START, START * 1_000, 0, u64::MAX, 1] {
            let shown = clock.read(TimeMs(time));
            assert!(shown >= last);
            last = shown;
        }
    }
}
