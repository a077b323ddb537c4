//! A module and a slice of the policy of different releases.

use ring::digest::{SHA256, digest};
use sallyport_engine::hexadecimal;
use serde_json::{Value, json};

use super::change::{RECOVERY, heals, shows};
use super::module::log_says;
use super::{Stage, check, url};
use crate::HarnessError;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::stats;
use crate::mesh::error::MeshError;
use crate::mesh::report::Notes;
use crate::mesh::until;

/// A newer slice, and an older one.
pub(super) fn slices(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let held = slice_is_newer(stage, notes).and_then(|()| slice_is_older(stage));
    stage.redeploy()?;
    held
}

/// A slice that the module does not know is refused, and what runs goes on; a fresh sidecar denies,
/// and heals with the next slice that it knows.
fn slice_is_newer(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let allowed = Caller::new("gateway-0", &url(&stage.mesh, "registry", "/v1/models"));
    for (edit, said) in NEWER {
        let start = stage.mesh.log("registry-0")?.len();
        stage.mesh.apply(&edited(stage, edit)?.0)?;
        shows(stage, "registry-0", "config_rejected", 1)?;
        log_says(stage, start, said)?;
        let outcome = allowed.once(&stage.mesh)?;
        check(outcome.status == Some(200), || {
            format!("the slice of before should go on: {outcome:?}")
        })?;
    }
    stage.mesh.restart_sidecar("registry-0")?;
    let outcome = allowed.once(&stage.mesh)?;
    check(outcome.reason() == Some("not_configured"), || {
        format!("without a slice that it knows it should refuse: {outcome:?}")
    })?;
    stage.redeploy()?;
    notes.add("slices", NEWER.len());
    heals(stage, &allowed)
}

/// A slice of a release that knew less is as good as any.
fn slice_is_older(stage: &Stage) -> Result<(), MeshError> {
    let (manifests, hash) = edited(stage, first_release)?;
    stage.mesh.apply(&manifests)?;
    until("an older slice", RECOVERY, || {
        let stats = stats(&stage.mesh, "registry-0").map_err(|error| error.to_string())?;
        match stats.get("policy_hash") {
            Some(seen) if *seen == hash => Ok(()),
            seen => Err(format!("policy_hash is {seen:?}, not {hash}")),
        }
    })?;
    for (path, reason) in [
        ("/v1/models", None),
        ("/nobody/may", Some("operation_not_allowed")),
    ] {
        let called = url(&stage.mesh, "registry", path);
        let outcome = Caller::new("gateway-0", &called).once(&stage.mesh)?;
        let expected =
            outcome.reason() == reason && outcome.is_from_application() == reason.is_none();
        check(expected, || {
            format!("{path}: expected {reason:?}: {outcome:?}")
        })?;
    }
    Ok(())
}

/// Changes a plugin configuration and its policy.
type Edit = fn(&mut Value, &mut Value);

/// What a later release might write, and what is said of it.
const NEWER: [(Edit, &str); 2] = [
    (
        |_, policy| insert(policy.get_mut("spec"), "laterField", json!({"any": 1})),
        "the policy is not valid JSON of this version",
    ),
    (
        |config, _| insert(Some(config), "sliceVersion", json!(2)),
        "slice version 2 is not known to this module",
    ),
];

/// The fields that the first release had, and no others.
fn first_release(_: &mut Value, policy: &mut Value) {
    if let Some(spec) = policy.get_mut("spec").and_then(Value::as_object_mut) {
        spec.retain(|name, _| FIRST_FIELDS.contains(&name.as_str()));
    }
}

const FIRST_FIELDS: [&str; 7] = [
    "mode",
    "trustDomains",
    "minimumAssurance",
    "authorities",
    "segments",
    "flows",
    "probes",
];

fn insert(object: Option<&mut Value>, name: &str, value: Value) {
    if let Some(members) = object.and_then(Value::as_object_mut) {
        members.insert(name.to_owned(), value);
    }
}

/// What is in force, with edited slices; and the hash of the registry's, as the gauge has it.
fn edited(stage: &Stage, edit: Edit) -> Result<(String, u64), MeshError> {
    let unreadable = |cause| HarnessError::Json {
        what: "a slice",
        cause,
    };
    let (mut items, mut registry) = (stage.deployment()?.objects()?, 0);
    for item in &mut items {
        let is_registry =
            item.pointer("/metadata/namespace").and_then(Value::as_str) == Some("registry");
        let Some(config) = item.pointer_mut("/spec/pluginConfig") else {
            continue;
        };
        let text = config.get("policy").and_then(Value::as_str);
        let mut policy: Value =
            serde_json::from_str(text.unwrap_or_default()).map_err(unreadable)?;
        edit(config, &mut policy);
        let text = policy.to_string();
        let hash = hexadecimal::encode(digest(&SHA256, text.as_bytes()).as_ref());
        if is_registry {
            registry = u64::from_str_radix(hash.get(..12).unwrap_or_default(), 16)
                .map_err(|_| MeshError::Wrong(format!("`{hash}` is no hash")))?;
        }
        insert(Some(config), "policy", json!(text));
        insert(Some(config), "sha256", json!(hash));
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    Ok((list.to_string(), registry))
}
