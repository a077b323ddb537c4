//! One request through the engine: from facts to a verdict, and the evidence that follows from it.

use core::net::IpAddr;

use crate::decide::{decide, deny_without_facts, refuses_peer};
use crate::facts::{ConnectionFacts, CredentialFacts, Facts, MutualTls, RequestFacts, Transport};
use crate::headers::{PresentedToken, RequestHead};
use crate::policy::{Policy, Segment};
use crate::reason::DenyReason;
use crate::time::TimeMs;
use crate::trust::{Family, PeerKey, PeerState, PeerTable, TargetHasher};
use crate::verdict::{DecisionId, Verdict};

/// A request on a known connection.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The connection that it came on.
    pub connection: &'a ConnectionFacts,
    /// The key of the connection's caller; none when it has no validated identity.
    pub peer: Option<&'a PeerKey>,
    /// Its headers.
    pub head: &'a RequestHead<'a>,
    /// The time.
    pub now: TimeMs,
    /// The number of the decision.
    pub decision_id: DecisionId,
}

/// Gathers the facts of a request, decides it and books the evidence.
///
/// `source_ip` gives the address of the TCP peer; it is asked only for a request that may be a
/// probe and was not forwarded. `verify` says what a token proves on this connection; it is asked
/// only when all parts of one are present and the peer is not refused anyway, so a peer that is
/// isolated cannot cost a verification.
#[must_use]
pub fn answer<'a>(
    request: &Request<'a>,
    peers: &mut PeerTable,
    source_ip: impl FnOnce() -> Result<IpAddr, DenyReason>,
    verify: impl FnOnce(PresentedToken<'a>, &'a MutualTls) -> Result<&'a CredentialFacts, DenyReason>,
) -> Verdict {
    let Request {
        policy,
        now,
        decision_id,
        ..
    } = *request;
    let targets = peers.targets();
    let state = request.peer.map(|key| peers.state(key, now));
    match gather(request, state.as_deref(), source_ip, verify) {
        Ok(facts) => {
            let asked = Asked {
                facts,
                credential: request.head.raw_token(),
            };
            admit(policy, &asked, state, targets, now, decision_id)
        }
        Err(reason) => deny_without_facts(policy, reason, decision_id),
    }
}

fn gather<'a>(
    request: &Request<'a>,
    peer: Option<&PeerState>,
    source_ip: impl FnOnce() -> Result<IpAddr, DenyReason>,
    verify: impl FnOnce(PresentedToken<'a>, &'a MutualTls) -> Result<&'a CredentialFacts, DenyReason>,
) -> Result<Facts<'a>, DenyReason> {
    let Request {
        policy,
        connection,
        head,
        now,
        ..
    } = *request;
    let request = head.request()?;
    let may_be_probe = policy.may_be_probe(connection.destination_port, &request);
    let source_ip = if may_be_probe && !head.is_forwarded() {
        Some(source_ip()?)
    } else {
        None
    };
    let token = match (head.token(), &connection.transport) {
        (None, _) => None,
        (Some(Err(fault)), _) => Some(Err(fault.into())),
        // Gate 2 denies without mutual TLS; there is nothing that a token could be bound to.
        (Some(Ok(_)), Transport::Plaintext) => Some(Err(DenyReason::CredentialBindingMismatch)),
        (Some(Ok(presented)), Transport::Mutual(tls)) => {
            Some(match refuses_peer(policy, tls, peer, now) {
                Some(reason) => Err(reason),
                None => verify(presented, tls),
            })
        }
    };
    Ok(Facts {
        connection,
        token,
        request,
        source_ip,
    })
}

/// A request with all that may become evidence.
struct Asked<'a> {
    facts: Facts<'a>,
    /// The token as it was sent; empty where there is none.
    credential: [&'a [u8]; 4],
}

fn admit(
    policy: &Policy,
    asked: &Asked<'_>,
    mut peer: Option<&mut PeerState>,
    targets: TargetHasher,
    now: TimeMs,
    decision_id: DecisionId,
) -> Verdict {
    let facts = &asked.facts;
    let verdict = decide(policy, facts, peer.as_deref(), now, decision_id);
    if let (Some(state), Some(family)) = (&mut peer, evidence(policy, &verdict)) {
        let RequestFacts {
            method, raw_path, ..
        } = facts.request;
        let evidence = match family {
            Family::Denial => targets.denial(method.as_str(), raw_path),
            // Without a token it is the peer's certificate that does not hold: always the same.
            Family::Credential => targets.credential(&asked.credential),
        };
        state.record(evidence, now);
    }
    verdict
}

/// What a refusal is evidence of: the caller chose what to ask for and which credential to show. A
/// would-deny in shadow is none, and nothing is where the caller speaks for many: a stranger behind
/// a gateway must not be able to get the gateway isolated, neither by paths nor by token headers.
fn evidence(policy: &Policy, verdict: &Verdict) -> Option<Family> {
    match verdict {
        Verdict::Allow(_) => None,
        Verdict::Deny(denial) => {
            let source = denial.context().source.as_ref();
            let segment = source.and_then(|source| policy.segment_of(source));
            let aggregates = segment
                .and_then(|id| policy.segment(id))
                .is_some_and(Segment::is_aggregator);
            denial.reason().row().evidence.filter(|_| !aggregates)
        }
    }
}

#[cfg(test)]
mod tests;
