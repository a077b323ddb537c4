//! The state kept of one peer: what it did, and what follows for it.

use super::decay::{Amount, TimeScale};
use super::level::Level;
use super::load::{Learning, Load, Unusual};
use super::params::{CREDENTIAL_REPEAT_CAP, DENIAL_REPEAT_CAP, repeat};
use super::standing::{self, Behaviour, Totals};
use super::target::Event;
use super::targets::Targets;
use super::{Evidence, Moment, Outcome, Params, Rules};

/// The state kept of one peer, of a fixed size.
///
/// Each part decays with time only. What is read from it depends on the events and their seconds,
/// not on their order within a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerState {
    /// Up to when evidence was forgotten.
    pub(super) as_of: Moment,
    pub(super) first_seen: Moment,
    pub(super) standing: Behaviour,
    /// When it came into its standing.
    pub(super) since: Moment,
    pub(super) denials: Targets<16>,
    pub(super) novelties: Targets<8>,
    pub(super) credentials: Targets<6>,
    pub(super) repeated: Repeated,
    /// What of `repeated` no other worker knows of yet.
    pub(super) unpublished: Repeated,
    pub(super) rate: Level,
    pub(super) volume: Level,
    load: Load,
    /// Which operations it used, as a map of hashes.
    used: [u32; 4],
    requests: u16,
    /// Requests in the minute of `cap_minute`, while restricted.
    capped: u16,
    cap_minute: u16,
    /// Counts changes of the evidence.
    changes: u16,
    /// Whether evidence that does not act on the peer would restrict it.
    alarming: bool,
}

/// Evidence that is counted event by event, so that workers have to add up what each one saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Repeated {
    pub(super) denial: Amount,
    pub(super) credential: Amount,
    pub(super) error: Level,
}

impl PeerState {
    /// A peer that is seen for the first time.
    #[must_use]
    pub fn new(now: Moment) -> Self {
        Self {
            as_of: now,
            first_seen: now,
            standing: Behaviour::Trusted,
            since: now,
            denials: Targets::EMPTY,
            novelties: Targets::EMPTY,
            credentials: Targets::EMPTY,
            repeated: Repeated::default(),
            unpublished: Repeated::default(),
            rate: Level::ZERO,
            volume: Level::ZERO,
            load: Load::default(),
            used: [0; 4],
            requests: 0,
            capped: 0,
            cap_minute: 0,
            changes: 0,
            alarming: false,
        }
    }

    /// Lets time pass.
    pub fn advance(&mut self, now: Moment) {
        let seconds = now.since(self.as_of);
        if seconds > 0 {
            self.forget(now, seconds);
        }
    }

    #[inline(never)]
    fn forget(&mut self, now: Moment, seconds: u32) {
        self.as_of = now;
        self.denials.expire(now, seconds);
        self.novelties.expire(now, seconds);
        self.credentials.expire(now, seconds);
        self.repeated = self.repeated.after(seconds);
        self.unpublished = self.unpublished.after(seconds);
        self.rate = self.rate.after(seconds);
        self.volume = self.volume.after(seconds);
    }

    /// Lets time pass, and moves between the states. A signal of release counts for states that
    /// began before it.
    pub fn settle(&mut self, rules: &Rules<'_>, now: Moment) {
        self.advance(now);
        let released = rules.pushed.released_before.map(Moment::of);
        if self.standing > Behaviour::Trusted && released.is_some_and(|time| self.since < time) {
            self.release(now);
        }
        self.alarming = rules.params.aggregator
            && self.evidence(rules.params).sum() >= rules.params.restricted.enter;
        let evidence = self.acting(rules.params);
        let signal = rules.pushed.milli_nats;
        let next = standing::next(
            self.standing,
            self.since,
            &evidence,
            signal,
            rules.params,
            now,
        );
        if next != self.standing {
            self.standing = next;
            self.since = now;
        }
    }

    /// Forgets what is held against the peer, not what it is known by.
    #[cold]
    #[inline(never)]
    fn release(&mut self, now: Moment) {
        *self = Self {
            load: self.load,
            used: self.used,
            requests: self.requests,
            first_seen: self.first_seen,
            ..Self::new(now)
        };
    }

    /// Books a request that arrived, whatever became of it.
    pub fn arrive(&mut self, params: &Params, now: Moment) {
        self.turn_window(params, now);
        self.load.arrive();
        self.requests = self.requests.saturating_add(1);
    }

