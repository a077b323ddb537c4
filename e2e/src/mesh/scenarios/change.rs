//! What changes while requests go on: policies, signals, istiod.

use std::time::Instant;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::load::Load;
use super::{Stage, check, url};
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::{Deployment, stats};
use crate::mesh::error::MeshError;
use crate::mesh::report::Notes;
use crate::mesh::until;
use crate::world::now_ms;

/// Policies one after the other: no allowed request fails, no denied one passes.
pub(super) fn policies_under_load(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let load = Load::start(stage)?;
    let start = Instant::now();
    for number in 1..=UPDATES {
        stage.deploy(&other_probe(number))?;
    }
    let each = start.elapsed().checked_div(UPDATES).unwrap_or_default();
    notes.add("updates", UPDATES);
    notes.add(
        "msEach",
        u64::try_from(each.as_millis()).unwrap_or(u64::MAX),
    );
    load.finish(notes)
}

/// A signal in the policy shuts a workload out of everything, on open connections too, until it is
/// taken back.
pub(super) fn quarantine(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let called = url(&stage.mesh, "inference", "/v1/models/one");
    let probe = Caller::new("gateway-0", &called).probe(&stage.mesh, 200)?;
    let applied = now_ms().0;
    stage.deploy(&quarantined("spiffe://ai.example/ns/gateway/sa/gateway"))?;
    let everywhere = now_ms().0;
    let outcomes = probe.finish()?;
    let refused = |status| status == Some(403);
    let first = outcomes.iter().find(|outcome| refused(outcome.status));
    let first = first.ok_or_else(|| MeshError::Wrong("nothing was refused".to_owned()))?;
    notes.add("msToFirstRefusal", first.sent_at_ms.saturating_sub(applied));
    notes.add("msUntilAllSidecars", everywhere.saturating_sub(applied));
    let late: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.sent_at_ms > everywhere && outcome.status == Some(200))
        .collect();
    check(late.is_empty(), || {
        format!(
            "{} requests passed after all sidecars had the signal",
            late.len()
        )
    })?;
    let outcome = Caller::new("gateway-0", &called).once(&stage.mesh)?;
    check(outcome.reason() == Some("peer_quarantined"), || {
        format!("expected peer_quarantined: {outcome:?}")
    })?;
    stage.deploy(&Value::Null)?;
    let outcome = Caller::new("gateway-0", &called).once(&stage.mesh)?;
    check(outcome.status == Some(200), || {
        format!("after the quarantine it should pass: {outcome:?}")
    })
}

/// Sidecars go on with what they have; what was applied meanwhile arrives when istiod is back.
pub(super) fn istiod_is_killed(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let load = Load::start(stage)?;
    stage.mesh.kill_istiod()?;
    let changed = stage.rendered(&other_probe(100))?;
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

/// A change that allows and denies the same as before.
pub(super) fn other_probe(number: u32) -> Value {
    let probe = |path: String| {
        let blocks = ["127.0.0.0/8", "10.0.0.0/8"];
        json!({"method": "GET", "path": path, "port": 8080, "ipBlocks": blocks})
    };
    json!({"spec": {"probes": [probe("/healthz".to_owned()), probe(format!("/healthz/{number}"))]}})
}

fn quarantined(identity: &str) -> Value {
    let time = |offset| {
        let time = OffsetDateTime::now_utc().saturating_add(Duration::seconds(offset));
        time.format(&Rfc3339).unwrap_or_default()
    };
    json!({"spec": {"signals": [{
        "name": "alert",
        "source": "e2e",
        "reason": "it scans",
        "author": "e2e",
        "issued": time(-10),
        "expires": time(600),
        "about": {"identity": identity},
        "effect": "quarantine",
    }]}})
}

/// Updates of a run in CI.
const UPDATES: u32 = 10;
/// Long enough for a push, on a busy machine.
pub(super) const RECOVERY: std::time::Duration = std::time::Duration::from_secs(120);
