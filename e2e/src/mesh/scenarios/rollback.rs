//! From a policy that refuses what should pass back to the one before it, as docs/bundles.md says.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::load::{Load, has_passed};
use super::{SETTLED, Stage, check, url};
use crate::HarnessError;
use crate::app::Outcome;
use crate::mesh::caller::{Caller, Probe};
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::{Deployment, Target};
use crate::mesh::error::MeshError;
use crate::mesh::netns::CORPUS_NAMESPACE;
use crate::mesh::program::Program;
use crate::mesh::report::Notes;
use crate::world::now_ms;

/// What both policies allow goes on, what both deny never passes, and the cluster ends with the very
/// objects of before.
pub(super) fn under_load(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let release = Release::begin(stage)?;
    let good = release.accept(1, &[])?;
    let good = good.rendered(stage)?;
    good.apply(&stage.mesh)?;
    let before = objects(stage)?;
    are_as_rendered(&good, &before)?;

    let load = Load::start(stage)?;
    let mut harmed = harmed(stage)?;
    release.build(stage, &without(stage, HARMED)?, 2)?;
    let bad = release.accept(2, &[])?.rendered(stage)?;
    check(bad.manifests != good.manifests, || {
        "the second version should be another one".to_owned()
    })?;
    bad.apply(&stage.mesh)?;
    harmed.until("refusals of the second version", SETTLED, |outcomes| {
        outcomes
            .iter()
            .find(|outcome| is_refused(outcome))
            .map(drop)
    })?;

    let start = Instant::now();
    let back = release.go_back()?.rendered(stage)?;
    check(back.manifests == good.manifests, || {
        "the rendering should be the one of before".to_owned()
    })?;
    let took = back.apply(&stage.mesh)?;
    let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    notes.add("msToGoBack", ms(start.elapsed()));
    notes.add("msOfThemUntilAllHaveIt", ms(took));
    let restored = now_ms().0;
    harmed.until("requests after the rollback", SETTLED, |outcomes| {
        let last = outcomes.last()?.sent_at_ms;
        (last > restored.saturating_add(AFTER_MS)).then_some(())
    })?;
    is_well_again(&harmed.finish()?, restored, notes)?;
    load.finish(notes)?;

    let after = objects(stage)?;
    notes.add("objects", after.len());
    check(after == before, || {
        let differ = before
            .iter()
            .zip(&after)
            .find(|(before, after)| before != after);
        format!("the objects should be those of before: {differ:?}")
    })?;
    // What the other steps build on is the same policy, and so the same bytes.
    stage.deploy(&Value::Null)?;
    check(stage.deployment()?.manifests == good.manifests, || {
        "a bundle should be rendered as the files that it was built of".to_owned()
    })
}

/// Bundles, their history, and the keys that sign them.
struct Release {
    folder: TempDir,
}

/// The files of a bundle that was accepted.
struct Accepted {
    folder: PathBuf,
}

// === impl Release ===

impl Release {
    /// With the example's policy as the first version.
    fn begin(stage: &Stage) -> Result<Self, MeshError> {
        let wrong = |cause: std::io::Error| MeshError::Wrong(format!("no folder: {cause}"));
        let release = Self {
            folder: tempfile::tempdir().map_err(wrong)?,
        };
        release.sallyport(&["cred", "signer", "--name", "release", "--out", "release"])?;
        release.build(stage, &Value::Null, 1)?;
        Ok(release)
    }

    /// Builds and signs a version.
    fn build(&self, stage: &Stage, patch: &Value, version: u32) -> Result<(), MeshError> {
        let rendered = stage.rendered(patch)?;
        let (policy, mesh) = rendered.files();
        let (policy, mesh) = (policy.to_string_lossy(), mesh.to_string_lossy());
        let (number, file) = (version.to_string(), bundle(version));
        let build = ["bundle", "build", "--policy", &policy, "--mesh", &mesh];
        let as_what = ["--version-number", &number, "--out", &file];
        self.sallyport(&[&build[..], &as_what].concat())?;
        self.sallyport(&["bundle", "sign", &file, "--keys", "release"])
    }

    /// Verifies a version, notes that it is in force, and writes its files.
    fn accept(&self, version: u32, more: &[&str]) -> Result<Accepted, MeshError> {
        // One folder for each time.
        let out = format!("current-{version}-{}", more.len());
        let verify = ["bundle", "verify", &bundle(version), "--authority", PIN];
        let record = ["--history", "history.json", "--record", "--out", &out];
        self.sallyport(&[&verify[..], &record, more].concat())?;
        Ok(Accepted {
            folder: self.folder.path().join(out),
        })
    }

    /// Signs a statement that leads back to the first version, and accepts that.
    fn go_back(&self) -> Result<Accepted, MeshError> {
        let rollback = ["bundle", "rollback", &bundle(1), "--authority", PIN];
        let why = [
            "--history",
            "history.json",
            "--current",
            &bundle(2),
            "--reason",
            "a test",
            "--by",
            "on call",
        ];
        let signed = ["--keys", "release", "--out", "back.json"];
        self.sallyport(&[&rollback[..], &why, &signed].concat())?;
        self.accept(1, &["--rollback", "back.json"])
    }

