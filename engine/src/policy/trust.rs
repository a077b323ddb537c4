//! What a policy says about the trust score of a caller.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::artifacts::ArtifactQuarantines;
use super::raw::AlternativeAlgorithm;
use super::segment::SegmentId;
use crate::facts::CredentialFacts;
use crate::identity::SpiffeId;
use crate::time::TimeMs;
use crate::trust::{FleetGuard, Params, Pushed, Rules};

/// The numbers of all segments, and the signals.
#[derive(Debug)]
pub(super) struct Trust {
    /// For callers of no segment.
    pub(super) defaults: Params,
    /// By the number of the segment.
    pub(super) segments: Vec<Params>,
    pub(super) fleet_guard: FleetGuard,
    /// The ML-DSA level of each authority that has one.
    pub(super) levels: BTreeMap<String, AlternativeAlgorithm>,
    pub(super) fresh_start_authorities: BTreeSet<String>,
    pub(super) signals: Signals,
}

/// Signals by whom they are about.
#[derive(Debug, Default)]
pub(super) struct Signals {
    pub(super) certificates: BTreeMap<[u8; 32], Vec<Signal>>,
    pub(super) identities: BTreeMap<String, Vec<Signal>>,
    pub(super) segments: BTreeMap<SegmentId, Vec<Signal>>,
    /// About what callers run, which is compared once their tokens are known.
    pub(super) artifacts: ArtifactQuarantines,
}

/// What follows from a signal, and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    pub(super) issued: TimeMs,
    pub(super) expires: TimeMs,
    pub(super) effect: Effect,
}

/// What follows from a signal.
#[derive(Debug, Clone, Copy)]
pub(super) enum Effect {
    Quarantine,
    /// In milli-nats.
    Weigh(u32),
    Release,
}

impl Trust {
    pub(super) fn params(&self, segment: Option<SegmentId>) -> &Params {
        let params = segment.and_then(|id| self.segments.get(id.0));
        params.unwrap_or(&self.defaults)
    }

    pub(super) fn rules(
        &self,
        segment: Option<SegmentId>,
        caller: &SpiffeId,
        certificate_sha256: &[u8; 32],
        certificate: Option<&CredentialFacts>,
        now: TimeMs,
    ) -> Rules<'_> {
        let fresh = certificate.filter(|certificate| {
            let authority = certificate.authority.as_deref();
            authority.is_some_and(|name| self.fresh_start_authorities.contains(name))
        });
        Rules {
            params: self.params(segment),
            pushed: self.signals.about(segment, caller, certificate_sha256, now),
            fleet_guard: self.fleet_guard,
            fresh_since: fresh.map(|certificate| certificate.issued),
        }
    }
}

impl Signals {
    fn about(
        &self,
        segment: Option<SegmentId>,
        caller: &SpiffeId,
        certificate_sha256: &[u8; 32],
        now: TimeMs,
    ) -> Pushed {
        if self.is_empty() {
            return Pushed::default();
        }
        self.sum(segment, caller, certificate_sha256, now)
    }

    #[inline(never)]
    fn sum(
        &self,
        segment: Option<SegmentId>,
        caller: &SpiffeId,
        certificate_sha256: &[u8; 32],
        now: TimeMs,
    ) -> Pushed {
        let mut pushed = Pushed::default();
        let by_certificate = self.certificates.get(certificate_sha256);
        let by_identity = self.identities.get(caller.as_str());
        let by_segment = segment.and_then(|segment| self.segments.get(&segment));
        let all = by_certificate
            .into_iter()
            .chain(by_identity)
            .chain(by_segment);
        for signal in all.flatten().filter(|signal| now < signal.expires) {
            signal.add_to(&mut pushed, now);
        }
        pushed
    }

    fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.identities.is_empty() && self.segments.is_empty()
    }
}

impl Signal {
    fn add_to(self, pushed: &mut Pushed, now: TimeMs) {
        match self.effect {
            Effect::Quarantine => pushed.is_quarantined = true,
            Effect::Weigh(milli_nats) => {
                let sum = pushed.milli_nats.saturating_add(milli_nats);
                pushed.milli_nats = sum.min(Params::SIGNAL_CAP);
            }
            // A release from the future would release from all that is still to come.
            Effect::Release if self.issued > now => {}
            Effect::Release => {
                pushed.released_before = pushed.released_before.max(Some(self.issued));
            }
        }
    }
}

#[cfg(test)]
mod tests;
