//! A replica that scans, and its sibling that does not.

use super::{Stage, check, url};
use crate::mesh::caller::Caller;
use crate::mesh::error::MeshError;
use crate::mesh::report::Notes;

/// The rogue is isolated by its certificate, so its sibling with the same identity is not.
pub(super) fn scanning_replica(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let mesh = &stage.mesh;
    let scanned = url(mesh, "registry", "/{word}zone/secret");
    let outcomes = Caller::new("inference-1", &scanned)
        .option("count", "80")
        .option("rate", "40")
        .call(mesh)?;
    let isolated = outcomes
        .iter()
        .find(|outcome| outcome.reason() == Some("peer_isolated"))
        .ok_or_else(|| MeshError::Wrong(format!("it was not isolated: {:?}", outcomes.last())))?;
    let start = outcomes.first().map_or(0, |outcome| outcome.sent_at_ms);
    notes.add("requestsUntilIsolated", isolated.number);
    notes.add("msUntilIsolated", isolated.sent_at_ms.saturating_sub(start));
    let passed = outcomes
        .iter()
        .filter(|outcome| outcome.status == Some(200));
    check(passed.count() == 0, || {
        "a scanning request passed".to_owned()
    })?;
    let allowed = url(mesh, "registry", "/v1/models/one/versions/one/file");
    let rogue = Caller::new("inference-1", &allowed).once(mesh)?;
    check(rogue.reason() == Some("peer_isolated"), || {
        format!("the rogue should be isolated: {rogue:?}")
    })?;
    let sibling = Caller::new("inference-0", &allowed).once(mesh)?;
    check(sibling.status == Some(200), || {
        format!("its sibling should pass: {sibling:?}")
    })
}
