//! A policy on its way into the mesh, as an operator would bring it there: checked, rendered from
//! what the cluster has, applied, and watched until all sidecars enforce it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sallyport_mesh_config::finding::Finding;
use sallyport_mesh_config::mesh;
use sallyport_mesh_config::policy_file::{self, LoadedPolicy};
use serde_json::Value;

use super::caller::Caller;
use super::cluster::Cluster;
use super::error::MeshError;
use super::layout::{Pod, pods};
use super::program::Program;
use super::until;
use crate::HarnessError;
use crate::scenario::merge;
use crate::settings::{EnvoyVersion, Settings};

/// A policy of the mesh, with what was rendered of it.
#[derive(Debug)]
pub struct Deployment {
    path: PathBuf,
    mesh: PathBuf,
    /// What `sallyport render` printed.
    pub manifests: String,
    /// What the gauge `policy_hash` has to show, by namespace.
    hashes: BTreeMap<String, u64>,
}

/// What `sallyport render` renders for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `WasmPlugin`.
    WasmPlugin,
    /// `TrafficExtension`.
    TrafficExtension,
    /// `EnvoyFilter`.
    EnvoyFilter,
}

impl Deployment {
    /// Renders the policy in a folder, changed by a patch (RFC 7396), for what a cluster has.
    ///
    /// # Errors
    /// When the policy is not valid, or cannot be rendered.
    pub fn render(
        cluster: &dyn Cluster,
        folder: &Path,
        patch: &Value,
        target: Target,
    ) -> Result<Self, MeshError> {
        Self::render_with(cluster, folder, patch, target, &[])
    }

    /// The same with further options of `sallyport render`.
    ///
    /// # Errors
    /// When the policy is not valid, or cannot be rendered.
    pub fn render_with(
        cluster: &dyn Cluster,
        folder: &Path,
        patch: &Value,
        target: Target,
        more: &[&str],
    ) -> Result<Self, MeshError> {
        let path = patched(folder, patch)?;
        let mesh = mesh_file(cluster, folder)?;
        Self::render_files(cluster, path, mesh, target, more)
    }

    /// The same for a policy file, and a file with the mesh's settings.
    ///
    /// # Errors
    /// When the policy is not valid, or cannot be rendered.
    pub fn render_files(
        cluster: &dyn Cluster,
        path: PathBuf,
        mesh: PathBuf,
        target: Target,
        more: &[&str],
    ) -> Result<Self, MeshError> {
        Program::sallyport(["check", &path.to_string_lossy()]).run()?;
        let objects = cluster
            .kubectl(&["get", WORKLOAD_KINDS, "-A", "-o", "yaml"])
            .run()?;
        let mesh_option = ["--mesh", &mesh.to_string_lossy()];
        let options: Vec<&str> = mesh_option.iter().chain(more).copied().collect();
        let manifests = rendered(cluster, &path, objects, target, &options)?;
        Ok(Self {
            hashes: hashes(&manifests)?,
            path,
            mesh,
            manifests,
        })
    }

    /// The policy, as the filter understands it.
    ///
    /// # Errors
    /// When it is not valid.
    pub fn load(&self) -> Result<LoadedPolicy, MeshError> {
        let wrong = |findings: Vec<Finding>| {
            let lines = findings.iter().map(ToString::to_string);
            MeshError::Wrong(lines.collect::<Vec<_>>().join("; "))
        };
        let loaded =
            policy_file::load(&self.path).map_err(|errors| MeshError::Wrong(errors.to_string()))?;
        let settings = mesh::load(&self.mesh).map_err(wrong)?;
        settings.apply(loaded).map_err(wrong)
    }

    /// Applies what was rendered, and waits until every sidecar enforces it; returns how long that
    /// took.
    ///
    /// # Errors
    /// When the cluster refuses it, or a sidecar does not come to it.
    pub fn apply(&self, cluster: &dyn Cluster) -> Result<Duration, MeshError> {
        let start = Instant::now();
        cluster.apply(&self.manifests)?;
        self.arrives(cluster)?;
        Ok(start.elapsed())
    }

    /// Waits until every sidecar enforces it.
    ///
    /// # Errors
    /// When one does not come to it.
    pub fn arrives(&self, cluster: &dyn Cluster) -> Result<(), MeshError> {
        for pod in pods() {
            if let Some(hash) = self.hashes.get(pod.workload.name) {
                until("a policy's way into a sidecar", ARRIVAL, || {
                    shows(cluster, &pod.name, *hash)
                })?;
            }
        }
        Ok(())
    }

    /// Whether the sidecar of a pod enforces it; it does not where it has nothing of it.
    ///
    /// # Errors
    /// When the sidecar does not answer.
    pub fn is_in(&self, cluster: &dyn Cluster, pod: &Pod) -> Result<bool, MeshError> {
        let Some(hash) = self.hashes.get(pod.workload.name) else {
            return Ok(false);
        };
        Ok(stats(cluster, &pod.name)?.get("policy_hash") == Some(hash))
    }

    /// The objects that were rendered.
    ///
    /// # Errors
    /// When they are not in their format.
    pub fn objects(&self) -> Result<Vec<Value>, MeshError> {
        objects(&self.manifests)
    }

    /// The policy, and the file with the mesh's settings that it was rendered with.
    pub(super) fn files(&self) -> (&Path, &Path) {
        (&self.path, &self.mesh)
    }

    /// How many namespaces it covers.
    #[must_use]
    pub fn namespaces(&self) -> usize {
        self.hashes.len()
    }
}