    fn sallyport(&self, arguments: &[&str]) -> Result<(), MeshError> {
        let program = Program::sallyport(arguments).folder(self.folder.path());
        program.run().map(drop)
    }
}

// === impl Accepted ===

impl Accepted {
    fn rendered(&self, stage: &Stage) -> Result<Deployment, MeshError> {
        let file = |name: &str| -> PathBuf { Path::join(&self.folder, name) };
        let (policy, mesh) = (file("policy.json"), file("mesh.json"));
        // It is not in a bundle where meshConfig asks nothing of credentials.
        if !mesh.exists() {
            std::fs::write(&mesh, "{}\n").map_err(|cause| HarnessError::file(&mesh, cause))?;
        }
        Deployment::render_files(&stage.mesh, policy, mesh, Target::WasmPlugin, &[])
    }
}

fn bundle(version: u32) -> String {
    format!("bundle-{version}.json")
}

/// The example's policy without a flow.
fn without(stage: &Stage, name: &str) -> Result<Value, MeshError> {
    let mut flows = stage.flows()?;
    let all = flows.len();
    flows.retain(|flow| flow.get("name").and_then(Value::as_str) != Some(name));
    check(flows.len() < all, || {
        format!("there should be a flow `{name}`")
    })?;
    Ok(json!({"spec": {"flows": flows}}))
}

/// Requests that the first version allows and the second does not.
fn harmed(stage: &Stage) -> Result<Probe, MeshError> {
    let caller = Caller::new("gateway-0", &url(&stage.mesh, "registry", "/v1/models"));
    let mut probe = caller.option("connections", "2").probe(&stage.mesh, 40)?;
    probe.until("a first answer", SETTLED, |outcomes| {
        outcomes.first().map(drop)
    })?;
    Ok(probe)
}

fn is_refused(outcome: &Outcome) -> bool {
    outcome.reason() == Some("flow_not_allowed")
}

/// They were refused for a while, and for that reason only; since the rollback they pass.
fn is_well_again(outcomes: &[Outcome], restored: u64, notes: &mut Notes) -> Result<(), MeshError> {
    let refused = outcomes
        .iter()
        .filter(|outcome| is_refused(outcome))
        .count();
    notes.add("refusedByTheSecond", refused);
    let lost = outcomes
        .iter()
        .find(|outcome| !has_passed(outcome) && !is_refused(outcome));
    check(lost.is_none(), || {
        format!("requests should pass, or be refused by the second version: {lost:?}")
    })?;
    let late = outcomes
        .iter()
        .find(|outcome| outcome.sent_at_ms > restored && !has_passed(outcome));
    check(late.is_none(), || {
        format!("since the rollback requests should pass: {late:?}")
    })
}

/// All objects of ours in the API server: who they are and what they say.
fn objects(stage: &Stage) -> Result<Vec<Value>, MeshError> {
    let label = "app.kubernetes.io/managed-by=sallyport";
    let get = ["get", KINDS, "-A", "-l", label, "-o", "json"];
    let list: Value = stage.mesh.kubectl(&get).json()?;
    let items = list.get("items").and_then(Value::as_array);
    let of = |item: &Value| {
        let metadata = |key: &str| item.pointer(&format!("/metadata/{key}")).cloned();
        json!({
            "kind": item.get("kind"),
            "namespace": metadata("namespace"),
            "name": metadata("name"),
            // The same object, neither deleted nor made anew.
            "uid": metadata("uid"),
            "labels": metadata("labels"),
            "annotations": metadata("annotations"),
            "spec": item.get("spec"),
        })
    };
    // The corpus has a pod and objects of its own, which stay when it is over.
    let is_of_corpus =
        |item: &&Value| item.pointer("/metadata/namespace") == Some(&json!(CORPUS_NAMESPACE));
    let items = items.into_iter().flatten();
    let objects: Vec<Value> = items.filter(|item| !is_of_corpus(item)).map(of).collect();
    check(!objects.is_empty(), || {
        "there are no objects of ours".to_owned()
    })?;
    Ok(objects)
}

/// The API server and istiod change nothing of what was rendered: GitOps has nothing to overlook.
fn are_as_rendered(deployment: &Deployment, objects: &[Value]) -> Result<(), MeshError> {
    let rendered = deployment.objects()?;
    check(rendered.len() == objects.len(), || {
        format!("{} objects of {}", objects.len(), rendered.len())
    })?;
    for wanted in rendered {
        let text = |path: &str| wanted.pointer(path).cloned().unwrap_or_default();
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let found = objects.iter().find(|object| {
            let is = |key: &str, value: &Value| object.get(key) == Some(value);
            is("kind", &text("/kind")) && is("namespace", &namespace) && is("name", &name)
        });
        for (key, path) in [("spec", "/spec"), ("labels", "/metadata/labels")] {
            let seen = found.and_then(|object| object.get(key));
            check(seen == wanted.pointer(path), || {
                format!("{key} of {name} in {namespace} should be as rendered: {seen:?}")
            })?;
        }
    }
    Ok(())
}

/// The flow that the second version lacks; the load has none of its requests.
const HARMED: &str = "gateway-to-registry";
const PIN: &str = "release/signing-authority.json";
const KINDS: &str = "wasmplugins,envoyfilters,authorizationpolicies,peerauthentications";
/// For so long requests are watched after the rollback.
const AFTER_MS: u64 = 3_000;
