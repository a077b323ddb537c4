//! The decision: eight gates in order, the first shut one denies.
//!
//! The order fixes only which reason is reported. Gates never trade against the score: no amount
//! of trust opens one.

mod artifacts;
mod credentials;
mod grants;
mod mesh;

use crate::facts::CredentialFacts;
use crate::facts::{ConnectionFacts, Facts, MutualTls, PeerCertificate, Transport};
use crate::identity::{Assurance, SpiffeId};
use crate::policy::{Covered, Flow, FlowMatch, GrantMatch, Mode, Policy, SegmentId};
use crate::reason::DenyReason;
use crate::time::TimeMs;
use crate::trust::{Behaviour, PeerView, Static, score};
use crate::verdict::{Basis, Context, DecisionId, Verdict};
use credentials::{admitted, admitted_certificate, identified_peer, level, named_peer, strongest};
pub use grants::Granted;
use grants::Way;

/// Decides a request.
///
/// `peer` is what is known of the caller at `now`; none where the
/// connection has no caller to keep state of ([`ConnectionFacts::peer`] says which one it is).
#[must_use]
pub fn decide(
    policy: &Policy,
    facts: &Facts<'_>,
    peer: Option<&PeerView>,
    now: TimeMs,
    decision_id: DecisionId,
) -> Verdict {
    let own = facts.connection.own.as_ref();
    let mut context = Context::empty(decision_id, policy.mode(), Some(policy.name().clone()));
    let outcome = pass_gates(policy, facts, peer, now, &mut context);
    mesh::conclude(policy, own, outcome, context, now, |asked| {
        mesh::brings(policy, asked, facts, peer, now)
    })
}

/// A denial in a situation without facts, such as a host that does not answer. The policy's mode
/// applies: shadow lets the request pass and reports it; but where the mesh enforces what it asks of
/// credentials, it is not known whether the caller brings it. `own` is none where even that could
/// not be read.
#[must_use]
#[cold]
#[inline(never)]
pub fn deny_without_facts(
    policy: &Policy,
    own: Option<&SpiffeId>,
    reason: DenyReason,
    now: TimeMs,
    decision_id: DecisionId,
) -> Verdict {
    let context = Context::empty(decision_id, policy.mode(), Some(policy.name().clone()));
    mesh::conclude(policy, own, Err(reason), context, now, |_| Err(reason))
}

/// Why a peer is refused whatever its token proves: gates 2 to 4 are shut without one. Its token
/// need not be verified then.
pub(crate) fn refuses_peer(
    policy: &Policy,
    tls: &MutualTls,
    peer: Option<&PeerView>,
    now: TimeMs,
) -> Option<DenyReason> {
    let held = identified_peer(policy, tls)
        .and_then(|identified| admitted_certificate(policy, tls, identified, now));
    match (held, peer) {
        (Err(reason), _) => Some(reason),
        (Ok(_), Some(peer)) => shut_out(peer),
        (Ok(_), None) => None,
    }
}

/// Why a request that was allowed would not be allowed to go on now: its credentials no longer
/// count, its peer is shut out, what its peer runs is no longer what is required, or the grant that let
/// it in is over.
pub(crate) fn refuses_to_go_on(
    policy: &Policy,
    connection: &ConnectionFacts,
    tls: &MutualTls,
    let_in: LetIn<'_>,
    peer: Option<&PeerView>,
    now: TimeMs,
) -> Option<DenyReason> {
    let refused = refuses_peer(policy, tls, peer, now);
    let refused = refused.or_else(|| match (let_in.token, &tls.certificate) {
        (Some(token), PeerCertificate::Read { subject, .. }) => {
            admitted(policy, token, subject, now).err()
        }
        (Some(_) | None, _) => None,
    });
    let refused = refused
        .or_else(|| artifacts::refuses_to_go_on(policy, let_in.token, let_in.flow, peer, now));
    refused.or_else(|| {
        let_in
            .grant?
            .refused(policy, connection, tls, let_in.token, now)
    })
}

