//! A mesh in a kind cluster, with an official Istio: a way to bring one up for whoever has docker.
//!
//! `scripts/e2e-kind` makes the cluster and the image of the application. A folder of this machine is
//! the folder of the module on the node, and in all sidecars.

mod node;
pub(crate) mod objects;

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::authorities::{Authorities, Issued};
use super::cluster::Cluster;
use super::error::MeshError;
use super::layout::{self, Leaf, Workload};
use super::objects as shared_objects;
use super::program::Program;
use super::settings::{mesh_config, stats_tags};
use crate::HarnessError;
use node::Node;
use objects::{APPLICATION, CREDENTIALS, Images, MODULES, STOLEN};

/// What a cluster is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `kubectl` and `istioctl`.
    pub tools: PathBuf,
    /// The name of the cluster.
    pub name: String,
    /// The folder that is [`MODULES`] on the node; `mesh-app` is there too.
    pub shared: PathBuf,
    /// The module.
    pub wasm: PathBuf,
    /// The image of istiod.
    pub pilot: String,
    /// The image of sidecars.
    pub proxy: String,
}

/// A running mesh. The cluster outlives it: `scripts/e2e-kind` removes it.
#[derive(Debug)]
pub struct Kind {
    settings: Settings,
    authorities: Authorities,
    module: PathBuf,
    node: Node,
    /// What pods logged that are gone.
    logs: BTreeMap<String, String>,
    /// How many pods a workload has beyond those of the layout.
    added: BTreeMap<String, u8>,
}

impl Kind {
    /// Installs Istio in an empty cluster, and all workloads.
    ///
    /// # Errors
    /// When a part of it does not come up.
    pub fn start(settings: Settings, folder: &Path) -> Result<Self, MeshError> {
        let module = settings.shared.join("sallyport.wasm");
        fs::copy(&settings.wasm, &module).map_err(|cause| HarnessError::file(&module, cause))?;
        let kind = Self {
            node: Node::new(&settings.name),
            authorities: Authorities::make(folder)?,
            module,
            settings,
            logs: BTreeMap::new(),
            added: BTreeMap::new(),
        };
        kind.install_istio(folder)?;
        kind.create_workloads(folder)?;
        kind.wait_for_workloads()?;
        Ok(kind)
    }

    fn install_istio(&self, folder: &Path) -> Result<(), MeshError> {
        let (certificate, key) = self.authorities.istiod();
        let files = vec![
            file("ca-cert.pem", &certificate)?,
            file("cert-chain.pem", &certificate)?,
            file("ca-key.pem", &key)?,
            (
                "root-cert.pem".to_owned(),
                self.authorities.trusted()?.into_bytes(),
            ),
        ];
        let first = [
            shared_objects::namespace("istio-system"),
            objects::authority(&files),
        ];
        self.apply(&shared_objects::list(first.to_vec()).to_string())?;
        let config = mesh_config(&self.authorities.mesh_config()?);
        let images = Images {
            pilot: &self.settings.pilot,
            proxy: &self.settings.proxy,
        };
        let path = folder.join("installation.json");
        let text = objects::installation(&config, images).to_string();
        fs::write(&path, text).map_err(|cause| HarnessError::file(&path, cause))?;
        let path = path.to_string_lossy();
        let install = ["install", "--skip-confirmation", "-f", &path];
        self.istioctl(&install).run().map(|_| ())
    }

    fn create_workloads(&self, folder: &Path) -> Result<(), MeshError> {
        let mut first: Vec<Value> = Vec::new();
        for workload in layout::WORKLOADS {
            first.push(shared_objects::namespace(workload.name));
            if workload.has_stats_tags() {
                first.push(objects::stats_tags(workload, &stats_tags()?));
            }
            if let Some(owner) = holder(workload) {
                let out = folder.join("leaves").join(workload.name);
                first.push(self.leaf(workload, owner, "24h", &out)?.1);
            }
        }
        self.apply(&shared_objects::list(first).to_string())?;
        self.apply(&objects::workloads().to_string()).map(|_| ())
    }

    /// A certificate, and the secret of a workload with it.
    fn leaf(
        &self,
        workload: Workload,
        owner: Workload,
        lifetime: &str,
        out: &Path,
    ) -> Result<(Issued, Value), MeshError> {
        let issued = self.authorities.issue(owner, lifetime, out)?;
        let mut files = Vec::new();
        for name in ["cert-chain.pem", "key.pem", "root-cert.pem"] {
            files.push(file(name, &out.join(name))?);
        }
        let secret = objects::secret(CREDENTIALS, workload.name, &files);
        Ok((issued, secret))
    }

