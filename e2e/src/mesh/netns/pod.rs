//! Pods: pilot-agent with Envoy, and the application, in a network namespace.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::control_plane::{ControlPlane, is_ready};
use super::daemon::Daemon;
use super::host::{BIN, FOLDER, TOOLS};
use super::objects;
use crate::HarnessError;
use crate::mesh::authorities::{Authorities, Issued};
use crate::mesh::error::MeshError;
use crate::mesh::layout::{Leaf, PORT, Pod, SECOND_PORT, TRUST_DOMAIN, UNDECLARED_PORT, find};
use crate::mesh::program::Program;
use crate::mesh::settings::stats_tags;
use crate::mesh::until;

/// Makes a pod known, and starts its application.
pub(super) fn start(
    pod: &Pod,
    control_plane: &ControlPlane,
    logs: &Path,
) -> Result<Daemon, MeshError> {
    let status = objects::status(pod).to_string();
    let (name, namespace) = (pod.name.as_str(), pod.workload.name);
    let patch = [
        "patch",
        "pod",
        name,
        "-n",
        namespace,
        "--subresource=status",
        "-p",
        &status,
    ];
    control_plane.kubectl(&patch).run()?;
    Daemon::start(&format!("{name}.app"), logs, None, &mut server(pod))
}

/// Starts the sidecar of a pod.
pub(super) fn start_sidecar(pod: &Pod, logs: &Path) -> Result<Daemon, MeshError> {
    let name = format!("{}.proxy", pod.name);
    Daemon::start(&name, logs, Some(PROXY_USER), &mut agent(pod))
}

/// Ends all that runs as the sidecar's user in a pod: the agent would let Envoy drain first.
pub(super) fn end_sidecar(pod: &Pod) -> Result<(), MeshError> {
    let namespace = format!("sp-{}", pod.name);
    let processes = Program::new("ip", ["netns", "pids", namespace.as_str()]).run()?;
    for process in processes
        .lines()
        .filter(|process| runs_as(process, PROXY_USER))
    {
        // One that has ended meanwhile is no failure.
        let _ = Program::new("kill", ["-KILL", process]).run();
    }
    Ok(())
}

fn runs_as(process: &str, user: u32) -> bool {
    let owner = fs::metadata(format!("/proc/{process}")).map(|metadata| metadata.uid());
    owner.is_ok_and(|owner| owner == user)
}

/// Lets the sidecar of a pod drain, as a kubelet would, and ends what is left.
pub(super) fn stop_sidecar(pod: &Pod, sidecar: Daemon) -> Result<(), MeshError> {
    let stopped = sidecar.stop(DRAIN_LIMIT);
    end_sidecar(pod)?;
    stopped
}

/// Waits until a kubelet would send traffic to it.
pub(super) fn wait_until_ready(pod: &Pod) -> Result<(), MeshError> {
    let what = format!("the start of pod {}", pod.name);
    let (port, path) = match pod.workload.has_sidecar() {
        true => (15021, "/healthz/ready"),
        false => (PORT, "/"),
    };
    let address = SocketAddr::from((pod.address(), port));
    until(&what, START_LIMIT, || is_ready(address, path))
}

/// A command line of the application on the node.
pub(super) fn on_node(arguments: &[String]) -> Program {
    Program::new(&format!("{BIN}/mesh-app"), arguments)
}

/// A command line of the application in a pod.
pub(super) fn application(pod: &Pod, arguments: &[String]) -> Program {
    let app = format!("{BIN}/mesh-app");
    let mut words = inside(pod, APPLICATION_USER);
    words.push(app);
    words.extend(arguments.iter().cloned());
    Program::new("ip", words)
}

/// `ip` with the arguments that run a program as a user in a pod.
fn inside(pod: &Pod, user: u32) -> Vec<String> {
    let namespace = format!("sp-{}", pod.name);
    let user = user.to_string();
    let words = ["netns", "exec", &namespace, "setpriv", "--clear-groups"];
    let user = ["--reuid", &user, "--regid", &user];
    words
        .iter()
        .chain(&user)
        .map(|word| (*word).to_owned())
        .collect()
}

