//! What docs/operations.md tells operators to type, on a mesh without the filter.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Stage, check};
use crate::HarnessError;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::stats;
use crate::mesh::error::MeshError;
use crate::mesh::layout::pods;
use crate::mesh::netns::tools;
use crate::mesh::program::Program;
use crate::mesh::report::Notes;
use crate::mesh::runbook::{self, Step};
use crate::settings::project_root;

/// Runs each command of the document, in its order, and compares what it prints. It ends without the
/// filter, which is then brought back.
pub(super) fn commands_do_what_the_document_says(
    stage: &mut Stage,
    notes: &mut Notes,
) -> Result<(), MeshError> {
    let path = project_root().join("docs/operations.md");
    let text = fs::read_to_string(&path).map_err(|cause| HarnessError::file(&path, cause))?;
    stage.deploy(&Value::Null)?;
    let steps = runbook::steps(&text);
    notes.add("commands", steps.len());
    check(!steps.is_empty(), || "it has no commands".to_owned())?;
    let folder = stage.mesh.authorities().folder().to_owned();
    let next = next_module(&stage.mesh)?;
    let logs = stage.netns()?.logs().to_owned();
    let place = Place {
        folder: &folder,
        logs: &logs,
    };
    let outcome = steps.iter().try_for_each(|step| {
        let start = Instant::now();
        loop {
            let (code, output) = run(stage, &place, &next, step)?;
            match step.difference(code, &output) {
                None => return Ok(()),
                // Much of a mesh happens a moment after it was asked for.
                Some(_) if start.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Some(difference) => return Err(MeshError::Wrong(difference)),
            }
        }
    });
    stage.redeploy()?;
    outcome
}

/// Where commands run.
struct Place<'a> {
    folder: &'a Path,
    /// What the document calls `$MESH_LOGS`.
    logs: &'a Path,
}

fn run(
    stage: &Stage,
    place: &Place<'_>,
    next: &str,
    step: &Step,
) -> Result<(Option<i32>, String), MeshError> {
    let beside = tools::own()?;
    let kubelet = project_root().join("e2e/istio/kubelet");
    let old = std::env::var("PATH").unwrap_or_default();
    let path = [&kubelet, &beside].map(|folder| folder.to_string_lossy().into_owned());
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c"])
        .arg(format!("exec 2>&1\n{}", step.command))
        .current_dir(place.folder)
        .env(
            "PATH",
            format!("{}:{}:{old}", path.join(":"), tools::FOLDER),
        )
        .env("KUBECTL", format!("{}/kubectl", tools::FOLDER))
        .env("MESH_LOGS", place.logs)
        .env("MODULE", stage.mesh.module())
        .env("NEXT_MODULE", next)
        .envs(tools::environment())
        .output()
        .map_err(|cause| MeshError::Start {
            program: step.command.clone(),
            cause,
        })?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((output.status.code(), printed))
}

/// The same module with other bytes: a custom section at its end (WebAssembly, section 5.5.3).
fn next_module(mesh: &dyn Cluster) -> Result<String, MeshError> {
    let url = mesh.module();
    let path = url.strip_prefix("file://").unwrap_or(&url);
    let failed = |cause| HarnessError::file(Path::new(path), cause);
    let mut bytes = fs::read(path).map_err(failed)?;
    bytes.extend([0, 5, 4, b'n', b'e', b'x', b't']);
    let next = path.replace(".wasm", "-next.wasm");
    fs::write(&next, bytes).map_err(failed)?;
    Ok(format!("file://{next}"))
}

/// `sallyport status` says of each sidecar what its statistics and its configuration say.
pub(super) fn status_says_what_is_there(
    stage: &mut Stage,
    notes: &mut Notes,
) -> Result<(), MeshError> {
    stage.deploy(&Value::Null)?;
    let (policy, mesh) = stage.deployment()?.files();
    let (policy, mesh) = (policy.to_string_lossy(), mesh.to_string_lossy());
    let mut asked = 0_u32;
    for pod in pods().iter().filter(|pod| pod.workload.has_sidecar()) {
        let sallyport = tools::own()?.join("sallyport");
        let namespace = format!("sp-{}", pod.name);
        let sallyport = sallyport.to_string_lossy();
        let mut words = vec!["netns", "exec", &namespace, &sallyport, "status"];
        words.extend([
            "--admin",
            "127.0.0.1:15000",
            "--policy",
            &policy,
            "--mesh",
            &mesh,
        ]);
        words.extend(["--require-enforce", "--output", "json"]);
        let command = Program::new("ip", words);
        if pod.workload.name == "outsider" {
            let refused = command.run().err().map(|error| error.to_string());
            check(
                refused
                    .as_ref()
                    .is_some_and(|text| text.contains("\"off\"")),
                || format!("without a filter it should be off: {refused:?}"),
            )?;
            continue;
        }
        let report: Value = command.json()?;
        let status = report.pointer("/proxies/0/status").cloned();
        let status = status.unwrap_or_default();
        let stats = stats(&stage.mesh, &pod.name)?;
        let slice = format!("its slice for namespace {}", pod.workload.name);
        let denied: u64 = stats
            .iter()
            .filter(|(name, _)| name.starts_with("denied."))
            .map(|(_, count)| count)
            .sum();
        for (key, expected) in [
            ("/state", Value::from("on_enforce")),
            ("/policy", Value::from(slice)),
            (
                "/policy_hash",
                Value::from(stats.get("policy_hash").copied()),
            ),
            ("/denied", Value::from(denied)),
            ("/vm_reloads", Value::from(0)),
            ("/passed_unconfigured", Value::from(0)),
            (
                "/configured/0/module",
                Value::from(stage.mesh.module().replace("file://", "")),
            ),
        ] {
            let said = status.pointer(key);
            check(said == Some(&expected), || {
                format!("{}: {key} should be {expected}: {report}", pod.name)
            })?;
        }
        asked = asked.saturating_add(1);
    }
    notes.add("proxies", asked);
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(500);
