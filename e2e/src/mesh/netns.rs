//! A mesh without containers: a real API server, istiod, pilot-agents and Envoys, with network
//! namespaces for pods.
//!
//! All of it runs in a mount, network and process namespace of its own, whose first process this is
//! (`scripts/e2e-istio` makes them). So it can meet nothing else on the machine, and when this process
//! ends, however it does, the kernel ends all others and removes interfaces, rules and files.

mod control_plane;
mod corpus;
mod credentials;
mod daemon;
mod host;
mod objects;
mod pod;
pub(crate) mod tools;
mod wait;

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::thread;

use super::cluster::Cluster;
use super::error::MeshError;
use super::layout::{self, Pod};
use super::program::Program;
use crate::HarnessError;
use control_plane::ControlPlane;
pub use corpus::{CORPUS_NAMESPACE, CORPUS_POD, corpus_trust_domain};
pub use credentials::Authorities;
pub use host::is_isolated;
pub(crate) use wait::until;

/// Where the programs of a mesh are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Those of `scripts/setup-istio`.
    pub istio: PathBuf,
    /// Envoy.
    pub envoy: PathBuf,
    /// The module.
    pub wasm: PathBuf,
    /// `mesh-app`.
    pub app: PathBuf,
}

/// A running mesh.
#[derive(Debug)]
pub struct Mesh {
    logs: PathBuf,
    pods: Vec<Pod>,
    authorities: Authorities,
    control_plane: ControlPlane,
    applications: Vec<daemon::Daemon>,
    sidecars: BTreeMap<String, daemon::Daemon>,
}

impl Mesh {
    /// Brings up a mesh. Logs of all its parts go to a folder.
    ///
    /// # Errors
    /// When a part of it does not come up.
    pub fn start(programs: &Programs, logs: &Path) -> Result<Self, MeshError> {
        let pods = layout::pods();
        host::prepare(programs, &pods)?;
        let authorities = Authorities::make(Path::new(host::FOLDER))?;
        let mut control_plane = ControlPlane::start_api(logs)?;
        control_plane.create(&objects::namespaces(&authorities.mesh_config()?))?;
        control_plane.install_istio(&Path::new(host::TOOLS).join("crds.yaml"))?;
        control_plane.start_istiod(&authorities, logs)?;
        control_plane.create(&objects::workloads(&pods))?;
        host::connect(&pods)?;
        pod::steal_credentials(&authorities)?;
        let (mut applications, mut sidecars) = (Vec::new(), BTreeMap::new());
        for pod in &pods {
            applications.push(pod::start(pod, &control_plane, logs)?);
            if pod.workload.has_sidecar() {
                pod::redirect(pod)?;
                pod::write_secrets(pod, &control_plane, &authorities)?;
                sidecars.insert(pod.name.clone(), pod::start_sidecar(pod, logs)?);
            }
        }
        let mesh = Self {
            logs: logs.to_owned(),
            pods,
            authorities,
            control_plane,
            applications,
            sidecars,
        };
        mesh.wait_for_pods()?;
        Ok(mesh)
    }

    /// The authorities of the mesh, and the policy that pins them.
    #[must_use]
    pub const fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    /// The control plane.
    pub const fn control_plane(&mut self) -> &mut ControlPlane {
        &mut self.control_plane
    }

    /// Where the logs are.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// Ends a sidecar and starts another one in its place, which knows nothing yet.
    ///
    /// # Errors
    /// When the new one does not come up.
    pub fn restart_sidecar(&mut self, name: &str) -> Result<(), MeshError> {
        let pod = self.pod(name)?.clone();
        pod::end_sidecar(&pod)?;
        if let Some(old) = self.sidecars.remove(name) {
            old.end();
        }
        let fresh = pod::start_sidecar(&pod, &self.logs)?;
        self.sidecars.insert(pod.name.clone(), fresh);
        pod::wait_until_ready(&pod)
    }

    /// Takes the module away from all pods; returns it.
    ///
    /// # Errors
    /// When that fails.
    pub fn take_module(&self) -> Result<Vec<u8>, MeshError> {
        let failed = |cause| HarnessError::file(Path::new(host::MODULE), cause);
        let bytes = fs::read(host::MODULE).map_err(failed)?;
        fs::remove_file(host::MODULE).map_err(failed)?;
        Ok(bytes)
    }

    /// Gives the pods a module.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_module(&self, bytes: &[u8]) -> Result<(), MeshError> {
        let failed = |cause| HarnessError::file(Path::new(host::MODULE), cause);
        Ok(fs::write(host::MODULE, bytes).map_err(failed)?)
    }

    fn wait_for_pods(&self) -> Result<(), MeshError> {
        thread::scope(|scope| {
            let waiting: Vec<_> = self
                .pods
                .iter()
                .map(|pod| scope.spawn(|| pod::wait_until_ready(pod)))
                .collect();
            waiting
                .into_iter()
                .try_for_each(|thread| match thread.join() {
                    Ok(result) => result,
                    Err(_) => Err(MeshError::Wrong("a thread panicked".to_owned())),
                })
        })
    }

    fn pod(&self, name: &str) -> Result<&Pod, MeshError> {
        let mut pods = self.pods.iter();
        pods.find(|pod| pod.name == name)
            .ok_or_else(|| MeshError::NoPod(name.to_owned()))
    }
}

impl Cluster for Mesh {
    fn in_pod(&self, pod: &str, arguments: &[String]) -> Result<Program, MeshError> {
        Ok(pod::application(self.pod(pod)?, arguments))
    }

    fn kubectl(&self, arguments: &[&str]) -> Program {
        self.control_plane.kubectl(arguments)
    }

    fn istioctl(&self, arguments: &[&str]) -> Program {
        self.control_plane.istioctl(arguments)
    }

    fn address(&self, workload: &str) -> String {
        layout::find(workload).map_or_else(|| workload.to_owned(), layout::Workload::host)
    }

    fn stolen_credentials(&self) -> String {
        pod::STOLEN.to_owned()
    }

    fn pod_address(&self, pod: &str) -> Result<IpAddr, MeshError> {
        Ok(IpAddr::V4(self.pod(pod)?.address()))
    }

    fn log(&self, pod: &str) -> Result<String, MeshError> {
        let path = self.logs.join(format!("{}.proxy.log", self.pod(pod)?.name));
        let bytes = fs::read(&path).map_err(|cause| HarnessError::file(&path, cause))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn module(&self) -> String {
        format!("file://{}", host::MODULE)
    }

    fn module_sha256(&self) -> Result<String, MeshError> {
        let path = Path::new(host::MODULE);
        let bytes = fs::read(path).map_err(|cause| HarnessError::file(path, cause))?;
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        Ok(sallyport_engine::hexadecimal::encode(digest.as_ref()))
    }
}
