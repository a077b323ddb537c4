//! Evidence without distinct targets: amounts that add up and decay.

use super::decay::{Amount, TimeScale};

/// An amount at the fast and at the slow scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Level {
    pub(super) fast: Amount,
    pub(super) slow: Amount,
}

impl Level {
    pub(super) const ZERO: Self = Self {
        fast: Amount::ZERO,
        slow: Amount::ZERO,
    };

    /// An event: `milli_nats` at the fast scale, an eighth of it at the slow one.
    pub(super) fn of(milli_nats: u32) -> Self {
        Self {
            fast: Amount::of(milli_nats),
            slow: Amount::of(milli_nats >> 3),
        }
    }

    /// An event that is forgotten soon: a thirty-second of it at the slow scale. Bursts come to an end.
    pub(super) fn brief(milli_nats: u32) -> Self {
        Self {
            fast: Amount::of(milli_nats),
            slow: Amount::of(milli_nats >> 5),
        }
    }

    pub(super) fn plus(self, other: Self, cap: u32) -> Self {
        Self {
            fast: self.fast.plus(other.fast, cap),
            slow: self.slow.plus(other.slow, cap),
        }
    }

    /// The greater amount at each scale.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            fast: self.fast.max(other.fast),
            slow: self.slow.max(other.slow),
        }
    }

    pub(super) fn after(self, seconds: u32) -> Self {
        Self {
            fast: self.fast.after(TimeScale::Fast, seconds),
            slow: self.slow.after(TimeScale::Slow, seconds),
        }
    }

    /// The greater of the two scales, up to a cap, in milli-nats.
    pub(super) fn milli_nats(self, cap: u32) -> u32 {
        self.fast.max(self.slow).milli_nats().min(cap)
    }
}