    /// Books something that the peer was seen at.
    pub fn record(&mut self, evidence: Evidence, params: &Params, now: Moment) {
        self.advance(now);
        let target = evidence.short();
        let counts = evidence.event != Event::Use;
        self.changes = self.changes.wrapping_add(u16::from(counts));
        match evidence.event {
            Event::Denial => {
                if self.denials.insert(target, now) {
                    self.novelties.insert(target, now);
                } else {
                    self.add_repeated(
                        Repeated {
                            denial: repeat(params.weights.denial),
                            ..Repeated::default()
                        },
                        params,
                    );
                }
            }
            Event::Credential => {
                if !self.credentials.insert(target, now) {
                    self.add_repeated(
                        Repeated {
                            credential: repeat(params.weights.credential),
                            ..Repeated::default()
                        },
                        params,
                    );
                }
            }
            Event::Use => {
                // Everything is new to a peer that is new itself.
                if self.note_use(evidence) && self.uncertainty() == 0 {
                    self.novelties.insert(target, now);
                    self.changes = self.changes.wrapping_add(1);
                }
            }
        }
    }

    /// Books what came of a request.
    pub fn observe(&mut self, outcome: &Outcome, params: &Params, now: Moment) {
        self.turn_window(params, now);
        self.load
            .move_bytes(outcome.request_bytes, outcome.response_bytes);
        if outcome.is_refusal() {
            self.changes = self.changes.wrapping_add(1);
            self.add_repeated(
                Repeated {
                    error: Level::of(params.weights.error),
                    ..Repeated::default()
                },
                params,
            );
        }
    }

    /// Books a request that a restricted peer was allowed.
    pub fn use_share(&mut self, now: Moment) {
        let minute = minute(now);
        if minute != self.cap_minute {
            self.cap_minute = minute;
            self.capped = 0;
        }
        self.capped = self.capped.saturating_add(1);
    }

    /// Books a request that was refused because the peer's share is used up. It is no evidence, but what
    /// the peer does is not back to the usual.
    pub fn exceed_share(&mut self, params: &Params, now: Moment) {
        self.turn_window(params, now);
        self.load.press();
    }

    /// Seconds until a restricted peer has requests again; none if it has some now.
    #[must_use]
    pub fn wait_seconds(&self, params: &Params, now: Moment) -> Option<u32> {
        let used_up =
            minute(now) == self.cap_minute && self.capped >= params.restricted_requests_per_minute;
        used_up.then(|| {
            let passed = now.0.checked_rem(60).unwrap_or(0);
            60_u32.saturating_sub(passed)
        })
    }

    /// What the peer may do by its own evidence.
    #[must_use]
    pub const fn standing(&self) -> Behaviour {
        self.standing
    }

    /// When the peer was seen first.
    #[must_use]
    pub const fn first_seen(&self) -> Moment {
        self.first_seen
    }

    /// Whether evidence that does not act on the peer, because it speaks for many, would restrict
    /// it.
    #[must_use]
    pub const fn is_alarming(&self) -> bool {
        self.alarming
    }

    /// Changes with the evidence.
    pub(super) const fn mark(&self) -> u16 {
        self.changes
    }

    /// How little is known of the peer: from 100 at its first request to 0 after ten minutes and a
    /// hundred requests.
    #[must_use]
    pub fn uncertainty(&self) -> u8 {
        let age = self.as_of.since(self.first_seen).min(KNOWN_SECONDS);
        let by_age = age.saturating_mul(100).checked_div(KNOWN_SECONDS);
        let by_requests = u32::from(self.requests).min(100);
        let known = by_age.unwrap_or(0).min(by_requests);
        100_u8.saturating_sub(u8::try_from(known).unwrap_or(100))
    }

    /// All evidence, whether it acts or raises an alarm only.
    #[must_use]
    pub fn evidence(&self, params: &Params) -> Totals {
        let (now, caps) = (self.as_of, &params.caps);
        let distinct_denial = self.denials.sum(params.denial(), caps.denial, now);
        let distinct_credential = self
            .credentials
            .sum(params.credential(), caps.credential, now);
        let with = |distinct: u32, repeated: Amount, cap: u32| {
            distinct.saturating_add(repeated.milli_nats()).min(cap)
        };
        Totals {
            denial: with(distinct_denial, self.repeated.denial, caps.denial),
            distinct_denial,
            novelty: self.novelties.sum(params.novelty(), caps.novelty, now),
            credential: with(
                distinct_credential,
                self.repeated.credential,
                caps.credential,
            ),
            distinct_credential,
            rate: self.rate.milli_nats(caps.rate),
            volume: self.volume.milli_nats(caps.volume),
            error: self.repeated.error.milli_nats(caps.error),
        }
    }