fn server(pod: &Pod) -> Command {
    let mut command = Command::new("ip");
    command.args(inside(pod, APPLICATION_USER));
    command.args([&format!("{BIN}/mesh-app"), "serve", "--name", &pod.name]);
    for port in [PORT, SECOND_PORT, UNDECLARED_PORT] {
        command.args(["--port", &port.to_string()]);
    }
    command
}

/// Istio's own rules, as its init container makes them.
pub(super) fn redirect(pod: &Pod) -> Result<(), MeshError> {
    let (namespace, agent) = (format!("sp-{}", pod.name), format!("{TOOLS}/pilot-agent"));
    let user = PROXY_USER.to_string();
    let words = [
        "netns",
        "exec",
        &namespace,
        &agent,
        "istio-iptables",
        "-u",
        &user,
    ];
    let ports = ["-p", "15001", "-z", "15006", "-m", "REDIRECT"];
    let range = ["-i", "*", "-b", "*", "-d", "15090,15021,15020"];
    let arguments = words.iter().chain(&ports).chain(&range);
    Program::new("ip", arguments).run().map(|_| ())
}

/// What a kubelet and istiod's ConfigMap would mount.
pub(super) fn write_secrets(
    pod: &Pod,
    control_plane: &ControlPlane,
    authorities: &Authorities,
) -> Result<(), MeshError> {
    let workload = pod.workload;
    let folder = folder(pod);
    let secrets = folder.join("var/run/secrets");
    let write = |name: &str, text: &str| {
        let path = secrets.join(name);
        let parent = path.parent().unwrap_or(&secrets);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|cause| HarnessError::file(&path, cause))
    };
    let arguments = [
        "create",
        "token",
        workload.service_account,
        "-n",
        workload.name,
    ];
    let audience = ["--audience", "istio-ca", "--duration", "24h"];
    let arguments: Vec<&str> = arguments.iter().chain(&audience).copied().collect();
    let token = control_plane.kubectl(&arguments).run()?;
    write("tokens/istio-token", token.trim())?;
    write("istio/root-cert.pem", &authorities.trusted()?)?;
    if workload.leaf == Leaf::Hybrid {
        authorities.issue(workload, "24h", &secrets.join(LEAF))?;
    }
    own(&folder, PROXY_USER)
}

/// Puts another certificate and key in the place of a pod's, each file at once; the agent sees
/// files that are moved in.
pub(super) fn replace_leaf(
    pod: &Pod,
    lifetime: &str,
    authorities: &Authorities,
) -> Result<Issued, MeshError> {
    let target = folder(pod).join("var/run/secrets").join(LEAF);
    let fresh =
        tempfile::tempdir_in(folder(pod)).map_err(|cause| HarnessError::file(&target, cause))?;
    let issued = authorities.issue(pod.workload, lifetime, fresh.path())?;
    own(fresh.path(), PROXY_USER)?;
    for name in ["key.pem", "cert-chain.pem"] {
        let path = target.join(name);
        fs::rename(fresh.path().join(name), &path)
            .map_err(|cause| HarnessError::file(&path, cause))?;
    }
    Ok(Issued {
        folder: target,
        ..issued
    })
}

/// Credentials of a workload in a folder, for the pod without a sidecar.
pub(super) fn steal_credentials(
    workload: &str,
    lifetime: &str,
    authorities: &Authorities,
    folder: &Path,
) -> Result<Issued, MeshError> {
    let workload = find(workload).ok_or_else(|| MeshError::NoPod(workload.to_owned()))?;
    let issued = authorities.issue(workload, lifetime, folder)?;
    own(folder, APPLICATION_USER)?;
    Ok(issued)
}

/// Gives a folder to a user.
fn own(folder: &Path, user: u32) -> Result<(), MeshError> {
    let owner = format!("{user}:{user}");
    let folder = folder.to_string_lossy();
    Program::new("chown", ["-R", &owner, &folder])
        .run()
        .map(|_| ())
}

