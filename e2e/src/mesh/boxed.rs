//! A mesh of any kind, as scenarios hold it: each method is that of what is in the box.

use std::net::IpAddr;
use std::path::Path;

use super::authorities::{Authorities, Issued};
use super::cluster::Cluster;
use super::error::MeshError;
use super::netns::Mesh;
use super::program::Program;

impl Cluster for Box<dyn Cluster> {
    fn authorities(&self) -> &Authorities {
        (**self).authorities()
    }

    fn netns(&mut self) -> Option<&mut Mesh> {
        (**self).netns()
    }

    fn in_pod(&self, pod: &str, arguments: &[String]) -> Result<Program, MeshError> {
        (**self).in_pod(pod, arguments)
    }

    fn on_node(&self, arguments: &[String]) -> Program {
        (**self).on_node(arguments)
    }

    fn kubectl(&self, arguments: &[&str]) -> Program {
        (**self).kubectl(arguments)
    }

    fn istioctl(&self, arguments: &[&str]) -> Program {
        (**self).istioctl(arguments)
    }

    fn address(&self, workload: &str) -> String {
        (**self).address(workload)
    }

    fn stolen_credentials(&self) -> String {
        (**self).stolen_credentials()
    }

    fn replace_leaf(&self, pod: &str, lifetime: &str) -> Result<Issued, MeshError> {
        (**self).replace_leaf(pod, lifetime)
    }

    fn steal(&self, workload: &str, lifetime: &str, name: &str) -> Result<Issued, MeshError> {
        (**self).steal(workload, lifetime, name)
    }

    fn istiod_log(&self) -> Result<String, MeshError> {
        (**self).istiod_log()
    }

    fn pod_address(&self, pod: &str) -> Result<IpAddr, MeshError> {
        (**self).pod_address(pod)
    }

    fn log(&self, pod: &str) -> Result<String, MeshError> {
        (**self).log(pod)
    }

    fn module(&self) -> String {
        (**self).module()
    }

    fn module_file(&self) -> &Path {
        (**self).module_file()
    }

    fn istiod(&self, path: &str) -> Result<String, MeshError> {
        (**self).istiod(path)
    }

    fn kill_istiod(&mut self) -> Result<(), MeshError> {
        (**self).kill_istiod()
    }

    fn start_istiod(&mut self) -> Result<(), MeshError> {
        (**self).start_istiod()
    }

    fn restart_sidecar(&mut self, pod: &str) -> Result<(), MeshError> {
        (**self).restart_sidecar(pod)
    }

    fn add_pod(&mut self, workload: &str, address: Option<IpAddr>) -> Result<String, MeshError> {
        (**self).add_pod(workload, address)
    }

    fn remove_pod(&mut self, pod: &str) -> Result<(), MeshError> {
        (**self).remove_pod(pod)
    }
}
