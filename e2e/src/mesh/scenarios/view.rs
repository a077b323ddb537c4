//! How Istio's own tools show what was applied.

use std::fs;

use serde_json::Value;

use super::change::{heals, shows, spoiled};
use super::{Stage, check, url};
use crate::HarnessError;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::error::MeshError;
use crate::mesh::layout::pods;
use crate::mesh::report::Notes;
use crate::mesh::until;

/// `istioctl proxy-config` lists the filter, and istiod's view of all sidecars is that they have
/// what they were sent. A policy that a sidecar rejects shows as one that was sent and never taken.
pub(super) fn of_istio(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    proxy_config(stage)?;
    let sidecars = pods()
        .iter()
        .filter(|pod| pod.workload.has_sidecar())
        .count();
    until("all sidecars in sync", SETTLED, || {
        let views = views(stage).map_err(|error| error.to_string())?;
        let behind: Vec<&Value> = views.iter().filter(|view| !in_sync(view)).collect();
        match (views.len() == sidecars, behind.is_empty()) {
            (true, true) => Ok(()),
            _ => Err(format!("{} sidecars; not in sync: {behind:?}", views.len())),
        }
    })?;
    notes.add("sidecars", sidecars);
    stage.mesh.apply(&spoiled(stage.deployment()?)?)?;
    shows(stage, "registry-0", "config_rejected", 1)?;
    until("the rejection at istiod", SETTLED, || {
        let views = views(stage).map_err(|error| error.to_string())?;
        let registry = views
            .iter()
            .find(|view| name(view) == "registry-0.registry");
        let Some(registry) = registry else {
            return Err("istiod does not know the sidecar".to_owned());
        };
        let error = extension(registry).get("lastError").and_then(Value::as_str);
        let named = error.is_some_and(|error| error.contains("registry.sallyport"));
        match named && !in_sync(registry) {
            true => Ok(()),
            false => Err(registry.to_string()),
        }
    })?;
    stage.redeploy()?;
    shows(stage, "registry-0", "config_rejected", 0)?;
    let called = url(&stage.mesh, "registry", "/v1/models");
    heals(stage, &Caller::new("gateway-0", &called))?;
    until("the registry in sync again", SETTLED, || {
        let views = views(stage).map_err(|error| error.to_string())?;
        let synced = |view: &Value| name(view) == "registry-0.registry" && in_sync(view);
        match views.iter().any(synced) {
            true => Ok(()),
            false => Err("it is not".to_owned()),
        }
    })
}

/// From a dump of the sidecar's configuration, since there is no way into a pod for `istioctl`.
fn proxy_config(stage: &Stage) -> Result<(), MeshError> {
    let called = "http://127.0.0.1:15000/config_dump";
    let dump = Caller::new("registry-0", called).once(&stage.mesh)?.body;
    let path = stage.mesh.authorities().folder().join("config-dump.json");
    fs::write(&path, dump).map_err(|cause| HarnessError::file(&path, cause))?;
    let file = path.to_string_lossy();
    let show = |what: &[&str]| {
        let arguments = ["proxy-config"].iter().chain(what);
        let arguments: Vec<&str> = arguments.chain(&["--file", &file]).copied().collect();
        stage.mesh.istioctl(&arguments).run()
    };
    let carried = show(&["ecds"])?;
    let lists =
        |text: &str| text.contains("/registry.sallyport") && text.contains("filters.http.wasm");
    check(lists(&carried), || {
        format!("`proxy-config ecds` does not list the filter: {carried}")
    })?;
    let inbound: Vec<Value> =
        serde_json::from_str(&show(&["listener", "--port", "15006", "-o", "json"])?).map_err(
            |cause| MeshError::Output {
                program: "istioctl proxy-config".to_owned(),
                problem: cause.to_string(),
            },
        )?;
    let chains = inbound
        .iter()
        .filter_map(|listener| listener.get("filterChains").and_then(Value::as_array))
        .flatten();
    let mut http = 0_u32;
    for chain in chains.filter(|chain| chain.to_string().contains("HttpConnectionManager")) {
        http = http.saturating_add(1);
        check(chain.to_string().contains("/registry.sallyport"), || {
            format!("a chain of HTTP is without the filter: {chain}")
        })?;
    }
    check(http > 0, || "no inbound chain of HTTP".to_owned())
}

/// What istiod knows of each sidecar: what `istioctl proxy-status` shows.
fn views(stage: &Stage) -> Result<Vec<Value>, MeshError> {
    let text = stage.mesh.istiod("/debug/syncz")?;
    serde_json::from_str(&text).map_err(|cause| MeshError::Output {
        program: "istiod".to_owned(),
        problem: cause.to_string(),
    })
}

fn name(view: &Value) -> &str {
    view.get("proxy")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// What it was sent last of extensions.
fn extension(view: &Value) -> &Value {
    let resources = view.get("resources");
    let extension = resources.and_then(|all| all.get(EXTENSION));
    extension.unwrap_or(&Value::Null)
}

/// Whether it took all that it was sent.
fn in_sync(view: &Value) -> bool {
    let resources = view.get("resources").and_then(Value::as_object);
    resources.is_some_and(|resources| {
        resources
            .values()
            .all(|resource| resource.get("sent") == resource.get("acked"))
    })
}

const EXTENSION: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
const SETTLED: std::time::Duration = std::time::Duration::from_secs(60);
