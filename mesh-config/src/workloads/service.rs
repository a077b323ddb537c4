//! The ports of a pod that services lead to.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodSpec, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Protocol, protocol};

/// A service that selects pods.
pub(super) struct Selecting {
    namespace: String,
    selector: BTreeMap<String, String>,
    ports: Vec<ServicePort>,
}

impl Selecting {
    /// None for a service that selects no pods by itself.
    pub(super) fn new(namespace: String, service: Service) -> Option<Self> {
        let spec = service.spec?;
        let selector = spec.selector.filter(|selector| !selector.is_empty())?;
        // Its selector means nothing.
        if spec.type_.as_deref() == Some("ExternalName") {
            return None;
        }
        Some(Self {
            namespace,
            selector,
            ports: spec.ports.unwrap_or_default(),
        })
    }

    /// Whether it selects pods with these labels.
    pub(super) fn selects(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.namespace == namespace
            && self
                .selector
                .iter()
                .all(|(name, value)| labels.get(name) == Some(value))
    }

    /// The ports of such a pod that it leads to. A name that no container has leads nowhere.
    pub(super) fn ports(&self, pod: &PodSpec) -> Vec<(u16, Protocol)> {
        let ports = self
            .ports
            .iter()
            .filter(|port| is_tcp(port.protocol.as_deref()));
        let targets = ports.flat_map(|port| {
            let name = port.name.as_deref().unwrap_or_default();
            let protocol = protocol::of_service_port(port.port, name, port.app_protocol.as_deref());
            let numbers = target(port, pod);
            numbers.into_iter().map(move |number| (number, protocol))
        });
        targets.collect()
    }
}

/// The numbers that a service port has in a pod.
fn target(port: &ServicePort, pod: &PodSpec) -> Vec<u16> {
    match &port.target_port {
        None => number(port.port).into_iter().collect(),
        // Kubernetes takes 0 for an absent one.
        Some(IntOrString::Int(0)) => number(port.port).into_iter().collect(),
        Some(IntOrString::Int(target)) => number(*target).into_iter().collect(),
        Some(IntOrString::String(name)) => container_ports(pod)
            .filter(|(port_name, _)| *port_name == Some(name.as_str()))
            .map(|(_, number)| number)
            .collect(),
    }
}

/// The TCP ports that the containers of a pod name.
pub(super) fn container_ports(pod: &PodSpec) -> impl Iterator<Item = (Option<&str>, u16)> {
    // A sidecar of Kubernetes is an init container that goes on running.
    let sidecars = pod.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|it| it.restart_policy.as_deref() == Some("Always"));
    let containers = pod.containers.iter().chain(sidecars);
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports
        .filter(|port| is_tcp(port.protocol.as_deref()))
        .filter_map(|port| Some((port.name.as_deref(), number(port.container_port)?)))
}

fn is_tcp(protocol: Option<&str>) -> bool {
    matches!(protocol, None | Some("TCP"))
}

/// None for what is no port, which Kubernetes refuses.
fn number(port: i32) -> Option<u16> {
    match u16::try_from(port) {
        Ok(0) | Err(_) => None,
        Ok(number) => Some(number),
    }
}