/// What a request was let in by, where that can end before the request does.
#[derive(Debug, Clone, Copy, Default)]
pub struct LetIn<'a> {
    /// What its token proved, if it had one.
    pub token: Option<&'a CredentialFacts>,
    /// The name of its flow, if it is a flow that allowed it.
    pub flow: Option<&'a str>,
    /// The request, if it is a grant that allowed it.
    pub grant: Option<&'a Granted>,
}

/// Why a peer is refused whatever it asks for.
fn shut_out(peer: &PeerView) -> Option<DenyReason> {
    if peer.is_quarantined {
        Some(DenyReason::PeerQuarantined)
    } else if peer.standing == Behaviour::Isolated {
        Some(DenyReason::PeerIsolated)
    } else {
        None
    }
}

fn pass_gates(
    policy: &Policy,
    facts: &Facts<'_>,
    peer: Option<&PeerView>,
    now: TimeMs,
    context: &mut Context,
) -> Result<Basis, DenyReason> {
    let is_probe = policy.is_probe(facts);
    let tls = match &facts.connection.transport {
        Transport::Mutual(tls) => tls,
        // Without mutual TLS the proxy shows no identity of its own, so gate 0 cannot ask for one:
        // probes of a kubelet pass gate 1, gate 2 denies everything else.
        Transport::Plaintext if is_probe => return Ok(Basis::Probe),
        Transport::Plaintext => return Err(DenyReason::PeerPlaintext),
    };

    // Said of each refusal, also of those that come before anybody asks who calls.
    if let Ok((subject, _)) = named_peer(tls) {
        context.source = Some(subject.clone());
        context.assurance = Assurance::Classical;
    }

    // Gate 0: our own identity has a segment.
    let own = own_segment(policy, facts.connection, context)?;

    // Gate 1: exactly a health probe; nothing else is exempt.
    if is_probe {
        return Ok(Basis::Probe);
    }

    // Gate 2: the peer has a validated identity of a known trust domain.
    let (subject, certificate) = identified_peer(policy, tls)?;

    // Which flow the request belongs to decides on mode, assurance and trust.
    let source = policy.segment_of(subject);
    context.source_segment = source
        .and_then(|source| policy.segment(source))
        .map(|segment| segment.name().clone());
    let port = facts.connection.destination_port;
    let way = Way::find(policy, source, own, port, &facts.request, now);
    let requirement = way.requirement(policy, source, own);
    context.mode = requirement.mode;
    context.flow = requirement.flow.map(|flow| flow.name().clone());
    context.grant = way.granted();
    context.rechecks_streams = matches!(requirement.mode, Mode::Enforce)
        && (context.grant.is_some() || requirement.flow.is_some_and(Flow::rechecks_streams));

    // Gate 3: each credential that is present holds, now, and together they suffice. Gate 4: the
    // peer is neither quarantined nor isolated; asked before its token, which is then never verified.
    // Only a quarantine of what it runs is asked behind its token, which may name something else now.
    let certificate = admitted_certificate(policy, tls, (subject, certificate), now)?;
    let peer = peer.ok_or(DenyReason::InternalBug)?;
    context.standing = Some(peer.standing);
    context.cause = Some(peer.cause);
    let shut_out = shut_out(peer);
    let token = facts.token.filter(|_| shut_out.is_none());
    let strongest = strongest(policy, certificate, token, subject, now)?;
    // One that does not count was refused just now.
    let token = match token {
        Some(Ok(token)) => Some(token),
        Some(Err(_)) | None => None,
    };
    context.has_token = token.is_some();
    let assurance = strongest.assurance;
    context.assurance = assurance;
    let known = Static {
        prior: policy.prior(source),
        tls,
        certificate,
        assurance,
        level: level(policy, strongest),
        metadata: facts.connection.peer_metadata,
    };
    let score = score(&known, peer, now);
    context.score = Some(score);
    if let Some(reason) = shut_out {
        if reason == DenyReason::PeerIsolated {
            context.decisive = peer.decisive(policy.trust_params(source));
        }
        return Err(reason);
    }
    if let Some(running) = artifacts::quarantined(policy, token, peer, now) {
        context.artifacts.push(running);
        return Err(DenyReason::PeerQuarantined);
    }
    if assurance < requirement.assurance {
        return Err(DenyReason::AssuranceTooLow);
    }

    // Gates 5 and 6: a flow or a grant covers the operation, and gets what is required; otherwise
    // default deny.
    let (basis, covered) = match (&way.flow, &way.grant) {
        (FlowMatch::Covered(_, covered), _) => (Basis::Flow, covered),
        (_, GrantMatch::InForce(_, covered)) => (Basis::Grant, covered),
        (FlowMatch::None | FlowMatch::Uncovered { .. }, _) => {
            let reason = way.refusal(&facts.request);
            context.grant = way.named();
            return Err(reason);
        }
    };

    context.operation = Some(covered.place);
    for flow in way.requiring(policy, source, own) {
        artifacts::check(flow, token, now, &mut context.artifacts)?;
    }

    // Gate 7: trust.
    if score.trust < requirement.trust {
        context.decisive = score.decisive(requirement.trust);
        return Err(DenyReason::TrustTooLow);
    }
    let is_restricted = peer.standing == Behaviour::Restricted;
    if is_restricted || score.uncertainty > requirement.uncertainty {
        check_restricted(policy, source, facts, covered, peer, context)?;
    }
    Ok(basis)
}

