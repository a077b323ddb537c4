//! The node on which the pods are: private mounts, a bridge, a network namespace for each pod.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use super::Programs;
use crate::HarnessError;
use crate::mesh::error::MeshError;
use crate::mesh::layout::{self, Pod};
use crate::mesh::program::Program;

/// Whether this process is the first one of a process namespace that was made for it: it changes
/// mounts and the network of whatever it runs in.
#[must_use]
pub fn is_isolated() -> bool {
    let marked = std::env::var_os(MARK).is_some_and(|value| value == "1");
    marked && std::process::id() == 1
}

/// Makes the files of the mesh: all of them are in memory and gone with it.
pub(super) fn prepare(programs: &Programs, pods: &[Pod]) -> Result<(), MeshError> {
    let memory = ["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"];
    Program::new("mount", memory).run()?;
    for folder in ["/run/netns", BIN, TOOLS] {
        fs::create_dir_all(folder).map_err(at(folder))?;
    }
    // Folders on the way to a program may be closed to the users of the pods.
    bind(&programs.istio, TOOLS)?;
    let files = [(&programs.envoy, "envoy"), (&programs.app, "mesh-app")];
    for (program, name) in files {
        let target = format!("{BIN}/{name}");
        fs::write(&target, "").map_err(at(&target))?;
        let program =
            fs::canonicalize(program).map_err(|cause| HarnessError::file(program, cause))?;
        bind(&program, &target)?;
    }
    fs::copy(&programs.wasm, MODULE).map_err(|cause| HarnessError::file(&programs.wasm, cause))?;
    write_hosts(pods)?;
    bind(Path::new(HOSTS), "/etc/hosts")?;
    ip(&[], &bridge())
}

/// Makes the network namespace of a pod.
pub(super) fn connect(pod: &Pod) -> Result<(), MeshError> {
    let Pod { name, number, .. } = pod;
    let hardware = hardware_address(*number);
    let outside = format!(
        "netns add sp-{name}\n\
         link add sp-{number} type veth peer name eth0 address {hardware} netns sp-{name}\n\
         link set sp-{number} master sp-mesh up\n"
    );
    ip(&[], &outside)?;
    let namespace = format!("sp-{name}");
    let inside = format!(
        "address add {}/24 dev eth0\nlink set eth0 up\nlink set lo up\nroute add default via {NODE}\n",
        pod.address()
    );
    ip(&["-n", &namespace], &inside)
}

/// Removes the network namespace of a pod that has ended.
pub(super) fn disconnect(pod: &Pod) -> Result<(), MeshError> {
    let Pod { name, number, .. } = pod;
    // The kernel takes its time with interfaces of a namespace that is deleted.
    ip(
        &[],
        &format!("link delete sp-{number}\nnetns delete sp-{name}\n"),
    )
}

/// Makes the names of all pods known in all pods.
pub(super) fn write_hosts(pods: &[Pod]) -> Result<(), HarnessError> {
    // In place: pods have this very file.
    fs::write(HOSTS, hosts(pods)).map_err(at(HOSTS))
}

/// That of a network address: whoever has it next is found at once.
fn hardware_address(number: u8) -> String {
    format!("02:00:0a:f4:00:{number:02x}")
}

/// The cluster address of a workload's service.
pub(super) fn cluster_ip(workload: &str) -> String {
    let mut numbers = (10_u8..).zip(layout::WORKLOADS);
    let number = numbers.find_map(|(number, other)| (other.name == workload).then_some(number));
    format!("10.96.1.{}", number.unwrap_or_default())
}

fn bind(source: &Path, target: &str) -> Result<(), MeshError> {
    let source = source.to_string_lossy();
    Program::new("mount", ["--bind", &source, target])
        .run()
        .map(|_| ())
}

/// Runs commands of `ip`, one a line.
pub(super) fn ip(options: &[&str], commands: &str) -> Result<(), MeshError> {
    let arguments = options.iter().chain(&["-batch", "-"]);
    Program::new("ip", arguments)
        .input(commands)
        .run()
        .map(|_| ())
}

fn bridge() -> String {
    format!(
        "link set lo up\nlink add sp-mesh type bridge\naddress add {NODE}/24 dev sp-mesh\nlink set sp-mesh up\n"
    )
}

/// There is no DNS in the mesh: names are the same in all pods.
fn hosts(pods: &[Pod]) -> String {
    let mut text = format!("127.0.0.1 localhost\n{NODE} istiod.istio-system.svc\n");
    for workload in layout::WORKLOADS {
        let _ = writeln!(text, "{} {}", cluster_ip(workload.name), workload.host());
    }
    for pod in pods {
        let _ = writeln!(text, "{} {}", pod.address(), pod.name);
    }
    text
}

fn at(path: &str) -> impl FnOnce(io::Error) -> HarnessError {
    move |cause| HarnessError::file(Path::new(path), cause)
}

/// Set by `scripts/e2e-istio`.
const MARK: &str = "SALLYPORT_MESH_NAMESPACES";
/// The address of the node in the mesh's network.
pub(super) const NODE: &str = "10.244.0.1";
/// Everything of the mesh.
pub(super) const FOLDER: &str = "/run/sallyport";
/// Programs that pods run.
pub(super) const BIN: &str = "/run/sallyport/bin";
/// What `scripts/setup-istio` built.
pub(super) const TOOLS: &str = "/run/sallyport/tools";
/// The module.
pub(super) const MODULE: &str = "/run/sallyport/sallyport.wasm";
const HOSTS: &str = "/run/sallyport/hosts";
