//! etcd, the API server and istiod.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rcgen::KeyPair;
use serde_json::Value;

use super::daemon::Daemon;
use super::host::{FOLDER, NODE, TOOLS};
use super::tools;
use crate::HarnessError;
use crate::mesh::authorities::Authorities;
use crate::mesh::error::MeshError;
use crate::mesh::program::Program;
use crate::wire::{ask, loopback};

/// A running control plane.
#[derive(Debug)]
pub(super) struct ControlPlane {
    _api: [Daemon; 2],
    istiod: Option<Daemon>,
}

impl ControlPlane {
    /// Starts etcd and the API server.
    pub(super) fn start_api(logs: &Path) -> Result<Self, MeshError> {
        let folder = format!("{FOLDER}/api");
        let failed = |cause| HarnessError::file(Path::new(&folder), cause);
        fs::create_dir_all(&folder).map_err(failed)?;
        let key = KeyPair::generate().map_err(|cause| HarnessError::Issue {
            what: "the key of service accounts".to_owned(),
            cause: cause.to_string(),
        })?;
        let write =
            |name: &str, text: &str| fs::write(format!("{folder}/{name}"), text).map_err(failed);
        write("accounts.key", &key.serialize_pem())?;
        write("accounts.pub", &key.public_key_pem())?;
        write("tokens.csv", "mesh,admin,admin,system:masters\n")?;
        write("kubeconfig", KUBECONFIG)?;
        let etcd = Daemon::start("etcd", logs, None, &mut etcd(&folder))?;
        let mut server = Daemon::start("kube-apiserver", logs, None, &mut api_server(&folder))?;
        server.until("the start of the API server", START_LIMIT, || {
            tool("kubectl", &["get", "--raw", "/readyz"]).run()
        })?;
        Ok(Self {
            _api: [etcd, server],
            istiod: None,
        })
    }

    /// Creates objects.
    pub(super) fn create(&self, objects: &Value) -> Result<(), MeshError> {
        let arguments = ["create", "-f", "-"];
        let created = self.kubectl(&arguments).input(objects.to_string()).run();
        created.map(|_| ())
    }

    /// Makes Istio's kinds known.
    pub(super) fn install_istio(&self, definitions: &Path) -> Result<(), MeshError> {
        let file = definitions.to_string_lossy();
        self.kubectl(&["apply", "--server-side", "-f", &file])
            .run()?;
        let established = [
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd",
            "--all",
        ];
        self.kubectl(&established).run().map(|_| ())
    }

    /// Starts istiod with an authority of ours.
    pub(super) fn start_istiod(
        &mut self,
        authorities: &Authorities,
        logs: &Path,
    ) -> Result<(), MeshError> {
        let folder = format!("{FOLDER}/istiod");
        let secrets = format!("{folder}/etc/cacerts");
        let failed = |cause| HarnessError::file(Path::new(&secrets), cause);
        fs::create_dir_all(&secrets).map_err(failed)?;
        let (certificate, key) = authorities.istiod();
        for (from, name) in [
            (&certificate, "ca-cert.pem"),
            (&certificate, "cert-chain.pem"),
            (&key, "ca-key.pem"),
        ] {
            fs::copy(from, format!("{secrets}/{name}")).map_err(failed)?;
        }
        let trusted = authorities.trusted()?;
        fs::write(format!("{secrets}/root-cert.pem"), trusted).map_err(failed)?;
        self.restart_istiod(logs)
    }

    /// Ends istiod, as a crash would.
    pub(super) fn kill_istiod(&mut self) {
        if let Some(istiod) = self.istiod.take() {
            istiod.end();
        }
    }

    /// Starts istiod, and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) fn restart_istiod(&mut self, logs: &Path) -> Result<(), MeshError> {
        self.kill_istiod();
        let mut command = istiod(&format!("{FOLDER}/istiod"));
        let mut istiod = Daemon::start("istiod", logs, None, &mut command)?;
        istiod.until("the start of istiod", START_LIMIT, || {
            is_ready(loopback(ISTIOD), "/ready")
        })?;
        self.istiod = Some(istiod);
        Ok(())
    }

    /// `kubectl` for this API server.
    pub(super) fn kubectl(&self, arguments: &[&str]) -> Program {
        tool("kubectl", arguments)
    }

    /// `istioctl` for this API server.
    pub(super) fn istioctl(&self, arguments: &[&str]) -> Program {
        tool("istioctl", arguments)
    }
}