    fn wait_for_workloads(&self) -> Result<(), MeshError> {
        for workload in layout::WORKLOADS {
            self.wait_for(workload)?;
        }
        Ok(())
    }

    fn wait_for(&self, workload: Workload) -> Result<(), MeshError> {
        let set = format!("statefulset/{}", workload.name);
        let status = ["rollout", "status", &set, "-n", workload.name, WAIT];
        self.kubectl(&status).run().map(|_| ())
    }

    fn scale(&self, workload: Workload, replicas: u8) -> Result<(), MeshError> {
        let set = format!("statefulset/{}", workload.name);
        let replicas = format!("--replicas={replicas}");
        let scale = ["scale", &set, "-n", workload.name, &replicas];
        self.kubectl(&scale).run().map(|_| ())
    }

    /// Keeps what a pod logged, before it goes.
    fn keep_log(&mut self, pod: &str) -> Result<(), MeshError> {
        let log = self.log(pod)?;
        self.logs.insert(pod.to_owned(), log);
        Ok(())
    }

    fn number_added(&self, workload: &str) -> u8 {
        self.added.get(workload).copied().unwrap_or_default()
    }
}

impl Cluster for Kind {
    fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    fn in_pod(&self, pod: &str, arguments: &[String]) -> Result<Program, MeshError> {
        let workload = workload_of(pod)?;
        let exec = ["exec", "-i", pod, "-n", workload.name, "-c", APPLICATION];
        let words: Vec<&str> = exec
            .iter()
            .chain(&["--", "/mesh-app"])
            .copied()
            .chain(arguments.iter().map(String::as_str))
            .collect();
        Ok(self.kubectl(&words))
    }

    fn on_node(&self, arguments: &[String]) -> Program {
        self.node.run(&format!("{MODULES}/mesh-app"), arguments)
    }

    fn kubectl(&self, arguments: &[&str]) -> Program {
        let context = format!("--context=kind-{}", self.settings.name);
        let program = self.settings.tools.join("kubectl");
        let words = [context.as_str()]
            .into_iter()
            .chain(arguments.iter().copied());
        Program::new(&program.to_string_lossy(), words)
    }

    fn istioctl(&self, arguments: &[&str]) -> Program {
        let context = format!("--context=kind-{}", self.settings.name);
        let program = self.settings.tools.join("istioctl");
        let words = arguments.iter().copied().chain([context.as_str()]);
        Program::new(&program.to_string_lossy(), words)
    }

    fn address(&self, workload: &str) -> String {
        layout::find(workload).map_or_else(|| workload.to_owned(), Workload::host)
    }

    fn stolen_credentials(&self) -> String {
        STOLEN.to_owned()
    }

    /// The kubelet brings a secret's new content into pods, within a minute or two.
    fn replace_leaf(&self, pod: &str, lifetime: &str) -> Result<Issued, MeshError> {
        let workload = workload_of(pod)?;
        let out = self.authorities.folder().join("replaced").join(pod);
        let (issued, secret) = self.leaf(workload, workload, lifetime, &out)?;
        self.apply(&secret.to_string())?;
        Ok(issued)
    }

    fn steal(&self, workload: &str, lifetime: &str, name: &str) -> Result<Issued, MeshError> {
        let missing = || MeshError::NoPod(workload.to_owned());
        let workload = layout::find(workload).ok_or_else(missing)?;
        let out = self.settings.shared.join(name);
        let issued = self.authorities.issue(workload, lifetime, &out)?;
        // The folder, as the pod without a sidecar has it.
        Ok(Issued {
            folder: Path::new(MODULES).join(name),
            ..issued
        })
    }

    fn istiod_log(&self) -> Result<String, MeshError> {
        let logs = ["logs", "deployment/istiod", "-n", "istio-system"];
        self.kubectl(&logs).run()
    }

    fn pod_address(&self, pod: &str) -> Result<IpAddr, MeshError> {
        let workload = workload_of(pod)?;
        let path = "jsonpath={.status.podIP}";
        let get = ["get", "pod", pod, "-n", workload.name, "-o", path];
        let text = self.kubectl(&get).run()?;
        let unreadable = |_| MeshError::Output {
            program: "kubectl get pod".to_owned(),
            problem: format!("`{text}` is no address"),
        };
        text.trim().parse().map_err(unreadable)
    }

    fn log(&self, pod: &str) -> Result<String, MeshError> {
        let workload = workload_of(pod)?;
        let logs = ["logs", pod, "-n", workload.name, "-c", "istio-proxy"];
        let fresh = self.kubectl(&logs).run()?;
        let before = self.logs.get(pod).map_or("", String::as_str);
        Ok(format!("{before}{fresh}"))
    }

