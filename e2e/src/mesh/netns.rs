//! A mesh without containers: a real API server, istiod, pilot-agents and Envoys, with network
//! namespaces for pods.
//!
//! All of it runs in a mount, network and process namespace of its own, whose first process this is
//! (`scripts/e2e-istio` makes them). So it can meet nothing else on the machine, and when this process
//! ends, however it does, the kernel ends all others and removes interfaces, rules and files.

mod control_plane;
mod corpus;
mod daemon;
mod host;
mod objects;
mod pod;
pub(crate) mod tools;

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::thread;

use super::authorities::{Authorities, Issued};
use super::cluster::Cluster;
use super::error::MeshError;
use super::layout::{self, Pod};
use super::program::Program;
use crate::HarnessError;
use crate::wire::{ask, loopback};
use control_plane::ControlPlane;
pub use corpus::{CORPUS_NAMESPACE, CORPUS_POD, corpus_trust_domain};
use daemon::Daemon;
pub use host::is_isolated;

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
    applications: BTreeMap<String, Daemon>,
    sidecars: BTreeMap<String, Daemon>,
    /// How many pods were added.
    added: u8,
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
        pod::steal_credentials("gateway", "24h", &authorities, Path::new(pod::STOLEN))?;
        pod::write_stats_tags()?;
        let mut mesh = Self {
            logs: logs.to_owned(),
            pods: Vec::new(),
            authorities,
            control_plane,
            applications: BTreeMap::new(),
            sidecars: BTreeMap::new(),
            added: 0,
        };
        for pod in pods {
            mesh.start_pod(pod)?;
        }
        mesh.wait_for_pods()?;
        Ok(mesh)
    }

    /// Where the logs are.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// Starts what is in a pod that the API server knows.
    fn start_pod(&mut self, pod: Pod) -> Result<(), MeshError> {
        host::connect(&pod)?;
        let application = pod::start(&pod, &self.control_plane, &self.logs)?;
        self.applications.insert(pod.name.clone(), application);
        if pod.workload.has_sidecar() {
            pod::redirect(&pod)?;
            pod::write_secrets(&pod, &self.control_plane, &self.authorities)?;
            let sidecar = pod::start_sidecar(&pod, &self.logs)?;
            self.sidecars.insert(pod.name.clone(), sidecar);
        }
        self.pods.push(pod);
        Ok(())
    }

    /// A pod that is not there yet: with the number that belongs to an address, or the first one that
    /// nobody ever had. Names are never given again, so logs are of one pod only.
    fn new_pod(&mut self, workload: &str, address: Option<IpAddr>) -> Result<Pod, MeshError> {
        let missing = || MeshError::Wrong(format!("there is no workload `{workload}`"));
        let workload = layout::find(workload).ok_or_else(missing)?;
        let of_nobody = u8::try_from(layout::pods().len())
            .unwrap_or(u8::MAX)
            .saturating_add(self.added);
        let number = match address {
            None => of_nobody,
            Some(address) => Pod::number_at(address)
                .filter(|number| self.pods.iter().all(|pod| pod.number != *number))
                .ok_or_else(|| MeshError::Wrong(format!("{address} is not to be had")))?,
        };
        let name = workload.replicas.saturating_add(self.added);
        self.added = self.added.saturating_add(1);
        Ok(Pod {
            name: format!("{}-{name}", workload.name),
            workload,
            number,
        })
    }

    /// Tells the mesh where the pods of a workload are.
    fn publish(&self, workload: layout::Workload) -> Result<(), MeshError> {
        let endpoints = objects::endpoints(workload, &self.pods).to_string();
        self.apply(&endpoints).map(|_| ())
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
    fn netns(&mut self) -> Option<&mut Self> {
        Some(self)
    }

    fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    fn in_pod(&self, pod: &str, arguments: &[String]) -> Result<Program, MeshError> {
        Ok(pod::application(self.pod(pod)?, arguments))
    }

    fn on_node(&self, arguments: &[String]) -> Program {
        pod::on_node(arguments)
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

    fn replace_leaf(&self, pod: &str, lifetime: &str) -> Result<Issued, MeshError> {
        pod::replace_leaf(self.pod(pod)?, lifetime, &self.authorities)
    }

    fn steal(&self, workload: &str, lifetime: &str, name: &str) -> Result<Issued, MeshError> {
        let folder = Path::new(host::FOLDER).join(name);
        pod::steal_credentials(workload, lifetime, &self.authorities, &folder)
    }

    fn istiod_log(&self) -> Result<String, MeshError> {
        let path = self.logs.join("istiod.log");
        Ok(fs::read_to_string(&path).map_err(|cause| HarnessError::file(&path, cause))?)
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

    fn module_file(&self) -> &Path {
        Path::new(host::MODULE)
    }

    fn istiod(&self, path: &str) -> Result<String, MeshError> {
        let response = ask(loopback(control_plane::ISTIOD), "GET", path)?;
        match response.status {
            200 => Ok(response.text()),
            status => Err(MeshError::Wrong(format!(
                "istiod answers {path} with {status}"
            ))),
        }
    }

    fn kill_istiod(&mut self) -> Result<(), MeshError> {
        self.control_plane.kill_istiod();
        Ok(())
    }

    fn start_istiod(&mut self) -> Result<(), MeshError> {
        self.control_plane.restart_istiod(&self.logs)
    }

    fn restart_sidecar(&mut self, name: &str) -> Result<(), MeshError> {
        let pod = self.pod(name)?.clone();
        pod::end_sidecar(&pod)?;
        if let Some(old) = self.sidecars.remove(name) {
            old.end();
        }
        let fresh = pod::start_sidecar(&pod, &self.logs)?;
        self.sidecars.insert(pod.name.clone(), fresh);
        pod::wait_until_ready(&pod)
    }

    fn add_pod(&mut self, workload: &str, address: Option<IpAddr>) -> Result<String, MeshError> {
        let pod = self.new_pod(workload, address)?;
        self.control_plane.create(&objects::added(&pod))?;
        self.start_pod(pod.clone())?;
        host::write_hosts(&self.pods)?;
        pod::wait_until_ready(&pod)?;
        self.publish(pod.workload)?;
        Ok(pod.name)
    }

    fn remove_pod(&mut self, name: &str) -> Result<(), MeshError> {
        let pod = self.pod(name)?.clone();
        self.pods.retain(|other| other.name != name);
        self.publish(pod.workload)?;
        if let Some(sidecar) = self.sidecars.remove(name) {
            pod::stop_sidecar(&pod, sidecar)?;
        }
        if let Some(application) = self.applications.remove(name) {
            application.end();
        }
        // No kubelet will say that it has ended.
        let delete = ["delete", "pod", name, "-n", pod.workload.name];
        let at_once = ["--force", "--grace-period=0"];
        let arguments: Vec<&str> = delete.iter().chain(&at_once).copied().collect();
        self.kubectl(&arguments).run()?;
        host::disconnect(&pod)?;
        Ok(host::write_hosts(&self.pods)?)
    }
}
