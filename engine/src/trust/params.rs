//! The numbers of the score: weights, caps, thresholds. A policy may change them for each segment.

use super::MilliNats;
use super::decay::Amount;
use super::targets::Weight;

/// The numbers that apply to the callers of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// Log-odds that a caller is compromised, before anything is known of it.
    pub prior: MilliNats,
    /// What one event of a family weighs, in milli-nats.
    pub weights: PerFamily,
    /// The most that a family amounts to, in milli-nats.
    pub caps: PerFamily,
    /// When a caller is restricted.
    pub restricted: Threshold,
    /// When a caller is isolated.
    pub isolated: Threshold,
    /// How many requests a restricted caller has in a minute, at each worker.
    pub restricted_requests_per_minute: u16,
    /// Whether the callers speak for many others: then only failures of their own certificate and
    /// signals act, all else raises an alarm.
    pub aggregator: bool,
}

/// A number for each family of evidence, in milli-nats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerFamily {
    /// Requests that are refused because of what they ask for.
    pub denial: u32,
    /// First uses of an operation.
    pub novelty: u32,
    /// Credentials whose signature, binding or proof does not hold.
    pub credential: u32,
    /// More requests than this caller makes.
    pub rate: u32,
    /// More bytes than this caller moves.
    pub volume: u32,
    /// Answers 401, 403 and 404 of the application.
    pub error: u32,
}

/// When a state is entered and left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// Entered at this much evidence, in milli-nats.
    pub enter: u32,
    /// Left below this much, in milli-nats.
    pub exit: u32,
    /// Not left before this many seconds have passed.
    pub dwell_seconds: u32,
}

impl Default for Params {
    /// What applies where a policy says nothing; docs/trust.md explains each.
    fn default() -> Self {
        Self {
            // One workload in a hundred: ln(0.01 / 0.99).
            prior: -4_600,
            weights: PerFamily {
                denial: 2_000,
                novelty: 500,
                // Four isolate, also where seconds lie between them: 16 000 would be what is left of
                // four only as long as nothing of them is forgotten.
                credential: 4_500,
                rate: 4_000,
                volume: 4_000,
                error: 200,
            },
            caps: PerFamily {
                denial: 20_000,
                novelty: 8_000,
                credential: 20_000,
                rate: 11_000,
                volume: 11_000,
                error: 6_000,
            },
            restricted: Threshold {
                enter: 10_000,
                exit: 7_000,
                dwell_seconds: 120,
            },
            isolated: Threshold {
                enter: 16_000,
                exit: 12_000,
                dwell_seconds: 300,
            },
            restricted_requests_per_minute: 60,
            aggregator: false,
        }
    }
}

impl Params {
    /// ISOLATED needs this much from denial, credentials and signals, in milli-nats: what merely is
    /// unusual restricts at most.
    pub const ISOLATION_MINIMUM: u32 = 8_000;
    /// The most that a weight, a cap or a threshold may be, in milli-nats.
    pub const MAXIMUM: u32 = 60_000;
    /// The most that signals amount to, in milli-nats.
    pub const SIGNAL_CAP: u32 = 20_000;

    pub(super) const fn denial(&self) -> Weight {
        // A burst is not worse than the same probes in an hour.
        distinct(self.weights.denial, 8)
    }

    pub(super) const fn novelty(&self) -> Weight {
        distinct(self.weights.novelty, 6)
    }

    pub(super) const fn credential(&self) -> Weight {
        distinct(self.weights.credential, 8)
    }
}

/// A weight with so many eighths of it at the slow scale.
const fn distinct(fast: u32, eighths: u32) -> Weight {
    Weight {
        fast,
        slow: fast.saturating_mul(eighths) >> 3,
    }
}

// === What a policy cannot change ===

/// A refused target that is known already, by eighths of a distinct one.
pub(super) fn repeat(weight: u32) -> Amount {
    Amount::of(weight >> 3)
}

/// Repeats of refused targets: restrict together with one target, and never isolate.
pub(super) const DENIAL_REPEAT_CAP: u32 = 10_000;
/// The same failing credential again and again is a client that is stuck.
pub(super) const CREDENTIAL_REPEAT_CAP: u32 = 1_500;
