//! What stands over the gates: a break-glass, and what the whole mesh asks of credentials.

use super::credentials::{admitted_certificate, identified_peer, strongest};
use super::shut_out;
use crate::facts::{Facts, KeyExchange, Transport};
use crate::identity::SpiffeId;
use crate::policy::{KeyExchangeRule, Mode, Policy, PostQuantumAuth};
use crate::reason::DenyReason;
use crate::time::TimeMs;
use crate::trust::PeerView;
use crate::verdict::{Basis, Context, Verdict};

/// The verdict that follows from what the gates say. `brings` says whether the caller brings what
/// the mesh asks; it is asked only where the mesh asks something.
pub(super) fn conclude(
    policy: &Policy,
    own: Option<&SpiffeId>,
    outcome: Result<Basis, DenyReason>,
    mut context: Context,
    now: TimeMs,
    brings: impl FnOnce(&PostQuantumAuth) -> Result<(), DenyReason>,
) -> Verdict {
    let glass = policy.broken_for(own, now);
    if let Some(glass) = glass {
        context.mode = Mode::Shadow;
        context.break_glass = Some(glass.text().clone());
    }
    let verdict = match outcome {
        // A probe has no credentials, and needs none.
        Ok(Basis::Probe) => return Verdict::allow(Basis::Probe, context),
        Ok(basis) => Verdict::allow(basis, context),
        Err(reason) => Verdict::deny(reason, context),
    };
    let Some(asked) = policy.post_quantum_auth().filter(|asked| asked.covers(own)) else {
        return verdict;
    };
    match brings(asked) {
        Ok(()) => verdict,
        Err(reason) if glass.is_some() => verdict.unmet(Mode::Shadow, reason),
        Err(reason) => verdict.unmet(asked.mode(), reason),
    }
}

/// Whether the caller brings what the mesh asks of credentials: gates 2 and 3, by themselves. Who has
/// no identity at all has the least assurance of all.
#[inline(never)]
pub(super) fn brings(
    policy: &Policy,
    asked: &PostQuantumAuth,
    facts: &Facts<'_>,
    peer: Option<&PeerView>,
    now: TimeMs,
) -> Result<(), DenyReason> {
    let tls = match &facts.connection.transport {
        Transport::Mutual(tls) => tls,
        Transport::Plaintext => return Err(DenyReason::PeerPlaintext),
    };
    let (subject, certificate) = identified_peer(policy, tls)?;
    match (asked.key_exchange(), tls.key_exchange) {
        (KeyExchangeRule::Required, KeyExchange::PostQuantum)
        | (KeyExchangeRule::Preferred | KeyExchangeRule::Ignored, _) => {}
        (KeyExchangeRule::Required, KeyExchange::Other | KeyExchange::Hidden) => {
            return Err(DenyReason::KeyExchangeNotPostQuantum);
        }
    }
    let certificate = admitted_certificate(policy, tls, (subject, certificate), now)?;
    // The token of a peer that is shut out was never verified. It counts for nothing.
    let token = facts.token.filter(|_| peer.and_then(shut_out).is_none());
    let strongest = strongest(policy, certificate, token, subject, now)?;
    if strongest.assurance < asked.minimum_assurance() {
        return Err(DenyReason::AssuranceTooLow);
    }
    Ok(())
}
