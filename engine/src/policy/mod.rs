//! The policy: who may do what to whom, with which assurance and trust.
//!
//! [`raw`] holds the document as it is typed, [`compile`] turns it into a [`Policy`], all or
//! nothing, and a [`Policy`] answers the questions of a decision without parsing anything again.

mod artifacts;
mod break_glass;
mod compile;
mod error;
mod flow;
mod flow_index;
mod grant;
mod post_quantum;
mod probe;
pub mod raw;
mod revocation;
mod segment;
pub mod slice;
mod trust;

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use artifacts::{Artifact, ArtifactRequirement, CheckedArtifact, Manifest};
pub use break_glass::{BreakGlass, BreakGlassText};
pub use compile::{compile, compile_post_quantum_auth};
pub use error::{PolicyError, PolicyErrorCause};
pub use flow::{Covered, Flow, Operation, OperationPlace, PortSet};
pub use grant::{Grant, GrantMatch, GrantPhase, GrantText};
pub use post_quantum::{KeyExchangeRule, PostQuantumAuth};
pub use probe::Probe;
pub use revocation::Revocations;
pub use segment::{Segment, SegmentId};

use crate::artifact::{ArtifactDigest, DigestTag};
use crate::facts::CredentialFacts;
use crate::facts::{Facts, RequestFacts};
use crate::identity::{Assurance, SpiffeId, TrustDomain};
use crate::names::PathTemplate;
use crate::time::TimeMs;
use crate::trust::{MilliNats, Params, Rules};
use flow_index::FlowIndex;
use grant::Grants;
use segment::SegmentIndex;
use trust::Trust;

/// What happens to a request that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// It is refused.
    Enforce,
    /// It passes, and is reported as a would-deny.
    Shadow,
}

/// A compiled policy. It does not change; a new version is a new value.
#[derive(Debug)]
pub struct Policy {
    name: Arc<str>,
    mode: Mode,
    trust_domains: Vec<TrustDomain>,
    minimum_assurance: Assurance,
    post_quantum_auth: Option<PostQuantumAuth>,
    break_glass: Option<BreakGlass>,
    minimum_trust: u8,
    application_headers: bool,
    access_log: bool,
    authorities: Option<raw::Authorities>,
    manifests: Vec<Arc<Manifest>>,
    segments: Vec<Segment>,
    segment_index: SegmentIndex,
    flows: Vec<Flow>,
    flow_index: FlowIndex,
    grants: Grants,
    probes: Vec<Probe>,
    revocations: Revocations,
    trust: Trust,
}

/// What the policy knows of a way from one segment to another.
#[derive(Debug, Clone, Copy)]
pub enum FlowMatch<'a> {
    /// No flow leads there.
    None,
    /// A flow leads there, and one of its operations covers the request.
    Covered(&'a Flow, Covered<'a>),
    /// Flows lead there, and none covers the request.
    Uncovered {
        /// The flow, if there is only one, for records to name.
        only: Option<&'a Flow>,
        /// Whether one of them enforces.
        enforced: bool,
    },
}

// === impl Mode ===

impl Mode {
    /// The word for it in policies and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }
}

// === impl Policy ===

impl Policy {
    /// The name of the policy.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The mode for requests whose flow names none.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The least assurance for requests whose flow names none.
    #[must_use]
    pub const fn minimum_assurance(&self) -> Assurance {
        self.minimum_assurance
    }

    /// What the whole mesh asks of credentials, beside its flows.
    #[must_use]
    pub const fn post_quantum_auth(&self) -> Option<&PostQuantumAuth> {
        self.post_quantum_auth.as_ref()
    }

    /// Whether the key exchange of connections is looked at.
    #[must_use]
    pub fn reads_key_exchange(&self) -> bool {
        self.post_quantum_auth
            .as_ref()
            .is_some_and(|asked| asked.key_exchange().is_read())
    }

    /// The break-glass that the policy declares, whether or not it lasts still.
    #[must_use]
    pub const fn break_glass(&self) -> Option<&BreakGlass> {
        self.break_glass.as_ref()
    }

    /// The break-glass for a called workload at this time; `own` is none where that is not known.
    #[must_use]
    pub fn broken_for(&self, own: Option<&SpiffeId>, now: TimeMs) -> Option<&BreakGlass> {
        let glass = self.break_glass.as_ref().filter(|glass| glass.lasts(now))?;
        let segment = own.and_then(|own| self.segment_of(own));
        glass.is_for(segment).then_some(glass)
    }

    /// The least trust score, 0 to 99, for requests whose flow names none.
    #[must_use]
    pub const fn minimum_trust(&self) -> u8 {
        self.minimum_trust
    }

    /// Whether the application is told about decisions in request headers.
    #[must_use]
    pub const fn application_headers(&self) -> bool {
        self.application_headers
    }

    /// Whether access logs are told about each decision.
    #[must_use]
    pub const fn access_log(&self) -> bool {
        self.access_log
    }

    /// The pinned authorities, for the verifier of credentials to read.
    #[must_use]
    pub const fn authorities(&self) -> Option<&raw::Authorities> {
        self.authorities.as_ref()
    }

    /// The manifests of vetted artifacts, in the order of the document.
    #[must_use]
    pub fn manifests(&self) -> &[Arc<Manifest>] {
        &self.manifests
    }