/// Whether a server answers a path with 200; the error says what it does instead.
pub(super) fn is_ready(address: SocketAddr, path: &str) -> Result<(), String> {
    match ask(address, "GET", path) {
        Ok(response) if response.status == 200 => Ok(()),
        Ok(response) => Err(format!("{} {}", response.status, response.text())),
        Err(error) => Err(error.to_string()),
    }
}

fn tool(name: &str, arguments: &[&str]) -> Program {
    let program = Program::new(&format!("{TOOLS}/{name}"), arguments);
    let variables = tools::environment().into_iter();
    variables.fold(program, |program, (name, value)| program.env(name, &value))
}

fn etcd(folder: &str) -> Command {
    let mut command = Command::new(format!("{TOOLS}/etcd"));
    command.args([
        &format!("--data-dir={folder}/etcd"),
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        // It is in memory, and nobody needs it after a crash.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]);
    command
}

fn api_server(folder: &str) -> Command {
    let mut command = Command::new(format!("{TOOLS}/kube-apiserver"));
    command.args([
        "--etcd-servers=http://127.0.0.1:2379",
        "--bind-address=127.0.0.1",
        // It looks for a default route otherwise.
        &format!("--advertise-address={NODE}"),
        "--secure-port=6443",
        &format!("--cert-dir={folder}/certificates"),
        "--service-account-issuer=https://kubernetes.default.svc",
        &format!("--service-account-key-file={folder}/accounts.pub"),
        &format!("--service-account-signing-key-file={folder}/accounts.key"),
        &format!("--token-auth-file={folder}/tokens.csv"),
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/16",
        // Pods are created before their service accounts have tokens.
        "--disable-admission-plugins=ServiceAccount",
    ]);
    command
}

/// Stock Envoy lacks Istio's own filters, so istiod is told not to ask for them.
fn istiod(folder: &str) -> Command {
    let mut command = Command::new(format!("{TOOLS}/pilot-discovery"));
    command
        .current_dir(folder)
        .args([
            "discovery",
            &format!("--kubeconfig={FOLDER}/api/kubeconfig"),
            "--domain=cluster.local",
            "--monitoringAddr=127.0.0.1:15014",
            &format!("--httpAddr=127.0.0.1:{ISTIOD}"),
            "--httpsAddr=127.0.0.1:15017",
            &format!("--grpcAddr={NODE}:15010"),
            &format!("--secureGRPCAddr={NODE}:15012"),
        ])
        .envs([
            ("POD_NAME", "istiod-0"),
            ("POD_NAMESPACE", "istio-system"),
            ("SERVICE_ACCOUNT", "istiod"),
            ("JWT_POLICY", "third-party-jwt"),
            ("PILOT_CERT_PROVIDER", "istiod"),
            ("REVISION", "default"),
            ("CLUSTER_ID", "Kubernetes"),
            ("ISTIOD_ADDR", "istiod.istio-system.svc:15012"),
            ("INJECTION_WEBHOOK_CONFIG_NAME", ""),
            ("VALIDATION_WEBHOOK_CONFIG_NAME", ""),
            ("PILOT_ENABLE_METADATA_EXCHANGE", "false"),
            ("PILOT_DISABLE_MX_ALPN", "true"),
            ("PILOT_ENABLE_ALPN_FILTER", "false"),
        ]);
    command
}

/// Where istiod answers without TLS.
pub(super) const ISTIOD: u16 = 18080;
const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
clusters: [{name: mesh, cluster: {server: 'https://127.0.0.1:6443', insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: mesh}}]
contexts: [{name: mesh, context: {cluster: mesh, user: admin}}]
current-context: mesh
";

/// On a machine that does other work as well.
const START_LIMIT: Duration = Duration::from_secs(90);
