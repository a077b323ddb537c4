//! What asks from the node, as a kubelet does: without a certificate.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::bypass::{PERMISSIVE, SETTLED};
use super::{Stage, check};
use crate::app::Outcome;
use crate::mesh::cluster::Cluster;
use crate::mesh::error::MeshError;
use crate::mesh::layout::PORT;
use crate::mesh::report::Notes;
use crate::mesh::until;

/// Rewritten probes reach the application past the filter, whatever the policy says. Plain ones
/// need PERMISSIVE, and exactly the probe of the policy.
pub(super) fn of_a_kubelet(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    rewritten(stage)?;
    plain(stage, "under STRICT", HEALTH, is_cut_off)?;
    stage.mesh.apply(PERMISSIVE)?;
    let settled = plain(stage, "under PERMISSIVE", HEALTH, passes)
        .and_then(|()| plain(stage, "another path", OTHER, is_refused))
        .and_then(|()| rewritten(stage));
    settled?;
    // Without the rule of the policy; what `render` prints makes it STRICT again.
    let without = json!({"spec": {"probes": Value::Null}});
    stage.deploy(&without)?;
    plain(stage, "under STRICT, without a rule", HEALTH, is_cut_off)?;
    stage.mesh.apply(PERMISSIVE)?;
    plain(
        stage,
        "under PERMISSIVE, without a rule",
        HEALTH,
        is_refused,
    )?;
    rewritten(stage)?;
    stage.deploy(&Value::Null)?;
    plain(stage, "under STRICT again", HEALTH, is_cut_off)?;
    notes.add("ways", 3);
    Ok(())
}

/// What the injector makes of a probe, and the sidecar's own readiness: ports of Istio's agent.
fn rewritten(stage: &Stage) -> Result<(), MeshError> {
    for (port, path) in [(15020, "/app-health/app/readyz"), (15021, "/healthz/ready")] {
        let outcome = ask(stage, port, path)?;
        check(outcome.status == Some(200), || {
            format!("port {port}, {path} should answer: {outcome:?}")
        })?;
    }
    // It is really the application that is asked: the agent knows no other path.
    let outcome = ask(stage, 15020, "/app-health/app/other")?;
    check(outcome.status == Some(400), || {
        format!("the agent should know only the probe of the pod: {outcome:?}")
    })
}

fn plain(
    stage: &Stage,
    when: &str,
    path: &str,
    holds: fn(&Outcome) -> bool,
) -> Result<(), MeshError> {
    until(&format!("a plain probe {when}"), SETTLED, || {
        let outcome = ask(stage, PORT, path).map_err(|error| error.to_string())?;
        match holds(&outcome) {
            true => Ok(()),
            false => Err(format!("{outcome:?}")),
        }
    })
}

/// Asks a pod of the registry, from the node.
fn ask(stage: &Stage, port: u16, path: &str) -> Result<Outcome, MeshError> {
    let address = stage.mesh.pod_address("registry-0")?;
    let url = format!("http://{}{path}", SocketAddr::from((address, port)));
    let arguments = ["call".to_owned(), url];
    stage.mesh.on_node(&arguments).json()
}

fn is_cut_off(outcome: &Outcome) -> bool {
    outcome.status.is_none()
}

fn passes(outcome: &Outcome) -> bool {
    outcome.status == Some(200) && outcome.is_from_application()
}

fn is_refused(outcome: &Outcome) -> bool {
    outcome.reason() == Some("peer_plaintext") && !outcome.is_from_application()
}

/// The probe of the example's policy.
const HEALTH: &str = "/healthz";
const OTHER: &str = "/v1/models";
