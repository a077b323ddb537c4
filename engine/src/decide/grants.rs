//! Grants: asked only where no flow covers a request, so that those of flows pay nothing for them.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Requirement;
use super::artifacts::check;
use crate::facts::{ConnectionFacts, CredentialFacts, MutualTls, PeerCertificate, RequestFacts};
use crate::headers::RequestHead;
use crate::names::{Method, RequestPath};
use crate::policy::{Flow, FlowMatch, GrantMatch, GrantText, Mode, Policy, SegmentId};
use crate::reason::DenyReason;
use crate::time::TimeMs;

/// What the policy says of a request: its flow or, where no flow covers it, its grant.
pub(super) struct Way<'a> {
    pub(super) flow: FlowMatch<'a>,
    pub(super) grant: GrantMatch<'a>,
}

/// The request that a grant let in, to be asked about again while it lasts.
#[derive(Debug, Clone)]
pub struct Granted {
    method: Vec<u8>,
    path: Vec<u8>,
}

impl<'a> Way<'a> {
    /// A caller that is in no segment has none.
    pub(super) fn find(
        policy: &'a Policy,
        source: Option<SegmentId>,
        own: SegmentId,
        port: u16,
        request: &RequestFacts<'_>,
        now: TimeMs,
    ) -> Self {
        let Some(source) = source else {
            let (flow, grant) = (FlowMatch::None, GrantMatch::None);
            return Self { flow, grant };
        };
        let flow = policy.find_flow(source, own, port, request);
        let grant = match &flow {
            FlowMatch::Covered(..) => GrantMatch::None,
            FlowMatch::None | FlowMatch::Uncovered { .. } => {
                policy.find_grant(source, own, port, request, now)
            }
        };
        Self { flow, grant }
    }

    /// What the peer must bring for it.
    pub(super) fn requirement(
        &self,
        policy: &'a Policy,
        source: Option<SegmentId>,
        own: SegmentId,
    ) -> Requirement<'a> {
        let uncovered = Requirement::of(policy, &self.flow);
        match (&self.grant, source) {
            (GrantMatch::InForce(..), Some(source)) => {
                Requirement::of_grant(uncovered, policy.flows_between(source, own))
            }
            (_, _) => uncovered,
        }
    }

    /// The flows whose requirements about models and images it must meet: its own or, under a grant,
    /// all between the same segments.
    pub(super) fn requiring(
        &self,
        policy: &'a Policy,
        source: Option<SegmentId>,
        own: SegmentId,
    ) -> impl Iterator<Item = &'a Flow> {
        let covering = match self.flow {
            FlowMatch::Covered(flow, _) => Some(flow),
            FlowMatch::None | FlowMatch::Uncovered { .. } => None,
        };
        let between = source.filter(|_| covering.is_none());
        let between = between.map(|source| policy.flows_between(source, own));
        covering.into_iter().chain(between.into_iter().flatten())
    }

    /// The grant that allows it now.
    pub(super) fn granted(&self) -> Option<Arc<GrantText>> {
        match self.grant {
            GrantMatch::InForce(grant, _) => Some(Arc::clone(grant.text())),
            GrantMatch::None | GrantMatch::Ended(_) | GrantMatch::ToCome(_) => None,
        }
    }

    /// The grant that a refusal names, since it would have allowed it or will.
    pub(super) fn named(&self) -> Option<Arc<GrantText>> {
        match self.grant {
            GrantMatch::InForce(grant, _)
            | GrantMatch::Ended(grant)
            | GrantMatch::ToCome(grant) => Some(Arc::clone(grant.text())),
            GrantMatch::None => None,
        }
    }

    /// Why the request is refused if neither covers it now: gates 5 and 6.
    pub(super) const fn refusal(&self, request: &RequestFacts<'_>) -> DenyReason {
        match (&self.grant, &self.flow) {
            (GrantMatch::Ended(_), _) => DenyReason::GrantExpired,
            (GrantMatch::ToCome(_), _) => DenyReason::GrantNotYetValid,
            (_, FlowMatch::None) => DenyReason::FlowNotAllowed,
            (_, _) if request.path.is_err() => DenyReason::PathAmbiguous,
            (_, _) => DenyReason::OperationNotAllowed,
        }
    }
}

impl<'a> Requirement<'a> {
    /// What a grant asks for: no less than what is asked of requests that no flow covers, and no
    /// less than each of the flows between the same segments asks for.
    pub(super) fn of_grant(uncovered: Self, flows: impl Iterator<Item = &'a Flow>) -> Self {
        let strictest = Self {
            flow: None,
            ..uncovered
        };
        flows.fold(strictest, |strictest, flow| Self {
            assurance: strictest.assurance.max(flow.minimum_assurance()),
            trust: strictest.trust.max(flow.minimum_trust()),
            uncertainty: strictest.uncertainty.min(flow.maximum_uncertainty()),
            ..strictest
        })
    }
}

impl Granted {
    /// The request with these headers.
    #[must_use]
    pub fn of(head: &RequestHead<'_>) -> Self {
        Self {
            method: head.raw_method().to_vec(),
            path: head.raw_path().to_vec(),
        }
    }

    /// Why it may not go on now: the grant is over, or was taken back, and nothing else covers it; or its
    /// token no longer has what is required.
    pub(super) fn refused(
        &self,
        policy: &Policy,
        connection: &ConnectionFacts,
        tls: &MutualTls,
        token: Option<&CredentialFacts>,
        now: TimeMs,
    ) -> Option<DenyReason> {
        let Ok(method) = Method::parse(&self.method) else {
            return Some(DenyReason::RequestMalformed);
        };
        let request = RequestFacts {
            method,
            path: RequestPath::parse(&self.path),
            raw_path: &self.path,
            is_upgrade: false,
        };
        let own = connection.own.as_ref();
        let Some(own) = own.and_then(|own| policy.segment_of(own)) else {
            return Some(DenyReason::OwnIdentityUnknown);
        };
        let source = match &tls.certificate {
            PeerCertificate::Read { subject, .. } => policy.segment_of(subject),
            PeerCertificate::Unavailable | PeerCertificate::Unreadable => None,
        };
        let port = connection.destination_port;
        let way = Way::find(policy, source, own, port, &request, now);
        match (
            &way.flow,
            &way.grant,
            Requirement::of(policy, &way.flow).mode,
        ) {
            (_, _, Mode::Shadow) => None,
            (FlowMatch::Covered(..), _, _) | (_, GrantMatch::InForce(..), _) => {
                let mut requiring = way.requiring(policy, source, own);
                requiring.find_map(|flow| check(flow, token, now, &mut Vec::new()).err())
            }
            (_, _, Mode::Enforce) => Some(way.refusal(&request)),
        }
    }
}
