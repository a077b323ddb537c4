//! What a peer may do, by its behaviour and by what was pushed about it.

use super::{Moment, Params, PeerState, Rules, Running, TermName, Threshold};

/// What a peer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Behaviour {
    /// Everything that its flows allow.
    Trusted,
    /// Only what the flow lets restricted peers do, at a capped rate.
    Restricted,
    /// Nothing.
    Isolated,
}

/// What a peer's standing comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Evidence about the peer itself.
    Own,
    /// Isolations of other certificates of its identity.
    Identity,
    /// It would be isolated, but too many are at once.
    FleetGuard,
}

/// What a decision may know of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerView {
    /// What it may do.
    pub standing: Behaviour,
    /// Why.
    pub cause: Cause,
    /// The evidence that counts against it, in milli-nats.
    pub evidence: Totals,
    /// What was pushed about it, in milli-nats.
    pub signal: u32,
    /// Whether a signal shuts it out.
    pub is_quarantined: bool,
    /// How little is known of it: 100 for a peer that was never seen, 0 for a known one.
    pub uncertainty: u8,
    /// Distinct refused targets that are remembered.
    pub refused_targets: u8,
    /// Seconds since the first of them.
    pub refused_span_seconds: u32,
    /// Seconds until it has requests again, where it is restricted and has used up its share.
    pub wait_seconds: Option<u32>,
    /// What it runs, by its tokens so far.
    pub running: Running,
}

/// Evidence by family, in milli-nats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Refused requests, repeats included.
    pub denial: u32,
    /// Of it, distinct targets.
    pub distinct_denial: u32,
    /// First uses.
    pub novelty: u32,
    /// Credentials that do not hold, repeats included.
    pub credential: u32,
    /// Of it, different ones.
    pub distinct_credential: u32,
    /// Requests beyond the usual.
    pub rate: u32,
    /// Bytes beyond the usual.
    pub volume: u32,
    /// Refusals of the application.
    pub error: u32,
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

// === impl Cause ===

impl Cause {
    /// The word for it in records, where it is not the peer's own evidence.
    #[must_use]
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::Identity => Some("identity"),
            Self::FleetGuard => Some("fleet_guard"),
        }
    }
}

// === impl PeerView ===

impl PeerView {
    /// What a state alone says of its peer.
    #[must_use]
    pub fn of(state: &PeerState, rules: &Rules<'_>, now: Moment) -> Self {
        let (refused_targets, refused_span_seconds) = state.refused_targets();
        Self {
            standing: state.standing(),
            cause: Cause::Own,
            evidence: state.acting(rules.params),
            signal: rules.pushed.milli_nats,
            is_quarantined: rules.pushed.is_quarantined,
            uncertainty: state.uncertainty(),
            refused_targets,
            refused_span_seconds,
            wait_seconds: state.wait_seconds(rules.params, now),
            running: Running::default(),
        }
    }
}

impl PeerView {
    /// The one family, or the signals, without which the peer would not be kept in its state by what
    /// is known of it now; none if no single one is to blame.
    #[must_use]
    pub fn decisive(&self, params: &Params) -> Option<TermName> {
        if self.cause != Cause::Own {
            return None;
        }
        let evidence = &self.evidence;
        let terms = [
            (TermName::Denial, evidence.denial),
            (TermName::Novelty, evidence.novelty),
            (TermName::Credential, evidence.credential),
            (TermName::Rate, evidence.rate),
            (TermName::Volume, evidence.volume),
            (TermName::Error, evidence.error),
            (TermName::Signal, self.signal),
        ];
        let (name, _) = terms.into_iter().max_by_key(|(_, amount)| *amount)?;
        let mut rest = *evidence;
        let mut signal = self.signal;
        match name {
            TermName::Denial => (rest.denial, rest.distinct_denial) = (0, 0),
            TermName::Credential => (rest.credential, rest.distinct_credential) = (0, 0),
            TermName::Novelty => rest.novelty = 0,
            TermName::Rate => rest.rate = 0,
            TermName::Volume => rest.volume = 0,
            TermName::Error => rest.error = 0,
            TermName::Signal => signal = 0,
            TermName::Prior
            | TermName::Assurance
            | TermName::Level
            | TermName::TlsVersion
            | TermName::CredentialAge
            | TermName::Metadata => return None,
        }
        let (kept, needed) = match self.standing {
            Behaviour::Trusted => return None,
            Behaviour::Restricted => (rest.sum(), params.restricted.exit),
            Behaviour::Isolated => (rest.isolating(), params.isolated.exit),
        };
        (kept.saturating_add(signal) < needed).then_some(name)
    }
}

// === impl Totals ===

impl Totals {
    /// What counts toward RESTRICTED and toward the score.
    #[must_use]
    pub const fn sum(&self) -> u32 {
        self.denial
            .saturating_add(self.credential)
            .saturating_add(self.unusual())
    }

    /// What counts toward ISOLATED: repeats do not, since a deploy with an undeclared path, or a
    /// client that is stuck, is no attack.
    #[must_use]
    pub const fn isolating(&self) -> u32 {
        self.deliberate().saturating_add(self.unusual())
    }

    /// What an honest peer does not do.
    #[must_use]
    pub const fn deliberate(&self) -> u32 {
        self.distinct_denial
            .saturating_add(self.distinct_credential)
    }

    const fn unusual(&self) -> u32 {
        self.novelty
            .saturating_add(self.rate)
            .saturating_add(self.volume)
            .saturating_add(self.error)
    }

    /// What is left where the peer speaks for many: failures of its own certificate.
    #[must_use]
    pub(super) fn of_aggregator(&self) -> Self {
        Self {
            credential: self.credential,
            distinct_credential: self.distinct_credential,
            ..Self::default()
        }
    }
}

/// The next state of a peer that came into its state at `since`. There is a margin between entering
/// and leaving, and a least time in each state, so that a peer at a threshold does not flap.
pub(super) fn next(
    standing: Behaviour,
    since: Moment,
    evidence: &Totals,
    signal: u32,
    params: &Params,
    now: Moment,
) -> Behaviour {
    let total = evidence.sum().saturating_add(signal);
    let isolating = evidence.isolating().saturating_add(signal);
    let deliberate = evidence.deliberate().saturating_add(signal);
    let holds = |threshold: &Threshold, amount: u32| {
        amount >= threshold.exit || now.since(since) < threshold.dwell_seconds
    };
    let (restricted, isolated) = (&params.restricted, &params.isolated);
    if isolating >= isolated.enter && deliberate >= Params::ISOLATION_MINIMUM {
        return Behaviour::Isolated;
    }
    match standing {
        Behaviour::Isolated if holds(isolated, isolating) => Behaviour::Isolated,
        // Never straight to TRUSTED.
        Behaviour::Isolated => Behaviour::Restricted,
        Behaviour::Restricted if holds(restricted, total) => Behaviour::Restricted,
        Behaviour::Trusted | Behaviour::Restricted if total >= restricted.enter => {
            Behaviour::Restricted
        }
        Behaviour::Trusted | Behaviour::Restricted => Behaviour::Trusted,
    }
}
