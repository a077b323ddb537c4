//! One request through the engine: from facts to a verdict, and the evidence that follows from it.

use crate::decide::{decide, deny_without_facts};
use crate::facts::Facts;
use crate::policy::Policy;
use crate::reason::DenyReason;
use crate::time::TimeMs;
use crate::trust::{DenialEvidence, PeerKey, PeerTable};
use crate::verdict::{DecisionId, Verdict};

/// What an adapter could gather of a request: all facts, or the reason for which it could not.
pub type Gathered<'a> = Result<Facts<'a>, DenyReason>;

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
    let mut state = peer.map(|key| peers.state(key, now));
    let verdict = decide(policy, &facts, state.as_deref(), now, decision_id);
    if let (Some(state), Some(evidence)) = (&mut state, evidence_of(&verdict, &facts)) {
        state.record(evidence, now);
    }
    verdict
}

/// A refusal is evidence where the caller chose what to ask for. A would-deny in shadow is none.
fn evidence_of(verdict: &Verdict, facts: &Facts<'_>) -> Option<DenialEvidence> {
    match verdict {
        Verdict::Allow(_) => None,
        Verdict::Deny(denial) if denial.reason().row().evidence => {
            let path = facts.request.path.map_or("", |path| path.as_str());
            Some(DenialEvidence::new(facts.request.method.as_str(), path))
        }
        Verdict::Deny(_) => None,
    }
}

#[cfg(test)]
mod tests;