/// The working folder of a pod's agent.
pub(super) fn folder(pod: &Pod) -> PathBuf {
    PathBuf::from(format!("{FOLDER}/pods/{}", pod.name))
}

fn agent(pod: &Pod) -> Command {
    let workload = pod.workload;
    let address = pod.address().to_string();
    let config = json!({
        "discoveryAddress": "istiod.istio-system.svc:15012",
        "binaryPath": format!("{BIN}/envoy"),
        "configPath": "./etc/istio/proxy",
        "concurrency": 1,
        "statusPort": 15020,
    });
    let probers = json!({"/app-health/app/readyz": {
        "httpGet": {"path": "/healthz", "port": PORT, "scheme": "HTTP"},
        "timeoutSeconds": 10,
    }});
    let mut command = Command::new("ip");
    command
        .current_dir(folder(pod))
        .args(inside(pod, PROXY_USER))
        .args([
            &format!("{TOOLS}/pilot-agent"),
            "proxy",
            "sidecar",
            "--domain",
        ])
        .arg(format!("{}.svc.cluster.local", workload.name))
        .envs([
            ("POD_NAME", pod.name.as_str()),
            ("POD_NAMESPACE", workload.name),
            ("INSTANCE_IP", &address),
            ("POD_IP", &address),
            ("HOST_IP", super::host::NODE),
            ("SERVICE_ACCOUNT", workload.service_account),
            ("ISTIO_META_CLUSTER_ID", "Kubernetes"),
            ("ISTIO_META_INTERCEPTION_MODE", "REDIRECT"),
            ("ISTIO_META_WORKLOAD_NAME", workload.name),
            ("ISTIO_META_APP_CONTAINERS", "app"),
            ("ISTIO_META_MESH_ID", TRUST_DOMAIN),
            ("TRUST_DOMAIN", TRUST_DOMAIN),
            ("ISTIO_CPU_LIMIT", "1"),
            // As the injector does it for a pod with a probe of this kind.
            ("ISTIO_KUBE_APP_PROBERS", &probers.to_string()),
            ("CA_ADDR", "istiod.istio-system.svc:15012"),
            ("JWT_POLICY", "third-party-jwt"),
            ("PILOT_CERT_PROVIDER", "istiod"),
            ("ISTIO_BOOTSTRAP", &format!("{TOOLS}/bootstrap.json")),
            ("PROXY_CONFIG", &config.to_string()),
        ])
        .env(
            "ISTIO_METAJSON_LABELS",
            json!({"app": workload.name}).to_string(),
        );
    if workload.has_stats_tags() {
        command.env("ISTIO_BOOTSTRAP_OVERRIDE", STATS_TAGS);
    }
    if workload.leaf == Leaf::Hybrid {
        // Its own certificate comes from files; istiod's still has to be verified.
        command.env("XDS_ROOT_CA", "./var/run/secrets/istio/root-cert.pem");
    }
    command
}

/// Writes what a workload's bootstrap gets beside Istio's own.
pub(super) fn write_stats_tags() -> Result<(), MeshError> {
    let path = Path::new(STATS_TAGS);
    let tags = stats_tags()?.to_string();
    Ok(fs::write(path, tags).map_err(|cause| HarnessError::file(path, cause))?)
}

const STATS_TAGS: &str = "/run/sallyport/stats-tags.json";
/// Where the agent looks for a certificate in files.
const LEAF: &str = "workload-spiffe-credentials";
/// Where the stolen credentials are.
pub(super) const STOLEN: &str = "/run/sallyport/stolen";
/// Whose traffic is not redirected.
const PROXY_USER: u32 = 1337;
const APPLICATION_USER: u32 = 1338;
/// Istio's agent gives a sidecar 5 s to drain.
const DRAIN_LIMIT: Duration = Duration::from_secs(60);
/// All pods start at once, on a machine that does other work as well.
const START_LIMIT: Duration = Duration::from_secs(180);
