//! What a peer did, and what follows for it.

use core::num::NonZeroU64;

use super::decay::{Amount, TimeScale};
use super::{Evidence, Family};
use crate::time::TimeMs;

/// The state kept of one peer.
#[derive(Debug, Clone)]
pub struct PeerState {
    denial: Events<16>,
    credential: Events<4>,
    /// Up to when evidence was forgotten; the rest of a second is carried along.
    forgotten_until: TimeMs,
    standing: Behaviour,
}

/// What a peer may do, by its behaviour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Behaviour {
    /// Everything that its flows allow.
    Trusted,
    /// Only what reads: `GET` and `HEAD`.
    Restricted,
    /// Nothing.
    Isolated,
}

/// Events of one family. Each distinct target counts fully; repeats of known ones count little and
/// can never isolate, since a deploy with an undeclared path is not an attack.
#[derive(Debug, Clone)]
struct Events<const TARGETS: usize> {
    distinct_fast: Amount,
    distinct_slow: Amount,
    repeated: Amount,
    /// The last distinct targets.
    targets: [Option<NonZeroU64>; TARGETS],
    next_target: u8,
}

/// What the events of a family weigh, in milli-nats.
struct Weights {
    /// A distinct target, at the fast scale.
    distinct: u32,
    /// The same at the slow scale: a burst weighs less, now and then adds up for an hour.
    distinct_slow: u32,
    /// A target that is known already.
    repeated: u32,
    /// The most that repeats amount to.
    repeated_cap: u32,
}

// === impl PeerState ===

impl PeerState {
    /// A peer that is seen for the first time.
    #[must_use]
    pub fn new(now: TimeMs) -> Self {
        Self {
            denial: Events::new(),
            credential: Events::new(),
            forgotten_until: now,
            standing: Behaviour::Trusted,
        }
    }

    /// Lets time pass. A clock that jumped back changes nothing; one jump forward counts for at
    /// most an hour, so that a wrong clock cannot free a peer at once.
    pub fn advance(&mut self, now: TimeMs) {
        let seconds = now
            .since(self.forgotten_until)
            .checked_div(1000)
            .unwrap_or(0);
        if seconds == 0 {
            return;
        }
        let step = seconds.min(MAXIMUM_STEP_SECONDS);
        self.denial.forget(step);
        self.credential.forget(step);
        let passed = seconds.saturating_mul(1000);
        self.forgotten_until = TimeMs(self.forgotten_until.0.saturating_add(passed));
        self.settle();
    }

    /// Adds an event to the evidence.
    pub fn record(&mut self, evidence: Evidence, now: TimeMs) {
        self.advance(now);
        match evidence.family {
            Family::Denial => self.denial.add(evidence.target, &DENIAL),
            Family::Credential => self.credential.add(evidence.target, &CREDENTIAL),
        }
        self.settle();
    }

    /// What the peer may do.
    #[must_use]
    pub const fn standing(&self) -> Behaviour {
        self.standing
    }

    /// The evidence of the denial family, in milli-nats.
    #[must_use]
    pub fn denial(&self) -> u32 {
        self.denial.total()
    }

    /// The evidence of the credential family, in milli-nats.
    #[must_use]
    pub fn credential(&self) -> u32 {
        self.credential.total()
    }

    /// Moves between the states, with a margin between entering and leaving so that a peer at a
    /// threshold does not flap.
    fn settle(&mut self) {
        let total = self.denial().saturating_add(self.credential());
        let distinct = self.denial.distinct();
        let distinct = distinct.saturating_add(self.credential.distinct());
        let deliberate = distinct >= ISOLATION_DISTINCT_MINIMUM;
        self.standing = match self.standing {
            _ if total >= ISOLATED_ENTER && deliberate => Behaviour::Isolated,
            Behaviour::Isolated if total >= ISOLATED_EXIT => Behaviour::Isolated,
            _ if total >= RESTRICTED_ENTER => Behaviour::Restricted,
            Behaviour::Isolated | Behaviour::Restricted if total >= RESTRICTED_EXIT => {
                Behaviour::Restricted
            }
            Behaviour::Trusted | Behaviour::Restricted | Behaviour::Isolated => Behaviour::Trusted,
        };
    }
}

// === impl Behaviour ===

impl Behaviour {
    /// The word for it in records and headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "TRUSTED",
            Self::Restricted => "RESTRICTED",
            Self::Isolated => "ISOLATED",
        }
    }
}

// === impl Events ===

impl<const TARGETS: usize> Events<TARGETS> {
    const fn new() -> Self {
        Self {
            distinct_fast: Amount::ZERO,
            distinct_slow: Amount::ZERO,
            repeated: Amount::ZERO,
            targets: [None; TARGETS],
            next_target: 0,
        }
    }

    fn add(&mut self, target: NonZeroU64, weights: &Weights) {
        if self.targets.contains(&Some(target)) {
            self.repeated.add(weights.repeated, weights.repeated_cap);
            return;
        }
        let index = usize::from(self.next_target);
        if let Some(slot) = self.targets.get_mut(index) {
            *slot = Some(target);
        }
        let next = index.saturating_add(1);
        self.next_target = if next < TARGETS {
            u8::try_from(next).unwrap_or(0)
        } else {
            0
        };
        self.distinct_fast.add(weights.distinct, FAMILY_CAP);
        self.distinct_slow.add(weights.distinct_slow, FAMILY_CAP);
    }

    fn forget(&mut self, seconds: u64) {
        self.distinct_fast.forget(TimeScale::Fast, seconds);
        self.distinct_slow.forget(TimeScale::Slow, seconds);
        self.repeated.forget(TimeScale::Fast, seconds);
        // A target is known for as long as it still weighs something.
        if self.distinct() == 0 {
            self.targets = [None; TARGETS];
        }
    }

    fn distinct(&self) -> u32 {
        self.distinct_fast
            .milli_nats()
            .max(self.distinct_slow.milli_nats())
    }

    fn total(&self) -> u32 {
        self.distinct()
            .saturating_add(self.repeated.milli_nats())
            .min(FAMILY_CAP)
    }
}

/// The longest time that one observation may let pass.
const MAXIMUM_STEP_SECONDS: u64 = 3600;

// Weights and thresholds, in milli-nats. They are starting values: two nats for each distinct
// target isolate a scanner at its eighth probe, and a peer that stops is free again within minutes.
const DENIAL: Weights = Weights {
    distinct: 2_000,
    distinct_slow: 1_000,
    repeated: 250,
    // With one distinct target this reaches RESTRICTED and stays well below ISOLATED.
    repeated_cap: 10_000,
};
/// The fourth different credential that does not hold isolates. The same one again and again is a
/// client that is stuck.
const CREDENTIAL: Weights = Weights {
    distinct: 4_000,
    distinct_slow: 2_000,
    repeated: 100,
    repeated_cap: 2_000,
};
const FAMILY_CAP: u32 = 20_000;
const RESTRICTED_ENTER: u32 = 10_000;
const RESTRICTED_EXIT: u32 = 6_000;
const ISOLATED_ENTER: u32 = 16_000;
const ISOLATED_EXIT: u32 = 10_000;
/// ISOLATED needs this much from distinct targets alone.
const ISOLATION_DISTINCT_MINIMUM: u32 = 8_000;

#[cfg(test)]
mod tests;
