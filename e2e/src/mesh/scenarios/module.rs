//! The file of the module: missing, cut off, something else.

use std::fs;

use super::change::{RECOVERY, heals, shape};
use super::load::Load;
use super::{Stage, check, url};
use crate::HarnessError;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::error::MeshError;
use crate::mesh::report::Notes;
use crate::mesh::until;

/// A file that is no module of ours.
struct Fault {
    name: &'static str,
    /// What becomes of the bytes of a good one; nothing, where the file is taken away.
    spoil: fn(Vec<u8>) -> Option<Vec<u8>>,
    /// What the sidecar's log says.
    said: &'static str,
}

/// What the sidecar cannot run.
const FAULTS: [Fault; 4] = [
    Fault {
        name: "missing",
        spoil: |_| None,
        said: "Invalid path",
    },
    Fault {
        name: "truncated",
        spoil: |mut bytes| {
            bytes.truncate(bytes.len() / 2);
            Some(bytes)
        },
        said: "Failed to parse corrupted Wasm module",
    },
    Fault {
        name: "garbage",
        spoil: |bytes| Some(bytes.iter().map(|byte| byte ^ 0xa5).collect()),
        said: "Failed to parse corrupted Wasm module",
    },
    Fault {
        name: "no filter",
        spoil: |_| Some(b"\0asm\x01\0\0\0".to_vec()),
        said: "Missing or unknown Proxy-Wasm ABI version",
    },
];

/// A fresh sidecar lets nothing pass, and heals without a restart: Envoy reads the file when it is
/// told of the filter, so it has to be told again.
pub(super) fn on_a_fresh_pod(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let allowed = Caller::new("gateway-0", &url(&stage.mesh, "registry", "/v1/models"));
    for fault in &FAULTS {
        let module = replace(stage, fault)?;
        let start = stage.mesh.log("registry-0")?.len();
        stage.mesh.restart_sidecar("registry-0")?;
        let outcome = allowed.once(&stage.mesh);
        let said = says(stage, start, fault);
        put(stage, &module)?;
        let outcome = outcome?;
        said?;
        notes.add(fault.name, outcome.status.unwrap_or_default());
        let refused = outcome.status.is_some_and(|status| status >= 400);
        check(refused && !outcome.is_from_application(), || {
            format!("{}: nothing should pass: {outcome:?}", fault.name)
        })?;
        reload(stage, fault.name)?;
        heals(stage, &allowed)?;
    }
    Ok(())
}

/// What runs goes on; a change of the policy that arrives meanwhile does not.
pub(super) fn under_a_running_one(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let load = Load::start(stage)?;
    for (number, fault) in (200..).zip(&FAULTS) {
        let changed = stage.rendered(&shape(&stage.flows()?, number))?;
        let module = replace(stage, fault)?;
        let start = stage.mesh.log("registry-0")?.len();
        let applied = stage.mesh.apply(&changed.manifests);
        let said = applied.and_then(|_| says(stage, start, fault));
        put(stage, &module)?;
        said?;
        reload(stage, fault.name)?;
        changed.apply(&stage.mesh)?;
        stage.deployment = Some(changed);
    }
    notes.add("faults", FAULTS.len());
    load.finish(notes)
}

/// Any edit of its resource makes istiod send a filter again; the policy stays.
fn reload(stage: &Stage, why: &str) -> Result<(), MeshError> {
    let annotation = format!("sallyport.dev/reload={}", why.replace(' ', "-"));
    let annotate = ["annotate", "wasmplugin", "--all", "-A", "--overwrite"];
    let arguments: Vec<&str> = annotate
        .iter()
        .copied()
        .chain([annotation.as_str()])
        .collect();
    stage.mesh.kubectl(&arguments).run().map(|_| ())
}

/// Puts a fault in the module's place; returns the module.
fn replace(stage: &Stage, fault: &Fault) -> Result<Vec<u8>, MeshError> {
    let path = stage.mesh.module_file();
    let failed = |cause| HarnessError::file(path, cause);
    let module = fs::read(path).map_err(failed)?;
    match (fault.spoil)(module.clone()) {
        Some(bytes) => fs::write(path, bytes).map_err(failed)?,
        None => fs::remove_file(path).map_err(failed)?,
    }
    Ok(module)
}

fn put(stage: &Stage, module: &[u8]) -> Result<(), MeshError> {
    let path = stage.mesh.module_file();
    Ok(fs::write(path, module).map_err(|cause| HarnessError::file(path, cause))?)
}

/// Waits until the sidecar's log names the fault.
fn says(stage: &Stage, start: usize, fault: &Fault) -> Result<(), MeshError> {
    log_says(stage, start, fault.said)
}

/// Waits until the registry's sidecar has logged something, after so many bytes of its log.
pub(super) fn log_says(stage: &Stage, start: usize, said: &str) -> Result<(), MeshError> {
    until("a line in the sidecar's log", RECOVERY, || {
        let log = stage
            .mesh
            .log("registry-0")
            .map_err(|error| error.to_string())?;
        match log.get(start..).unwrap_or_default().contains(said) {
            true => Ok(()),
            false => Err(format!("`{said}` is not there")),
        }
    })
}
