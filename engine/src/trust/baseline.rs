//! What is usual for a peer, learned from what it does.
//!
//! A baseline can only excuse: it raises what counts as usual. So it learns from windows that are
//! not suspicious, each cut to a narrow band, and rises by a bounded amount in an hour; it never
//! leaves the worker that learned it. Bursts that come again and again, such as a job of each hour,
//! become a habit, which excuses them too: by as much in an hour, and only after each is over.

use super::logarithm::milli_ln;

/// The usual size of something in a window, as `1000 * ln(size)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Baseline {
    /// The moving mean.
    mean: u16,
    /// The moving mean of the distance from it.
    spread: u16,
    /// The mean at the beginning of the hour.
    anchor: u16,
    /// Sizes up to this one are excused, since bursts of nearly this size came and went.
    habit: u16,
}

/// What counts as unusual.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Sizes up to this one are all the same.
    pub(super) floor: u32,
    /// Three times the spread above the mean is unusual, but never less than this factor ..
    pub(super) least: u16,
    /// .. and always more than this one, both as `1000 * ln(factor)`.
    pub(super) most: u16,
}

impl Baseline {
    /// By how much a size is unusually large, as `1000 * ln(factor)` beyond the limit; none if it is
    /// not.
    pub(super) fn excess(self, size: u32, limits: &Limits) -> Option<u16> {
        milli_ln(size.max(limits.floor))
            .checked_sub(self.limit(limits))
            .filter(|excess| *excess > 0)
    }

    fn limit(self, limits: &Limits) -> u16 {
        let margin = self
            .spread
            .saturating_mul(3)
            .clamp(limits.least, limits.most);
        self.mean.saturating_add(margin).max(self.habit)
    }

    /// A burst beyond the limit is over. The next one may be a little larger without being unusual.
    pub(super) fn excuse(&mut self, limits: &Limits) {
        self.habit = self.limit(limits).saturating_add(DRIFT_PER_HOUR);
    }

    /// Learns from a window; `windows` is how many it has learned from before.
    pub(super) fn learn(&mut self, size: u32, limits: &Limits, windows: u8) {
        let seen = milli_ln(size.max(limits.floor));
        if windows == 0 {
            self.mean = seen;
            self.anchor = seen;
            return;
        }
        let seen = seen.clamp(
            self.mean.saturating_sub(WINSOR),
            self.mean.saturating_add(WINSOR),
        );
        let is_new = windows < LEARNING_WINDOWS;
        let shift = if is_new { 2 } else { 4 };
        let distance = seen.abs_diff(self.mean);
        let step = distance >> shift;
        self.spread = if distance > self.spread {
            self.spread
                .saturating_add(distance.saturating_sub(self.spread) >> shift)
        } else {
            self.spread
                .saturating_sub(self.spread.saturating_sub(distance) >> shift)
        };
        self.mean = if seen < self.mean {
            self.mean.saturating_sub(step)
        } else {
            let highest = if is_new {
                u16::MAX
            } else {
                self.anchor.saturating_add(DRIFT_PER_HOUR)
            };
            self.mean.saturating_add(step).min(highest.max(self.mean))
        };
        if is_new {
            self.anchor = self.mean;
        }
    }

    /// A new hour: the mean may rise again, and habits fade.
    pub(super) const fn turn_hour(&mut self) {
        self.anchor = self.mean;
        self.habit = self.habit.saturating_sub(FADING_PER_HOUR);
    }
}

/// So many windows are learned from before one can be unusual.
pub(super) const LEARNING_WINDOWS: u8 = 30;
/// A window counts for at most a factor of e above or below the mean.
const WINSOR: u16 = 1_000;
/// The mean rises by at most a factor of 1.35 in an hour: above the steepest hour of a day whose
/// peak is five times its trough.
const DRIFT_PER_HOUR: u16 = 300;
/// A habit fades by a factor of 1.1 in a day, so a daily job becomes one in a week.
const FADING_PER_HOUR: u16 = 4;
