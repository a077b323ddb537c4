//! What scenarios ask of a mesh.

use std::fmt::Debug;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::IpAddr;
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::authorities::{Authorities, Issued};
use super::error::MeshError;
use super::netns::Mesh;
use super::program::Program;
use crate::HarnessError;

/// A mesh with the workloads of [`super::layout`].
pub trait Cluster: Debug {
    /// The authorities of the mesh, and the policy that pins them.
    fn authorities(&self) -> &Authorities;

    /// The mesh itself, where it is one of network namespaces: what else there is has no pod for the
    /// corpus, and another place for an operator's programs.
    fn netns(&mut self) -> Option<&mut Mesh> {
        None
    }

    /// A command line of the application, to be run in a pod as its own user.
    ///
    /// # Errors
    /// When there is no such pod.
    fn in_pod(&self, pod: &str, arguments: &[String]) -> Result<Program, MeshError>;

    /// The same, to be run on the node, where a kubelet would be.
    fn on_node(&self, arguments: &[String]) -> Program;

    /// `kubectl` with these arguments, for this cluster.
    fn kubectl(&self, arguments: &[&str]) -> Program;

    /// `istioctl` with these arguments, for this cluster.
    fn istioctl(&self, arguments: &[&str]) -> Program;

    /// The address at which a service is called from within the mesh.
    fn address(&self, workload: &str) -> String;

    /// The folder, in the pod without a sidecar, with credentials of `gateway` that were stolen.
    fn stolen_credentials(&self) -> String;

    /// Replaces the certificate in the files of a pod, by one with a lifetime as `24h` or `20s`.
    ///
    /// # Errors
    /// When there is no such pod, or the certificate cannot be issued.
    fn replace_leaf(&self, pod: &str, lifetime: &str) -> Result<Issued, MeshError>;

    /// A certificate of a workload, stolen by the pod without a sidecar: with a lifetime as `24h` or
    /// `20s`, under a name.
    ///
    /// # Errors
    /// When there is no such workload, or the certificate cannot be issued.
    fn steal(&self, workload: &str, lifetime: &str, name: &str) -> Result<Issued, MeshError>;

    /// What istiod has logged so far.
    ///
    /// # Errors
    /// When its log cannot be read.
    fn istiod_log(&self) -> Result<String, MeshError>;

    /// The address of a pod.
    ///
    /// # Errors
    /// When there is no such pod.
    fn pod_address(&self, pod: &str) -> Result<IpAddr, MeshError>;

    /// What a pod's sidecar has logged so far.
    ///
    /// # Errors
    /// When there is no such pod, or its log cannot be read.
    fn log(&self, pod: &str) -> Result<String, MeshError>;

    /// The URL of the module for `sallyport render`.
    fn module(&self) -> String;

    /// The file that all pods read the module from. It may be changed.
    fn module_file(&self) -> &Path;

    /// What istiod answers to a path of its debug interface.
    ///
    /// # Errors
    /// When it does not answer.
    fn istiod(&self, path: &str) -> Result<String, MeshError>;

    /// Ends istiod, as a crash would.
    ///
    /// # Errors
    /// When there is no way to it.
    fn kill_istiod(&mut self) -> Result<(), MeshError>;

    /// Starts istiod again, and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up.
    fn start_istiod(&mut self) -> Result<(), MeshError>;

    /// Ends a sidecar and starts another one in its place, which knows nothing yet.
    ///
    /// # Errors
    /// When the new one does not come up.
    fn restart_sidecar(&mut self, pod: &str) -> Result<(), MeshError>;

    /// Adds a pod to a workload, at this address if there is one, waits until it is ready, and
    /// returns its name.
    ///
    /// # Errors
    /// When it does not come up, or cannot have the address.
    fn add_pod(&mut self, workload: &str, address: Option<IpAddr>) -> Result<String, MeshError>;

    /// Removes a pod that was added, as a kubelet would: with time to end what it does.
    ///
    /// # Errors
    /// When there is no such pod, or it does not end.
    fn remove_pod(&mut self, pod: &str) -> Result<(), MeshError>;

    /// The SHA-256 of the module, in hexadecimal digits.
    ///
    /// # Errors
    /// When it cannot be read.
    fn module_sha256(&self) -> Result<String, MeshError> {
        let path = self.module_file();
        let bytes = fs::read(path).map_err(|cause| HarnessError::file(path, cause))?;
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        Ok(sallyport_engine::hexadecimal::encode(digest.as_ref()))
    }

    /// Runs the application in a pod, and returns what it prints.
    ///
    /// # Errors
    /// When it fails.
    fn exec(&self, pod: &str, arguments: &[String]) -> Result<String, MeshError> {
        self.in_pod(pod, arguments)?.run()
    }

    /// Starts the application in a pod.
    ///
    /// # Errors
    /// When it cannot be started.
    fn start(&self, pod: &str, arguments: &[String]) -> Result<Running, MeshError> {
        self.in_pod(pod, arguments)?.start().map(Running::new)
    }

    /// Applies manifests.
    ///
    /// # Errors
    /// When the cluster refuses them.
    fn apply(&self, manifests: &str) -> Result<String, MeshError> {
        self.kubectl(&["apply", "-f", "-"]).input(manifests).run()
    }

    /// Deletes what manifests name; what is not there is no error.
    ///
    /// # Errors
    /// When the cluster refuses.
    fn delete(&self, manifests: &str) -> Result<String, MeshError> {
        let arguments = ["delete", "--ignore-not-found", "-f", "-"];
        self.kubectl(&arguments).input(manifests).run()
    }
}

/// The application, running in a pod. Dropping it ends it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Somebody reads along: a program that nobody listens to stops when the pipe is full.
    lines: Receiver<io::Result<String>>,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            drop(thread::spawn(move || {
                let mut lines = BufReader::new(stdout).lines();
                // Once nobody listens any more, there is nothing left to do.
                lines.try_for_each(|line| sender.send(line))
            }));
        }
        Self { child, lines }
    }

    /// The lines that it printed since the last call.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn news(&self) -> Result<Vec<String>, MeshError> {
        self.lines.try_iter().map(readable).collect()
    }

    /// Ends its standard input, and returns the lines that it printed since the last call of
    /// [`Running::news`].
    ///
    /// # Errors
    /// When it fails.
    pub fn finish(mut self) -> Result<Vec<String>, MeshError> {
        drop(self.child.stdin.take());
        let lines = self.lines.iter().map(readable).collect();
        match self.child.wait() {
            Ok(status) if status.success() => lines,
            Ok(status) => Err(failed(format!("it ended with {status}"))),
            Err(cause) => Err(failed(cause.to_string())),
        }
    }
}

fn readable(line: io::Result<String>) -> Result<String, MeshError> {
    line.map_err(|cause| failed(cause.to_string()))
}

fn failed(problem: String) -> MeshError {
    MeshError::Output {
        program: "mesh-app".to_owned(),
        problem,
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a program that has ended already. After `finish` it has nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
