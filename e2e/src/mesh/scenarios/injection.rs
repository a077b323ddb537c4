//! What the pods of a kind cluster are made of, where there is no such cluster: Istio's own injector
//! makes sidecars of it, and the API server accepts the result.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Stage, check};
use crate::HarnessError;
use crate::mesh::cluster::Cluster;
use crate::mesh::error::MeshError;
use crate::mesh::kind::objects::{CREDENTIALS, Images, MODULES, installation, workloads};
use crate::mesh::layout::{Leaf, WORKLOADS, Workload};
use crate::mesh::report::Notes;
use crate::mesh::settings::mesh_config;

/// Nothing of it is applied.
pub(super) fn of_kind(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let folder = stage.mesh.authorities().folder().join("kind");
    fs::create_dir_all(&folder).map_err(|cause| HarnessError::file(&folder, cause))?;
    let injected = injected(stage, &folder)?;
    let items = documents(&injected)?;
    for workload in WORKLOADS {
        is_complete(workload, &items)?;
    }
    notes.add("workloads", WORKLOADS.len());
    let dry_run = ["apply", "--dry-run=server", "-f", "-"];
    stage.mesh.kubectl(&dry_run).input(injected).run()?;
    Ok(())
}

/// `istioctl kube-inject` with the settings that `istioctl install` would write.
fn injected(stage: &Stage, folder: &Path) -> Result<String, MeshError> {
    let config = mesh_config(&stage.mesh.authorities().mesh_config()?);
    let images = Images {
        pilot: "pilot",
        proxy: "docker.io/istio/proxyv2:e2e",
    };
    let operator = write(
        folder,
        "installation.json",
        &installation(&config, images).to_string(),
    )?;
    let generated = stage
        .mesh
        .istioctl(&["manifest", "generate", "-f", &operator])
        .run()?;
    let all = documents(&generated)?;
    let injector = all
        .iter()
        .find(|item| {
            item.pointer("/metadata/name") == Some(&"istio-sidecar-injector".into())
                && item.get("data").is_some()
        })
        .ok_or_else(|| MeshError::Wrong("Istio has no injector".to_owned()))?;
    let data = |name: &str| {
        let value = injector
            .pointer(&format!("/data/{name}"))
            .and_then(Value::as_str);
        write(folder, name, value.unwrap_or_default())
    };
    let (template, values) = (data("config")?, data("values")?);
    let mesh = write(folder, "mesh.json", &config.to_string())?;
    let pods = write(folder, "workloads.json", &workloads().to_string())?;
    let inject = ["kube-inject", "-f", &pods, "--injectConfigFile", &template];
    let settings = ["--valuesFile", &values, "--meshConfigFile", &mesh];
    let words: Vec<&str> = inject.iter().chain(&settings).copied().collect();
    stage.mesh.istioctl(&words).run()
}

/// The sidecar has the module, and each file once where the agent looks for it.
fn is_complete(workload: Workload, items: &[Value]) -> Result<(), MeshError> {
    let set = items.iter().find(|item| {
        item.get("kind") == Some(&"StatefulSet".into())
            && item.pointer("/metadata/name") == Some(&workload.name.into())
    });
    let of_pod = |path: &str| {
        let list = set.and_then(|set| set.pointer(&format!("/spec/template/spec/{path}")));
        list.and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice)
    };
    let sidecar = of_pod("containers")
        .iter()
        .chain(of_pod("initContainers"))
        .find(|container| container.get("name") == Some(&"istio-proxy".into()));
    check(sidecar.is_some() == workload.has_sidecar(), || {
        format!("{}: its sidecar is {sidecar:?}", workload.name)
    })?;
    let Some(sidecar) = sidecar else {
        return Ok(());
    };
    check(
        sidecar.get("image") == Some(&"docker.io/istio/proxyv2:e2e".into()),
        || format!("{}: no image of Istio: {sidecar}", workload.name),
    )?;
    let mounts = sidecar.get("volumeMounts").and_then(Value::as_array);
    let at = |path: &str| -> Vec<&str> {
        let mounts = mounts.into_iter().flatten();
        mounts
            .filter(|mount| mount.get("mountPath") == Some(&path.into()))
            .filter_map(|mount| mount.get("name").and_then(Value::as_str))
            .collect()
    };
    let leaf = at("/var/run/secrets/workload-spiffe-credentials");
    let expected = match workload.leaf {
        Leaf::Hybrid => leaf == [CREDENTIALS],
        Leaf::Istiod | Leaf::None => leaf.len() <= 1 && !leaf.contains(&CREDENTIALS),
    };
    check(expected && at(MODULES) == ["module"], || {
        format!("{}: it has other files: {mounts:?}", workload.name)
    })
}

fn write(folder: &Path, name: &str, text: &str) -> Result<String, HarnessError> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(|cause| HarnessError::file(&path, cause))?;
    Ok(path.to_string_lossy().into_owned())
}

fn documents(text: &str) -> Result<Vec<Value>, MeshError> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|cause| MeshError::Output {
        program: "istioctl".to_owned(),
        problem: cause.to_string(),
    })?;
    let lists = |item: Value| match item.get("items").and_then(Value::as_array) {
        Some(items) => items.clone(),
        None => vec![item],
    };
    Ok(all.into_iter().flat_map(lists).collect())
}
