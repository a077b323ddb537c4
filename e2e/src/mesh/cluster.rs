//! What scenarios ask of a mesh.

use std::process::Child;

use super::error::MeshError;
use super::program::Program;

/// A mesh with the workloads of [`super::layout`].
pub trait Cluster {
    /// A command line of the application, to be run in a pod as its own user.
    ///
    /// # Errors
    /// When there is no such pod.
    fn in_pod(&self, pod: &str, arguments: &[String]) -> Result<Program, MeshError>;

    /// `kubectl` with these arguments, for this cluster.
    fn kubectl(&self, arguments: &[&str]) -> Program;

    /// `istioctl` with these arguments, for this cluster.
    fn istioctl(&self, arguments: &[&str]) -> Program;

    /// The address at which a service is called from within the mesh.
    fn address(&self, workload: &str) -> String;

    /// What a pod's sidecar has logged so far.
    ///
    /// # Errors
    /// When there is no such pod, or its log cannot be read.
    fn log(&self, pod: &str) -> Result<String, MeshError>;

    /// The URL of the module for `sallyport render`.
    fn module(&self) -> String;

    /// The SHA-256 of the module, in hexadecimal digits.
    ///
    /// # Errors
    /// When it cannot be read.
    fn module_sha256(&self) -> Result<String, MeshError>;

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
        self.in_pod(pod, arguments)?.start().map(Running)
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

/// The application, running in a pod.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Ends its standard input, and returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn finish(self) -> Result<String, MeshError> {
        // This also closes standard input.
        let output = self
            .0
            .wait_with_output()
            .map_err(|cause| MeshError::Start {
                program: "mesh-app".to_owned(),
                cause,
            })?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