    fn module(&self) -> String {
        format!("file://{MODULES}/sallyport.wasm")
    }

    fn module_file(&self) -> &Path {
        &self.module
    }

    fn istiod(&self, path: &str) -> Result<String, MeshError> {
        let exec = ["exec", "deployment/istiod", "-n", "istio-system", "--"];
        let request = ["pilot-discovery", "request", "GET", path];
        let words: Vec<&str> = exec.iter().chain(&request).copied().collect();
        self.kubectl(&words).run()
    }

    fn kill_istiod(&mut self) -> Result<(), MeshError> {
        let istiod = ["deployment/istiod", "-n", "istio-system", "--replicas=0"];
        let scale: Vec<&str> = ["scale"].iter().chain(&istiod).copied().collect();
        self.kubectl(&scale).run()?;
        let pods = ["pod", "-n", "istio-system", "-l", "app=istiod"];
        let at_once = ["--force", "--grace-period=0"];
        let delete: Vec<&str> = ["delete"]
            .iter()
            .chain(&pods)
            .chain(&at_once)
            .copied()
            .collect();
        self.kubectl(&delete).run().map(|_| ())
    }

    fn start_istiod(&mut self) -> Result<(), MeshError> {
        let istiod = ["deployment/istiod", "-n", "istio-system"];
        for (verb, option) in [
            (["scale"].as_slice(), "--replicas=1"),
            (&["rollout", "status"], WAIT),
        ] {
            let words: Vec<&str> = verb
                .iter()
                .chain(&istiod)
                .chain(&[option])
                .copied()
                .collect();
            self.kubectl(&words).run()?;
        }
        Ok(())
    }

    /// The whole pod is replaced by one of the same name: containers that end again and again are
    /// started later and later.
    fn restart_sidecar(&mut self, pod: &str) -> Result<(), MeshError> {
        let workload = workload_of(pod)?;
        self.keep_log(pod)?;
        let delete = ["delete", "pod", pod, "-n", workload.name];
        self.kubectl(&delete).run()?;
        self.wait_for(workload)
    }

    fn add_pod(&mut self, workload: &str, address: Option<IpAddr>) -> Result<String, MeshError> {
        let missing = || MeshError::NoPod(workload.to_owned());
        let workload = layout::find(workload).ok_or_else(missing)?;
        if let Some(address) = address {
            self.node.give_next(address)?;
        }
        let number = workload
            .replicas
            .saturating_add(self.number_added(workload.name));
        self.scale(workload, number.saturating_add(1))?;
        let added = self.added.entry(workload.name.to_owned()).or_default();
        *added = added.saturating_add(1);
        self.wait_for(workload)?;
        Ok(format!("{}-{number}", workload.name))
    }

    /// A StatefulSet removes its last pod first.
    fn remove_pod(&mut self, pod: &str) -> Result<(), MeshError> {
        let workload = workload_of(pod)?;
        self.keep_log(pod)?;
        let number = self.number_added(workload.name).saturating_sub(1);
        let last = workload.replicas.saturating_add(number);
        if pod != format!("{}-{last}", workload.name) {
            return Err(MeshError::Wrong(format!(
                "{pod} is not the last one that was added"
            )));
        }
        self.added.insert(workload.name.to_owned(), number);
        self.scale(workload, last)?;
        let name = format!("pod/{pod}");
        let gone = ["wait", "--for=delete", &name, "-n", workload.name, WAIT];
        self.kubectl(&gone).run().map(|_| ())
    }
}

/// Whose certificate a workload has in files: its own, or one that it stole.
fn holder(workload: Workload) -> Option<Workload> {
    match workload.leaf {
        Leaf::Hybrid => Some(workload),
        Leaf::Istiod => None,
        Leaf::None => layout::find("gateway"),
    }
}

/// The workload of a pod: its name without the number.
fn workload_of(pod: &str) -> Result<Workload, MeshError> {
    let name = pod.rsplit_once('-').map(|(workload, _)| workload);
    let workload = name.and_then(layout::find);
    workload.ok_or_else(|| MeshError::NoPod(pod.to_owned()))
}

fn file(name: &str, path: &Path) -> Result<objects::File, HarnessError> {
    let bytes = fs::read(path).map_err(|cause| HarnessError::file(path, cause))?;
    Ok((name.to_owned(), bytes))
}

/// Images are pulled meanwhile.
const WAIT: &str = "--timeout=300s";
