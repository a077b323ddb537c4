//! What a peer did, and what follows for it.

use core::num::NonZeroU64;

use super::DenialEvidence;
use super::decay::{Amount, TimeScale};
use crate::time::TimeMs;

/// The state kept of one peer.
#[derive(Debug, Clone)]
pub struct PeerState {
    denial: DenialFamily,
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

/// Refused requests. Each distinct target counts fully; repeats of known ones count little and can
/// never isolate, since a deploy with an undeclared path is not an attack.
#[derive(Debug, Clone, Default)]
struct DenialFamily {
    distinct_fast: Amount,
    distinct_slow: Amount,
    repeated: Amount,
    /// The last distinct targets.
    targets: [Option<NonZeroU64>; TARGETS],
    next_target: u8,
}

// === impl PeerState ===

impl PeerState {
    /// A peer that is seen for the first time.
    #[must_use]
    pub fn new(now: TimeMs) -> Self {
        Self {
            denial: DenialFamily::default(),
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
        self.denial.forget(seconds.min(MAXIMUM_STEP_SECONDS));
        let passed = seconds.saturating_mul(1000);
        self.forgotten_until = TimeMs(self.forgotten_until.0.saturating_add(passed));
        self.settle();
    }

    /// Adds a refused request to the evidence.
    pub fn record(&mut self, evidence: DenialEvidence, now: TimeMs) {
        self.advance(now);
        self.denial.add(evidence.target());
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

    /// Moves between the states, with a margin between entering and leaving so that a peer at a
    /// threshold does not flap.
    fn settle(&mut self) {
        let total = self.denial.total();
        let deliberate = self.denial.distinct() >= ISOLATION_DISTINCT_MINIMUM;
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

// === impl DenialFamily ===

impl DenialFamily {
    fn add(&mut self, target: NonZeroU64) {
        if self.targets.contains(&Some(target)) {
            self.repeated.add(REPEATED_TARGET, REPEATED_CAP);
            return;
        }
        if let Some(slot) = self.targets.get_mut(usize::from(self.next_target)) {
            *slot = Some(target);
        }
        self.next_target = self.next_target.wrapping_add(1) & TARGET_MASK;
        self.distinct_fast.add(DISTINCT_TARGET, FAMILY_CAP);
        self.distinct_slow.add(DISTINCT_TARGET_SLOW, FAMILY_CAP);
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

/// Distinct targets that are remembered of a peer.
const TARGETS: usize = 16;
const TARGET_MASK: u8 = 15;

// Weights and thresholds, in milli-nats. They are starting values: two nats for each distinct
// target isolate a scanner at its eighth probe, and a peer that stops is free again within minutes.
const DISTINCT_TARGET: u32 = 2_000;
/// At the slow scale a burst weighs half; a probe now and then adds up for an hour.
const DISTINCT_TARGET_SLOW: u32 = 1_000;
const REPEATED_TARGET: u32 = 250;
/// With one distinct target this reaches RESTRICTED and stays well below ISOLATED.
const REPEATED_CAP: u32 = 10_000;
const FAMILY_CAP: u32 = 20_000;
const RESTRICTED_ENTER: u32 = 10_000;
const RESTRICTED_EXIT: u32 = 6_000;
const ISOLATED_ENTER: u32 = 16_000;
const ISOLATED_EXIT: u32 = 10_000;
/// ISOLATED needs this much from distinct targets alone.
const ISOLATION_DISTINCT_MINIMUM: u32 = 8_000;

#[cfg(test)]
mod tests;
