//! One request through the engine: from facts to a verdict, and the evidence that follows from it.

use crate::decide::{decide, deny_without_facts};
use crate::facts::{
    ConnectionFacts, CredentialFacts, CredentialFault, Facts, RequestFacts, Transport,
};
use crate::headers::{RequestHead, TokenHalves};
use crate::policy::Policy;
use crate::reason::DenyReason;
use crate::time::TimeMs;
use crate::trust::{PeerKey, PeerTable};
use crate::verdict::{DecisionId, Verdict};

/// What an adapter could gather of a request: all facts, or the reason for which it could not.
pub type Gathered<'a> = Result<Facts<'a>, DenyReason>;

/// Gathers the facts of a request on a known connection. `verify` says what a hybrid token proves
/// for the certificate with this digest; it is asked only when both halves of one are present.
///
/// # Errors
/// When method or path cannot be read.
pub fn gather<'a>(
    connection: &'a ConnectionFacts,
    head: &RequestHead<'a>,
    verify: impl FnOnce(TokenHalves<'a>, &[u8; 32]) -> Result<&'a CredentialFacts, CredentialFault>,
) -> Gathered<'a> {
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
        request: head.request()?,
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
    if let (Some(state), true) = (&mut state, is_evidence(&verdict)) {
        let RequestFacts {
            method, raw_path, ..
        } = facts.request;
        state.record(targets.denial(method.as_str(), raw_path), now);
    }
    verdict
}

/// A refusal is evidence where the caller chose what to ask for. A would-deny in shadow is none.
const fn is_evidence(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Allow(_) => false,
        Verdict::Deny(denial) => denial.reason().row().evidence,
    }
}

#[cfg(test)]
mod tests;