    /// The evidence that acts on the peer's standing and score.
    #[must_use]
    pub fn acting(&self, params: &Params) -> Totals {
        let evidence = self.evidence(params);
        if params.aggregator {
            evidence.of_aggregator()
        } else {
            evidence
        }
    }

    /// Whether nothing is held against the peer.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.denials.len() == 0
            && self.novelties.len() == 0
            && self.credentials.len() == 0
            && self.repeated == Repeated::default()
            && self.rate == Level::ZERO
            && self.volume == Level::ZERO
    }

    /// Distinct refused targets that are remembered, and the seconds since the first of them.
    #[must_use]
    pub fn refused_targets(&self) -> (u8, u32) {
        (self.denials.len(), self.denials.span(self.as_of))
    }

    fn turn_window(&mut self, params: &Params, now: Moment) {
        self.advance(now);
        if self.load.is_over(now) {
            self.close_window(params, now);
        }
    }

    #[cold]
    #[inline(never)]
    fn close_window(&mut self, params: &Params, now: Moment) {
        let acting = self.acting(params);
        let learning = if acting.deliberate() > 0 || self.standing == Behaviour::Isolated {
            Learning::Nothing
        } else if self.standing == Behaviour::Trusted && acting.sum() < params.restricted.enter >> 2
        {
            Learning::All
        } else {
            Learning::EndsOfBursts
        };
        let unusual = self.load.turn_to(now, learning);
        if unusual != Unusual::default() {
            self.changes = self.changes.wrapping_add(1);
        }
        if let Some(excess) = unusual.requests {
            let event = Level::brief(unusual_weight(params.weights.rate, excess));
            self.rate = self.rate.plus(event, params.caps.rate);
        }
        if let Some(excess) = unusual.volume {
            let event = Level::brief(unusual_weight(params.weights.volume, excess));
            self.volume = self.volume.plus(event, params.caps.volume);
        }
    }

    fn add_repeated(&mut self, event: Repeated, params: &Params) {
        self.repeated = self.repeated.plus(event, params.caps.error);
        self.unpublished = self.unpublished.plus(event, params.caps.error);
    }

    /// Notes the use of an operation; says whether it was the first.
    fn note_use(&mut self, evidence: Evidence) -> bool {
        let (word, bit) = evidence.place();
        let mask = 1_u32.checked_shl(bit).unwrap_or(0);
        self.used.get_mut(word).is_some_and(|word| {
            let is_first = *word & mask == 0;
            *word |= mask;
            is_first
        })
    }
}

// === impl Repeated ===

impl Repeated {
    /// The sum; `error_cap` is the cap of its family, in milli-nats.
    pub(super) fn plus(self, other: Self, error_cap: u32) -> Self {
        Self {
            denial: self.denial.plus(other.denial, DENIAL_REPEAT_CAP),
            credential: self
                .credential
                .plus(other.credential, CREDENTIAL_REPEAT_CAP),
            error: self.error.plus(other.error, error_cap),
        }
    }

    pub(super) fn max(self, other: Self) -> Self {
        Self {
            denial: self.denial.max(other.denial),
            credential: self.credential.max(other.credential),
            error: self.error.max(other.error),
        }
    }

    pub(super) fn after(self, seconds: u32) -> Self {
        Self {
            denial: self.denial.after(TimeScale::Fast, seconds),
            credential: self.credential.after(TimeScale::Fast, seconds),
            error: self.error.after(seconds),
        }
    }
}

/// A window that is barely unusual weighs `weight`; half as much again from a further factor of 1.5
/// on.
fn unusual_weight(weight: u32, excess: u16) -> u32 {
    let half = weight >> 1;
    let more = half.saturating_mul(u32::from(excess)).checked_div(400);
    weight.saturating_add(more.unwrap_or(0).min(half))
}

/// The number of the minute, as far as it is needed to tell it from others of its weeks.
fn minute(now: Moment) -> u16 {
    u16::try_from(now.0.checked_div(60).unwrap_or(0) & 0xffff).unwrap_or(0)
}

/// Seconds after which a peer can be known.
const KNOWN_SECONDS: u32 = 600;

#[cfg(test)]
mod tests;
