//! What changes while requests go on: policies, signals, istiod.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::load::Load;
use super::{Stage, check, url};
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::{Deployment, stats};
use crate::mesh::error::MeshError;
use crate::mesh::report::Notes;
use crate::mesh::until;

/// Policies one after the other: no allowed request fails, no denied one passes.
pub(super) fn policies_under_load(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let (updates, flows) = (stage.profile.policy_updates, stage.flows()?);
    let load = Load::start(stage)?;
    let start = Instant::now();
    for number in 1..=updates {
        stage.deploy(&shape(&flows, number))?;
    }
    let each = start.elapsed().checked_div(updates).unwrap_or_default();
    notes.add("updates", updates);
    notes.add(
        "msEach",
        u64::try_from(each.as_millis()).unwrap_or(u64::MAX),
    );
    let done = load.stop()?;
    done.note(notes);
    done.allowed_have_passed()?;
    done.denied_have_not(|_| true)?;
    done.was_enough()
}

/// Sidecars go on with what they have; what was applied meanwhile arrives when istiod is back.
pub(super) fn istiod_is_killed(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let load = Load::start(stage)?;
    stage.mesh.kill_istiod()?;
    let changed = stage.rendered(&shape(&stage.flows()?, 1000))?;
    stage.mesh.apply(&changed.manifests)?;
    let start = Instant::now();
    stage.mesh.start_istiod()?;
    notes.add("secondsToStart", start.elapsed().as_secs());
    changed.apply(&stage.mesh)?;
    notes.add("secondsToPolicy", start.elapsed().as_secs());
    stage.deployment = Some(changed);
    load.finish(notes)
}

/// The old policy goes on, and the sidecar says that it refused one.
pub(super) fn bad_policy_over_a_good_one(
    stage: &mut Stage,
    notes: &mut Notes,
) -> Result<(), MeshError> {
    let load = Load::start(stage)?;
    stage.mesh.apply(&spoiled(stage.deployment()?)?)?;
    for pod in ["registry-0", "inference-0", "inference-1"] {
        shows(stage, pod, "config_rejected", 1)?;
    }
    load.finish(notes)?;
    stage.redeploy()?;
    for pod in ["registry-0", "inference-0", "inference-1"] {
        shows(stage, pod, "config_rejected", 0)?;
    }
    Ok(())
}

/// A sidecar that never had a good policy refuses everything, and heals by itself.
pub(super) fn bad_policy_on_a_fresh_pod(
    stage: &mut Stage,
    notes: &mut Notes,
) -> Result<(), MeshError> {
    stage.mesh.apply(&spoiled(stage.deployment()?)?)?;
    stage.mesh.restart_sidecar("registry-0")?;
    let allowed = Caller::new("gateway-0", &url(&stage.mesh, "registry", "/v1/models"));
    let outcome = allowed.once(&stage.mesh)?;
    notes.add("statusWhileBad", outcome.status.unwrap_or_default());
    check(outcome.reason() == Some("not_configured"), || {
        format!("without a policy everything should be refused: {outcome:?}")
    })?;
    stage.redeploy()?;
    heals(stage, &allowed)
}

/// What was rendered, with a configuration that no filter understands.
pub(super) fn spoiled(deployment: &Deployment) -> Result<String, MeshError> {
    let mut items = deployment.objects()?;
    for item in &mut items {
        if let Some(config) = item.pointer_mut("/spec/pluginConfig") {
            *config = json!({"nonsense": true});
        }
    }
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string())
}

pub(super) fn heals(stage: &Stage, allowed: &Caller) -> Result<(), MeshError> {
    until("recovery", RECOVERY, || match allowed.once(&stage.mesh) {
        Ok(outcome) if outcome.status == Some(200) => Ok(()),
        Ok(outcome) => Err(format!("{outcome:?}")),
        Err(error) => Err(error.to_string()),
    })
}

pub(super) fn shows(stage: &Stage, pod: &str, name: &str, value: u64) -> Result<(), MeshError> {
    until("a gauge", RECOVERY, || {
        let stats = stats(&stage.mesh, pod).map_err(|error| error.to_string())?;
        match stats.get(name).copied().unwrap_or_default() {
            seen if seen == value => Ok(()),
            seen => Err(format!("{name} of {pod} is {seen}, not {value}")),
        }
    })
}

/// Policies that differ in each namespace, and not in what they say of the flows under load.
pub(super) fn shape(flows: &[Value], number: u32) -> Value {
    let mut flows = flows.to_vec();
    match number % 3 {
        0 => flows.reverse(),
        1 => flows.retain(|flow| flow["name"] != "ingestion-to-training"),
        _ => flows.push(json!({
            "name": "another", "from": ["gateway"], "to": "registry",
            "operations": [{"methods": ["GET"], "paths": [format!("/v1/other/{number}")]}],
        })),
    }
    let probe = |path: String| {
        let blocks = ["127.0.0.0/8", "10.0.0.0/8"];
        json!({"method": "GET", "path": path, "port": 8080, "ipBlocks": blocks})
    };
    let probes = [
        probe("/healthz".to_owned()),
        probe(format!("/healthz/{number}")),
    ];
    json!({"spec": {"flows": flows, "probes": probes}})
}

/// Long enough for a push, on a busy machine.
pub(super) const RECOVERY: Duration = Duration::from_secs(120);
