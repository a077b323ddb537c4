//! The example's policy, on its way into the mesh and in force.

use base64ct::{Base64, Encoding};
use serde_json::Value;

use super::{Stage, check, matrix, url};
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::{Deployment, Target, stats};
use crate::mesh::error::MeshError;
use crate::mesh::layout::{WORKLOADS, pods};
use crate::mesh::report::Notes;
use crate::mesh::until;

/// Nothing is applied yet: the API server and Istio's own tools look at it.
pub(super) fn is_accepted(stage: &mut Stage, _: &mut Notes) -> Result<(), MeshError> {
    let (mesh, folder) = (&stage.mesh, stage.mesh.authorities().folder().to_owned());
    for target in Target::all()? {
        let rendered = Deployment::render(mesh, &folder, &Value::Null, target)?.manifests;
        let dry_run = ["apply", "--dry-run=server", "-f", "-"];
        mesh.kubectl(&dry_run).input(rendered.as_str()).run()?;
        let validate = ["validate", "-f", "-"];
        mesh.istioctl(&validate).input(rendered.as_str()).run()?;
    }
    Ok(())
}

/// What an operator looks at to know that the filter is on.
pub(super) fn is_enforced(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let took = stage.deploy(&Value::Null)?;
    notes.add(
        "msUntilAll",
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    );
    notes.add("namespaces", stage.deployment()?.namespaces());
    for pod in pods() {
        if !is_in_a_segment(pod.workload.name) {
            continue;
        }
        let stats = stats(&stage.mesh, &pod.name)?;
        for (name, expected) in [("enforcing", 1), ("config_rejected", 0)] {
            let seen = stats.get(name).copied().unwrap_or_default();
            check(seen == expected, || {
                format!("{name} of {} is {seen}", pod.name)
            })?;
        }
    }
    Ok(())
}

/// What Istio's own analysis says of the cluster: nothing that is wrong with our resources.
pub(super) fn is_analysed(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    // Its exit code speaks of the whole cluster, also of what is none of ours.
    let arguments = [
        "analyze",
        "-A",
        "-o",
        "json",
        "--failure-threshold",
        "Error",
    ];
    let messages: Vec<Value> = stage.mesh.istioctl(&arguments).json()?;
    let about = |message: &&Value| {
        let origin = message.get("origin").and_then(Value::as_str);
        origin.is_some_and(|origin| origin.contains("sallyport"))
    };
    let (general, ours): (Vec<&Value>, Vec<&Value>) =
        messages.iter().filter(about).partition(|it| is_general(it));
    notes.add("messages", messages.len());
    notes.add("aboutAnyEnvoyFilter", general.len());
    check(ours.is_empty(), || {
        format!("istioctl analyze says: {ours:?}")
    })
}

/// What Istio says of each `EnvoyFilter`, whatever is in it.
fn is_general(message: &Value) -> bool {
    let text = message.get("message").and_then(Value::as_str);
    text.is_some_and(|text| text.contains("EnvoyFilter exposes internal implementation details"))
}

/// Adding a filter replaces the listener, and a connection from before runs one more request
/// without it. The health probe passes in any case, and is no evidence against anybody.
pub(super) fn old_connections_end(stage: &mut Stage, _: &mut Notes) -> Result<(), MeshError> {
    for pod in pods().iter().filter(|pod| pod.workload.has_sidecar()) {
        for called in WORKLOADS.into_iter().filter(|other| other.has_sidecar()) {
            let caller = Caller::new(&pod.name, &url(&stage.mesh, called.name, "/healthz"))
                // Enough for each replica to be chosen: with one half each, all but surely.
                .option("count", "32");
            // A connection that ends while a request is on it costs that request.
            until("the end of old connections", SETTLED, || {
                let outcomes = caller
                    .call(&stage.mesh)
                    .map_err(|error| error.to_string())?;
                match outcomes.iter().find(|outcome| outcome.status != Some(200)) {
                    None => Ok(()),
                    Some(failed) => Err(format!("a probe of {} failed: {failed:?}", called.name)),
                }
            })?;
        }
    }
    Ok(())
}

/// The certificate is istiod's, so a hybrid token for it is all that `validation` has.
pub(super) fn token_is_issued(stage: &mut Stage, _: &mut Notes) -> Result<(), MeshError> {
    let leaf = leaf(&stage.mesh, "validation-0")?;
    stage.token = stage.mesh.authorities().token(&leaf, "1h")?;
    Ok(())
}

/// See [`matrix::every_pair`].
pub(super) fn every_pair_is_decided(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let loaded = stage.deployment()?.load()?;
    check(!stage.token.is_empty(), || "there is no token".to_owned())?;
    matrix::every_pair(&stage.mesh, &loaded, ("validation", &stage.token), notes)
}

/// The certificate of a sidecar, in PEM.
pub(super) fn leaf(cluster: &dyn Cluster, pod: &str) -> Result<String, MeshError> {
    let url = "http://127.0.0.1:15000/config_dump?resource=dynamic_active_secrets";
    let body = Caller::new(pod, url).once(cluster)?.body;
    let silent = || MeshError::Wrong(format!("the sidecar of {pod} shows no certificate: {body}"));
    let dump: Value = serde_json::from_str(&body).map_err(|_| silent())?;
    let secrets = dump
        .get("configs")
        .and_then(Value::as_array)
        .ok_or_else(silent)?;
    let chain = secrets.iter().find_map(|entry| {
        let certificate = entry.get("secret")?.get("tls_certificate")?;
        certificate
            .get("certificate_chain")?
            .get("inline_bytes")?
            .as_str()
    });
    let bytes = Base64::decode_vec(chain.ok_or_else(silent)?).map_err(|_| silent())?;
    String::from_utf8(bytes).map_err(|_| silent())
}

/// Whether the policy has a segment for a workload.
pub(super) fn is_in_a_segment(workload: &str) -> bool {
    let known = WORKLOADS.iter().any(|other| other.name == workload);
    known && !["outsider", "bare"].contains(&workload)
}

/// Long enough for old listeners to drain, on a busy machine.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(120);