/// What a peer may do that is restricted, or not known well enough: part of the flow, at a capped
/// rate.
#[inline(never)]
fn check_restricted(
    policy: &Policy,
    source: Option<SegmentId>,
    facts: &Facts<'_>,
    covered: &Covered<'_>,
    peer: &PeerView,
    context: &mut Context,
) -> Result<(), DenyReason> {
    context.is_capped = true;
    let is_restricted = peer.standing == Behaviour::Restricted;
    if !covered.operation.is_for_restricted(&facts.request) {
        if !is_restricted {
            return Err(DenyReason::TrustUncertain);
        }
        context.decisive = peer.decisive(policy.trust_params(source));
        return Err(DenyReason::TrustRestricted);
    }
    if let Some(seconds) = peer.wait_seconds {
        context.retry_after_seconds = Some(seconds);
        return Err(DenyReason::RestrictedRateExceeded);
    }
    Ok(())
}

/// What the peer must bring, and what happens if it does not: the flow's word where there is a
/// flow, the policy's otherwise; under a grant the strictest of all between the segments.
struct Requirement<'a> {
    flow: Option<&'a Flow>,
    mode: Mode,
    assurance: Assurance,
    trust: u8,
    /// The uncertainty above which a peer is treated as a restricted one.
    uncertainty: u8,
}

impl<'a> Requirement<'a> {
    fn of(policy: &Policy, flow: &FlowMatch<'a>) -> Self {
        match *flow {
            FlowMatch::Covered(flow, _) => Self {
                flow: Some(flow),
                mode: flow.mode(),
                assurance: flow.minimum_assurance(),
                trust: flow.minimum_trust(),
                uncertainty: flow.maximum_uncertainty(),
            },
            // A request that no flow covers is refused where the policy or a flow between the same
            // segments enforces: a flow on trial must not open the way for everything beside it,
            // and a flow that enforces would be worth little if everything beside it passed.
            FlowMatch::Uncovered { only, enforced } => Self {
                flow: only,
                mode: if enforced {
                    Mode::Enforce
                } else {
                    policy.mode()
                },
                ..Self::of_policy(policy)
            },
            FlowMatch::None => Self::of_policy(policy),
        }
    }

    const fn of_policy(policy: &Policy) -> Self {
        Self {
            flow: None,
            mode: policy.mode(),
            assurance: policy.minimum_assurance(),
            trust: policy.minimum_trust(),
            uncertainty: 100,
        }
    }
}

fn own_segment(
    policy: &Policy,
    connection: &ConnectionFacts,
    context: &mut Context,
) -> Result<SegmentId, DenyReason> {
    let own = connection
        .own
        .as_ref()
        .and_then(|own| policy.segment_of(own));
    let own = own.ok_or(DenyReason::OwnIdentityUnknown)?;
    context.destination_segment = policy.segment(own).map(|segment| segment.name().clone());
    Ok(own)
}

#[cfg(test)]
mod tests;
