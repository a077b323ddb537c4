//! The mesh itself, without the filter.

use std::time::{Duration, Instant};

use super::{Stage, check, url};
use crate::app::Outcome;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::error::MeshError;
use crate::mesh::layout::{PORT, WORKLOADS, Workload, pods};
use crate::mesh::report::Notes;
use crate::mesh::until;
use crate::upstream::Echo;

/// Each pair of workloads speaks mutual TLS, whichever authority certified them.
pub(super) fn everybody_is_reached(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let mesh = &stage.mesh;
    let start = Instant::now();
    let mut pairs = 0_u32;
    for pod in pods().iter().filter(|pod| pod.workload.has_sidecar()) {
        for called in WORKLOADS.into_iter().filter(|other| other.has_sidecar()) {
            until("a call without a filter", SETTLED, || {
                let outcome = Caller::new(&pod.name, &url(mesh, called.name, "/")).once(mesh);
                outcome
                    .map_err(|error| error.to_string())
                    .and_then(|outcome| is_mutual_tls(pod.workload, called, &outcome))
            })?;
            pairs = pairs.saturating_add(1);
        }
    }
    notes.add("pairs", pairs);
    let ms = start
        .elapsed()
        .checked_div(pairs)
        .unwrap_or_default()
        .as_millis();
    notes.add("msPerPair", u64::try_from(ms).unwrap_or(u64::MAX));
    Ok(())
}

/// Plaintext passes until the mesh asks for mutual TLS.
pub(super) fn strict_refuses_plaintext(stage: &mut Stage, _: &mut Notes) -> Result<(), MeshError> {
    let mesh = &stage.mesh;
    let sidecars: Vec<_> = pods()
        .into_iter()
        .filter(|pod| pod.workload.has_sidecar())
        .collect();
    let plaintext = |pod: &str| Caller::new("bare-0", &format!("http://{pod}:{PORT}/")).once(mesh);
    for pod in &sidecars {
        let outcome = plaintext(&pod.name)?;
        check(outcome.status == Some(200), || {
            format!(
                "PERMISSIVE should let plaintext to {} pass: {outcome:?}",
                pod.name
            )
        })?;
    }
    mesh.apply(STRICT)?;
    for pod in &sidecars {
        until("STRICT", SETTLED, || match plaintext(&pod.name) {
            Ok(outcome) if outcome.status.is_none() => Ok(()),
            Ok(outcome) => Err(format!("{}: {outcome:?}", pod.name)),
            Err(error) => Err(error.to_string()),
        })?;
    }
    Ok(())
}

/// The called sidecar tells the application whom it saw.
fn is_mutual_tls(caller: Workload, called: Workload, outcome: &Outcome) -> Result<(), String> {
    let seen = serde_json::from_str::<Echo>(&outcome.body).map(|echo| {
        let header = echo.header("x-forwarded-client-cert");
        header.is_some_and(|value| value.contains(&format!("URI={}", caller.spiffe_id())))
    });
    match seen {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(format!("{} to {}: {outcome:?}", caller.name, called.name)),
    }
}

const STRICT: &str = "\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
";
/// Long enough for istiod to push, on a busy machine.
const SETTLED: Duration = Duration::from_secs(60);
