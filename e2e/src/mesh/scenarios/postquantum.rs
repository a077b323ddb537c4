//! What `postQuantumAuth` asks of credentials.

use serde_json::json;

use super::{Stage, check, url};
use crate::app::Outcome;
use crate::mesh::caller::Caller;
use crate::mesh::deployment::stats;
use crate::mesh::error::MeshError;
use crate::mesh::layout::find;
use crate::mesh::report::Notes;

/// Nothing else in the policy asks for more than a classical certificate.
pub(super) fn rsa_only_is_denied(stage: &mut Stage, _: &mut Notes) -> Result<(), MeshError> {
    stage.deploy(&patch("enforce"))?;
    let outcome = ask(stage, &[])?;
    check(outcome.reason() == Some("assurance_too_low"), || {
        format!("an RSA certificate alone should be refused: {outcome:?}")
    })?;
    let outcome = ask(stage, &stage.token.clone())?;
    check(outcome.status == Some(200), || {
        format!("with a hybrid token it should pass: {outcome:?}")
    })
}

/// The same in shadow: it passes, and is counted.
pub(super) fn rsa_only_is_reported(stage: &mut Stage, _: &mut Notes) -> Result<(), MeshError> {
    stage.deploy(&patch("shadow"))?;
    let before = reported(stage)?;
    let outcome = ask(stage, &[])?;
    check(outcome.status == Some(200), || {
        format!("in shadow it should pass: {outcome:?}")
    })?;
    let after = reported(stage)?;
    stage.deploy(&json!(null))?;
    check(after == before.saturating_add(1), || {
        format!("would_deny.assurance_too_low went from {before} to {after}")
    })
}

/// A request of `validation`, whose certificate is istiod's.
fn ask(stage: &Stage, token: &[(String, String)]) -> Result<Outcome, MeshError> {
    Caller::new("validation-0", &url(&stage.mesh, "registry", PATH))
        .headers(token)
        .once(&stage.mesh)
}

/// How often `registry` counted it.
fn reported(stage: &Stage) -> Result<u64, MeshError> {
    let mut sum = 0_u64;
    for pod in find("registry")
        .into_iter()
        .flat_map(|workload| workload.pods())
    {
        let stats = stats(&stage.mesh, &pod)?;
        sum = sum.saturating_add(stats.get(REPORTED).copied().unwrap_or_default());
    }
    Ok(sum)
}

fn patch(mode: &str) -> serde_json::Value {
    json!({"spec": {
        "minimumAssurance": "classical",
        "postQuantumAuth": {"mode": mode, "minimumAssurance": "hybrid"},
    }})
}

/// Its flow asks for no trust.
const PATH: &str = "/v1/models/one/versions/one/file";
const REPORTED: &str = "would_deny.assurance_too_low";
