//! What a caller runs, by its token: gate 4 asks whether that is in quarantine, gate 6 whether it is
//! what the flow requires.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::facts::CredentialFacts;
use crate::policy::raw::ArtifactKind;
use crate::policy::{CheckedArtifact, Flow, Mode, Policy};
use crate::reason::DenyReason;
use crate::time::TimeMs;
use crate::trust::PeerView;

/// The digest for which the caller is shut out: one that its token claims, or that its newest token
/// of before did. So a caller that leaves its token out is refused still, and one whose newer token
/// claims another digest is not.
pub(super) fn quarantined(
    policy: &Policy,
    token: Option<&CredentialFacts>,
    peer: &PeerView,
    now: TimeMs,
) -> Option<CheckedArtifact> {
    if !policy.quarantines_artifacts() {
        return None;
    }
    let mut running = peer.running;
    if let Some(token) = token {
        running.see(&token.artifacts, token.issued);
    }
    ArtifactKind::ALL.into_iter().find_map(|kind| {
        let claimed = token.and_then(|token| token.artifacts.of(kind));
        let claimed = claimed.map(|digest| digest.tag());
        let mut tags = claimed.into_iter().chain(running.tags(kind));
        let digest = tags.find_map(|tag| policy.quarantined_artifact(kind, tag, now))?;
        Some(CheckedArtifact {
            kind,
            digest: Some(*digest),
            required: None,
        })
    })
}

/// Compares what the token claims with what the flow requires; a certificate claims nothing. All
/// that was asked up to the first refusal is left in `checked`, for records.
pub(super) fn check(
    flow: &Flow,
    token: Option<&CredentialFacts>,
    now: TimeMs,
    checked: &mut Vec<CheckedArtifact>,
) -> Result<(), DenyReason> {
    for required in flow.requires() {
        let kind = required.kind();
        let claimed = token.and_then(|token| token.artifacts.of(kind));
        checked.push(CheckedArtifact {
            kind,
            digest: claimed.copied(),
            required: Some(Arc::clone(required)),
        });
        required.check(claimed, now)?;
    }
    Ok(())
}

/// Why a request of a flow that was allowed may not go on, by what its caller runs. A flow that the
/// policy does not have, or that does not enforce, requires nothing of it.
pub(super) fn refuses_to_go_on(
    policy: &Policy,
    token: Option<&CredentialFacts>,
    flow: Option<&str>,
    peer: Option<&PeerView>,
    now: TimeMs,
) -> Option<DenyReason> {
    if peer.is_some_and(|peer| quarantined(policy, token, peer, now).is_some()) {
        return Some(DenyReason::PeerQuarantined);
    }
    // Most policies have none, and then nothing is searched.
    if policy.manifests().is_empty() {
        return None;
    }
    let flow = flow.and_then(|name| policy.flow_named(name))?;
    match flow.mode() {
        Mode::Enforce => check(flow, token, now, &mut Vec::new()).err(),
        Mode::Shadow => None,
    }
}
