//! What `postQuantumAuth` asks of credentials.

use serde_json::{Value, json};

use super::{Stage, check, url};
use crate::HarnessError;
use crate::app::Outcome;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::stats;
use crate::mesh::error::MeshError;
use crate::mesh::layout::find;
use crate::mesh::report::Notes;

/// Nothing else in the policy asks for more than a classical certificate.
pub(super) fn rsa_only_is_denied(stage: &mut Stage, _: &mut Notes) -> Result<(), MeshError> {
    set(stage, &json!(true))?;
    stage.deploy(&classical())?;
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
    set(
        stage,
        &json!({"mode": "shadow", "minimumAssurance": "hybrid"}),
    )?;
    stage.deploy(&classical())?;
    let before = reported(stage)?;
    let outcome = ask(stage, &[])?;
    check(outcome.status == Some(200), || {
        format!("in shadow it should pass: {outcome:?}")
    })?;
    let after = reported(stage)?;
    set(stage, &stage.mesh.authorities().post_quantum_auth()?)?;
    stage.deploy(&Value::Null)?;
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

/// Nothing in the policy itself asks for more.
fn classical() -> Value {
    json!({"spec": {"minimumAssurance": "classical"}})
}

/// Changes `meshConfig.postQuantumAuth`, where Istio's operators change it.
fn set(stage: &Stage, value: &Value) -> Result<(), MeshError> {
    let name = ["configmap", "istio", "-n", "istio-system"];
    let read = ["get"].iter().chain(&name).chain(&["-o", "json"]).copied();
    let map: Value = stage.mesh.kubectl(&read.collect::<Vec<_>>()).json()?;
    let text = map
        .pointer("/data/mesh")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let unreadable = |cause| HarnessError::Json {
        what: "the ConfigMap of the mesh",
        cause,
    };
    let mut config: Value = serde_json::from_str(text).map_err(unreadable)?;
    if let Some(members) = config.as_object_mut() {
        members.insert("postQuantumAuth".to_owned(), value.clone());
    }
    let patch = json!({"data": {"mesh": config.to_string()}}).to_string();
    let change = ["--type=merge", "-p", patch.as_str()];
    let write = ["patch"].iter().chain(&name).chain(&change).copied();
    stage.mesh.kubectl(&write.collect::<Vec<_>>()).run()?;
    Ok(())
}

/// Its flow asks for no trust.
const PATH: &str = "/v1/models/one/versions/one/file";
const REPORTED: &str = "would_deny.assurance_too_low";