    /// Whether a signal of the policy, lasting or not, is about a model or an image.
    #[must_use]
    pub fn quarantines_artifacts(&self) -> bool {
        !self.trust.signals.artifacts.is_empty()
    }

    /// The digest with these first bytes that a signal shuts out at this time.
    pub(crate) fn quarantined_artifact(
        &self,
        kind: raw::ArtifactKind,
        tag: DigestTag,
        now: TimeMs,
    ) -> Option<&ArtifactDigest> {
        self.trust.signals.artifacts.find(kind, tag, now)
    }

    /// The flow of this name.
    pub(crate) fn flow_named(&self, name: &str) -> Option<&Flow> {
        self.flows.iter().find(|flow| &**flow.name() == name)
    }

    /// What the policy takes back.
    #[must_use]
    pub const fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// All segments, in the order of the document.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// All flows, in the order of the document.
    #[must_use]
    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// Whether some open streams are looked at again: those of a flow that says so, and those of
    /// grants.
    #[must_use]
    pub fn rechecks_streams(&self) -> bool {
        !self.grants().is_empty() || self.flows.iter().any(Flow::rechecks_streams)
    }

    /// The flows from one segment to another.
    pub fn flows_between(&self, from: SegmentId, to: SegmentId) -> impl Iterator<Item = &Flow> {
        let numbers = self.flow_index.between(from, to).into_iter().flatten();
        numbers.filter_map(|number| self.flows.get(*number))
    }

    /// Whether identities of this trust domain are known at all.
    #[must_use]
    pub fn knows_trust_domain(&self, name: &str) -> bool {
        self.trust_domains
            .iter()
            .any(|known| known.as_str() == name)
    }

    /// The one segment that a workload belongs to.
    #[must_use]
    pub fn segment_of(&self, identity: &SpiffeId) -> Option<SegmentId> {
        self.segment_index.find(identity, &self.segments)
    }

    /// A segment by its id.
    #[must_use]
    pub fn segment(&self, id: SegmentId) -> Option<&Segment> {
        self.segments.get(id.0)
    }

    /// What the policy says about the score of a caller at this time.
    #[must_use]
    pub fn trust_rules(
        &self,
        caller: &SpiffeId,
        certificate_sha256: &[u8; 32],
        certificate: Option<&CredentialFacts>,
        now: TimeMs,
    ) -> Rules<'_> {
        let segment = self.segment_of(caller);
        self.trust
            .rules(segment, caller, certificate_sha256, certificate, now)
    }

    /// The flow of an operation, and the one of its paths that is meant.
    #[must_use]
    pub fn template(&self, place: OperationPlace) -> Option<(&Flow, &PathTemplate)> {
        let flow = self.flows.get(place.flow)?;
        let operation = flow.operations.get(place.operation)?;
        Some((flow, operation.paths.get(place.path)?))
    }

    /// The numbers of the score of a segment's callers, or those of callers of no segment.
    #[must_use]
    pub fn trust_params(&self, segment: Option<SegmentId>) -> &Params {
        self.trust.params(segment)
    }

    /// The prior of a segment's callers, in milli-nats.
    pub(crate) fn prior(&self, segment: Option<SegmentId>) -> MilliNats {
        self.trust_params(segment).prior
    }

    /// The ML-DSA level of a pinned authority, if it has one.
    pub(crate) fn level_of(&self, authority: &str) -> Option<raw::AlternativeAlgorithm> {
        self.trust.levels.get(authority).copied()
    }

    /// Whether the request is one of the health probes, if it comes from the right address.
    #[must_use]
    pub fn may_be_probe(&self, port: u16, request: &RequestFacts<'_>) -> bool {
        self.probes.iter().any(|probe| probe.covers(port, request))
    }

    /// Whether the request is exactly one of the health probes, from one of its addresses.
    #[must_use]
    pub fn is_probe(&self, facts: &Facts<'_>) -> bool {
        let port = facts.connection.destination_port;
        facts.source_ip.is_some_and(|source_ip| {
            self.probes
                .iter()
                .any(|probe| probe.covers(port, &facts.request) && probe.admits(&source_ip))
        })
    }

    /// What the policy says of a request from one segment to another, at a port.
    #[must_use]
    pub fn find_flow<'a>(
        &'a self,
        from: SegmentId,
        to: SegmentId,
        port: u16,
        request: &RequestFacts<'_>,
    ) -> FlowMatch<'a> {
        let Some(candidates) = self.flow_index.between(from, to) else {
            return FlowMatch::None;
        };
        let covers = |place: OperationPlace| {
            let flow = self.flows.get(place.flow)?;
            let operation = flow.operations.get(place.operation)?;
            let covered = Covered { operation, place };
            let covers = operation.takes(port, request.method);
            covers.then_some((flow, covered))
        };
        // A path that can be read in two ways is covered by none.
        if let Ok(path) = request.path
            && let Some((flow, covered)) = self.flow_index.find(candidates, to, path, covers)
        {
            return FlowMatch::Covered(flow, covered);
        }
        let flows = || candidates.iter().filter_map(|index| self.flows.get(*index));
        let mut all = flows();
        let only = all.next().filter(|_| all.next().is_none());
        let enforced = flows().any(|flow| flow.mode() == Mode::Enforce);
        FlowMatch::Uncovered { only, enforced }
    }
}
