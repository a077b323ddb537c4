//! One request through the engine: from facts to a verdict, and the evidence that follows from it.

use core::net::IpAddr;

use crate::decide::{decide, deny_without_facts};
use crate::facts::{
    ConnectionFacts, CredentialFacts, CredentialFault, Facts, RequestFacts, Transport,
};
use crate::headers::{RequestHead, TokenHalves};
use crate::policy::{Policy, Segment};
use crate::reason::DenyReason;
use crate::time::TimeMs;
use crate::trust::{PeerKey, PeerTable};
use crate::verdict::{DecisionId, Verdict};

/// What an adapter could gather of a request: all facts, or the reason for which it could not.
pub type Gathered<'a> = Result<Facts<'a>, DenyReason>;

/// Gathers the facts of a request on a known connection. `source_ip` gives the address of the TCP
/// peer; it is asked only for a request that may be a probe and was not forwarded. `verify` says
/// what a hybrid token proves for the certificate with this digest; it is asked only when both
/// halves of one are present.
///
/// # Errors
/// When method, path or address cannot be read.
pub fn gather<'a>(
    policy: &Policy,
    connection: &'a ConnectionFacts,
    head: &RequestHead<'a>,
    source_ip: impl FnOnce() -> Result<IpAddr, DenyReason>,
    verify: impl FnOnce(TokenHalves<'a>, &[u8; 32]) -> Result<&'a CredentialFacts, CredentialFault>,
) -> Gathered<'a> {
    let request = head.request()?;
    let may_be_probe = policy.may_be_probe(connection.destination_port, &request);
    let source_ip = if may_be_probe && !head.is_forwarded() {
        Some(source_ip()?)
    } else {
        None
    };
    let token = match (head.token(), &connection.transport) {
        (None, _) => None,
        (Some(Err(fault)), _) => Some(Err(fault)),
        // Gate 2 denies without mutual TLS; there is nothing that a token could be bound to.
        (Some(Ok(_)), Transport::Plaintext) => Some(Err(CredentialFault::BindingMismatch)),
        (Some(Ok(halves)), Transport::Mutual(tls)) => Some(verify(halves, &tls.certificate_sha256)),
    };
    Ok(Facts {
        connection,
        token,
        request,
        source_ip,
    })
}

/// Decides a request and books the evidence.
///
/// `peer` is the key of the connection's caller; none when it has no validated identity.
#[must_use]
pub fn admit(
    policy: &Policy,
    gathered: Gathered<'_>,
    peer: Option<&PeerKey>,
    peers: &mut PeerTable,
    now: TimeMs,
    decision_id: DecisionId,
) -> Verdict {
    let facts = match gathered {
        Ok(facts) => facts,
        Err(reason) => return deny_without_facts(policy, reason, decision_id),
    };
    let targets = peers.targets();
    let mut state = peer.map(|key| peers.state(key, now));
    let verdict = decide(policy, &facts, state.as_deref(), now, decision_id);
    if let (Some(state), true) = (&mut state, is_evidence(policy, &verdict)) {
        let RequestFacts {
            method, raw_path, ..
        } = facts.request;
        state.record(targets.denial(method.as_str(), raw_path), now);
    }
    verdict
}

/// A refusal is evidence where the caller chose what to ask for. A would-deny in shadow is none, and
/// nothing is where the caller speaks for many: a stranger behind a gateway must not be able to get
/// the gateway isolated.
fn is_evidence(policy: &Policy, verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Allow(_) => false,
        Verdict::Deny(denial) => {
            let source = denial.context().source.as_ref();
            let segment = source.and_then(|source| policy.segment_of(source));
            let aggregates = segment
                .and_then(|id| policy.segment(id))
                .is_some_and(Segment::is_aggregator);
            denial.reason().row().evidence && !aggregates
        }
    }
}

#[cfg(test)]
mod tests;