impl Target {
    /// Those that the release of Istio has, in the order in which they take over from each other.
    ///
    /// # Errors
    /// When Envoy does not say its version.
    pub fn all() -> Result<Vec<Self>, HarnessError> {
        let mut targets = vec![Self::TrafficExtension, Self::EnvoyFilter, Self::WasmPlugin];
        if ["1.28", "1.29"].contains(&istio_version()?) {
            targets.retain(|target| *target != Self::TrafficExtension);
        }
        Ok(targets)
    }

    /// As the command line has it, and kubectl.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::WasmPlugin => "wasmplugin",
            Self::TrafficExtension => "trafficextension",
            Self::EnvoyFilter => "envoyfilter",
        }
    }
}

/// The filter's statistics of a pod's sidecar: name without prefix, and value.
///
/// # Errors
/// When the sidecar does not answer.
pub fn stats(cluster: &dyn Cluster, pod: &str) -> Result<BTreeMap<String, u64>, MeshError> {
    let url = "http://127.0.0.1:15000/stats?filter=sallyport";
    let body = Caller::new(pod, url).once(cluster)?.body;
    let pairs = body.lines().filter_map(|line| line.split_once(": "));
    let known = pairs.filter_map(|(name, value)| {
        let (_, name) = name.split_once("sallyport.")?;
        value
            .parse()
            .map_or(None, |value| Some((name.to_owned(), value)))
    });
    Ok(known.collect())
}

/// What `sallyport render` prints for a policy and the objects of a cluster, with further options.
///
/// # Errors
/// When the policy is not valid, or cannot be rendered.
pub fn rendered(
    cluster: &dyn Cluster,
    policy: &Path,
    objects: String,
    target: Target,
    options: &[&str],
) -> Result<String, MeshError> {
    let (policy, module) = (policy.to_string_lossy(), cluster.module());
    let digest = cluster.module_sha256()?;
    let mut arguments = vec!["render", "--target", target.as_str()];
    arguments.extend(["--istio-version", istio_version()?, "--policy", &policy]);
    arguments.extend(["--manifests", "-", "--module", &module]);
    arguments.extend(["--module-sha256", &digest]);
    arguments.extend(options);
    Program::sallyport(arguments).input(objects).run()
}

/// The release of Istio to render for: that of the sidecars' Envoy, since it decides what the filter is
/// shown.
fn istio_version() -> Result<&'static str, HarnessError> {
    let settings = Settings::from_environment()?;
    Ok(EnvoyVersion::of(&settings.envoy)?.istio())
}

/// Whether a sidecar has the policy with this hash; the error says what it has instead.
pub(super) fn shows(cluster: &dyn Cluster, pod: &str, hash: u64) -> Result<(), String> {
    let stats = stats(cluster, pod).map_err(|error| error.to_string())?;
    match stats.get("policy_hash") {
        Some(seen) if *seen == hash => Ok(()),
        seen => Err(format!("policy_hash of {pod} is {seen:?}, not {hash}")),
    }
}

/// The ConfigMap with the mesh's settings, as a file.
fn mesh_file(cluster: &dyn Cluster, folder: &Path) -> Result<PathBuf, MeshError> {
    let get = [
        "get",
        "configmap",
        "istio",
        "-n",
        "istio-system",
        "-o",
        "yaml",
    ];
    let path = folder.join("istio-configmap.yaml");
    let text = cluster.kubectl(&get).run()?;
    fs::write(&path, text).map_err(|cause| HarnessError::file(&path, cause))?;
    Ok(path)
}

/// The policy in a folder.
///
/// # Errors
/// When it cannot be read.
pub fn document(folder: &Path) -> Result<Value, HarnessError> {
    let source = folder.join("policy.yaml");
    let text = fs::read_to_string(&source).map_err(|cause| HarnessError::file(&source, cause))?;
    serde_saphyr::from_str(&text).map_err(|cause| HarnessError::format(&source, cause))
}

/// The policy beside its authorities, changed.
fn patched(folder: &Path, patch: &Value) -> Result<PathBuf, HarnessError> {
    if patch.is_null() {
        return Ok(folder.join("policy.yaml"));
    }
    let mut document = document(folder)?;
    merge(&mut document, patch);
    let path = folder.join("changed.yaml");
    fs::write(&path, document.to_string()).map_err(|cause| HarnessError::file(&path, cause))?;
    Ok(path)
}

fn objects(manifests: &str) -> Result<Vec<Value>, MeshError> {
    serde_saphyr::from_multiple(manifests).map_err(|error| unreadable(&error))
}

fn unreadable(problem: &dyn Display) -> MeshError {
    MeshError::Output {
        program: "sallyport render".to_owned(),
        problem: problem.to_string(),
    }
}

/// The annotation with the hash of the slice, by namespace.
pub(super) fn hashes(manifests: &str) -> Result<BTreeMap<String, u64>, MeshError> {
    let documents = objects(manifests)?;
    let mut hashes = BTreeMap::new();
    for document in &documents {
        let metadata = document.get("metadata");
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let namespace = text(metadata.and_then(|metadata| metadata.get("namespace")));
        let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
        let hash = text(annotations.and_then(|all| all.get("sallyport.dev/slice-sha256")));
        if let (Some(namespace), Some(hash)) = (namespace, hash) {
            // The gauge holds the first 6 bytes.
            let start = hash.get(..12).unwrap_or_default();
            let number = u64::from_str_radix(start, 16)
                .map_err(|_| unreadable(&format!("`{hash}` is no hash")))?;
            hashes.insert(namespace, number);
        }
    }
    if hashes.is_empty() {
        return Err(unreadable(&"no annotation with the hash of a slice"));
    }
    Ok(hashes)
}

/// What `sallyport render` wants to know of a cluster.
pub(super) const WORKLOAD_KINDS: &str = "pods,services,namespaces";
/// Long enough for istiod to push and Envoy to compile, on a busy machine.
const ARRIVAL: Duration = Duration::from_secs(120);
