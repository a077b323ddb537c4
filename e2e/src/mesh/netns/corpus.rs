//! A pod of its own for the scenario corpus: its credentials are of the scenario's making, callers
//! have the addresses that scenarios give them, and plaintext reaches the filter.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use super::{Mesh, host, objects, pod};
use crate::HarnessError;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::error::MeshError;
use crate::mesh::layout::{Leaf, PORT, Pod, SECOND_PORT, Workload};
use crate::mesh::objects as shared_objects;
use crate::mesh::program::Program;
use crate::mesh::until;
use crate::world::{Identity, PARTNER_TRUST_DOMAIN};

/// The name of the pod.
pub const CORPUS_POD: &str = "corpus-0";
/// The namespace of the pod.
pub const CORPUS_NAMESPACE: &str = "corpus";

/// The trust domain of the n-th scenario, counted from 0.
#[must_use]
pub fn corpus_trust_domain(number: usize) -> String {
    format!("corpus-{number}.example")
}

/// The trust domains that a mesh has to know for the corpus.
pub(super) fn trust_domains() -> Vec<String> {
    let own = (0..MAXIMUM_SCENARIOS).map(corpus_trust_domain);
    own.chain([PARTNER_TRUST_DOMAIN.to_owned()]).collect()
}

impl Mesh {
    /// Starts the pod. Its sidecar accepts certificates of `roots` (PEM); the pod without a sidecar gets
    /// the addresses of callers.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_corpus(
        &mut self,
        roots: &str,
        callers: &BTreeSet<Ipv4Addr>,
    ) -> Result<(), MeshError> {
        let pod = corpus_pod();
        let namespace = shared_objects::namespace(CORPUS_NAMESPACE);
        self.control_plane.create(&namespace)?;
        self.control_plane.create(&manifests(&pod))?;
        host::connect(&pod)?;
        route(&pod, callers)?;
        self.pods.push(pod.clone());
        let application = pod::start(&pod, &self.control_plane, &self.logs)?;
        self.applications.insert(pod.name.clone(), application);
        pod::redirect(&pod)?;
        pod::write_secrets(&pod, &self.control_plane, &self.authorities)?;
        write(&pod, "root-cert.pem", roots)?;
        let sidecar = pod::start_sidecar(&pod, &self.logs)?;
        self.sidecars.insert(pod.name.clone(), sidecar);
        pod::wait_until_ready(&pod)
    }

    /// Ends the sidecar, and removes what the API server knows of the pod.
    ///
    /// # Errors
    /// When that fails.
    pub fn end_corpus(&mut self) -> Result<(), MeshError> {
        let pod = corpus_pod();
        pod::end_sidecar(&pod)?;
        if let Some(sidecar) = self.sidecars.remove(&pod.name) {
            sidecar.end();
        }
        // No kubelet would confirm that the pod is gone. Its namespace stays: nothing would empty it.
        let delete = ["delete", "--force", "--grace-period=0", "-f", "-"];
        let gone = self.kubectl(&delete).input(manifests(&pod).to_string());
        gone.run()?;
        self.pods.retain(|other| *other != pod);
        Ok(())
    }

    /// Gives the pod's sidecar an identity, and waits until it has it.
    ///
    /// # Errors
    /// When it does not take it.
    pub fn present(&self, identity: &Identity) -> Result<(), MeshError> {
        let pod = corpus_pod();
        let wanted = Base64::encode_string(identity.certificate_pem.as_bytes());
        let shown = "http://127.0.0.1:15000/config_dump?resource=dynamic_active_secrets";
        let shown = Caller::new(&pod.name, shown);
        let mut asked = 0_u32;
        until("a new certificate of the sidecar", ARRIVAL, || {
            // The agent sees the two files change one after the other, and may have read them between.
            if asked.is_multiple_of(REWRITE) {
                write(&pod, "key.pem", &identity.key_pem).map_err(|error| error.to_string())?;
                write(&pod, "cert-chain.pem", &identity.certificate_pem)
                    .map_err(|error| error.to_string())?;
            }
            asked = asked.saturating_add(1);
            match shown.once(self) {
                Ok(outcome) if outcome.body.contains(&wanted) => Ok(()),
                Ok(_) => Err("it shows another one".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

fn corpus_pod() -> Pod {
    Pod {
        name: CORPUS_POD.to_owned(),
        workload: Workload {
            name: CORPUS_NAMESPACE,
            service_account: "model-server",
            replicas: 1,
            leaf: Leaf::Hybrid,
        },
        number: 200,
    }
}

/// Unlike the example's workloads it declares two ports, and lets plaintext reach the filter.
fn manifests(pod: &Pod) -> Value {
    let ports = [PORT, SECOND_PORT]
        .map(|port| json!({"name": format!("http-{port}"), "port": port, "targetPort": port}));
    shared_objects::list(vec![
        shared_objects::service_account(pod.workload),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": CORPUS_NAMESPACE, "namespace": CORPUS_NAMESPACE},
            "spec": {"selector": {"app": CORPUS_NAMESPACE}, "ports": ports},
        }),
        json!({
            "apiVersion": "security.istio.io/v1",
            "kind": "PeerAuthentication",
            "metadata": {"name": "default", "namespace": CORPUS_NAMESPACE},
            "spec": {"mtls": {"mode": "PERMISSIVE"}},
        }),
        objects::pod(pod),
    ])
}

/// Callers are on the same bridge as the pod, with addresses of other networks.
fn route(pod: &Pod, callers: &BTreeSet<Ipv4Addr>) -> Result<(), MeshError> {
    let (mut ours, mut theirs) = (String::new(), String::new());
    for caller in callers {
        let _ = writeln!(theirs, "address replace {caller}/32 dev eth0");
        let _ = writeln!(ours, "route replace {caller}/32 dev eth0");
    }
    host::ip(&["-n", "sp-bare-0"], &theirs)?;
    host::ip(&["-n", &format!("sp-{}", pod.name)], &ours)
}

/// Writes a file of the sidecar's credentials. It is moved into place, so that nobody reads half of it.
fn write(pod: &Pod, name: &str, text: &str) -> Result<(), MeshError> {
    let folder = pod::folder(pod).join("var/run/secrets/workload-spiffe-credentials");
    let (draft, path) = (folder.join(format!(".{name}")), folder.join(name));
    fs::write(&draft, text).map_err(|cause| HarnessError::file(&draft, cause))?;
    Program::new("chown", ["1337:1337", &draft.to_string_lossy()]).run()?;
    fs::rename(&draft, &path).map_err(|cause| HarnessError::file(&path, cause))?;
    Ok(())
}

/// More than there are, so that a new scenario needs no change here.
const MAXIMUM_SCENARIOS: usize = 40;
/// So often is the sidecar asked before the files are written once more.
const REWRITE: u32 = 50;
const ARRIVAL: Duration = Duration::from_secs(120);
