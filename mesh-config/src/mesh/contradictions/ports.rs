//! Ports that no HTTP filter sees.

use k8s_openapi::api::core::v1::{Service, ServicePort};

use super::Scene;
use crate::finding::{Code, Finding};
use crate::manifests::Object;
use crate::workloads::{self, Bypass, Protocol, Workload};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let services = scene
        .of("", "Service")
        .filter(|object| is_asked(scene, object));
    let mut findings: Vec<Finding> = services.flat_map(of_service).collect();
    // Objects without a namespace go where they are applied to.
    match workloads::from_manifests(&scene.manifests.objects, Some("default")) {
        Ok(inventory) => {
            let asked = inventory.workloads.iter().filter(|workload| {
                !scene.exempts(&workload.namespace) && !is_of_cluster(scene, &workload.namespace)
            });
            findings.extend(asked.flat_map(of_workload));
        }
        Err(invalid) => findings.extend(invalid),
    }
    findings
}

fn is_asked(scene: &Scene<'_>, object: &Object) -> bool {
    !object
        .namespace
        .as_deref()
        .is_some_and(|name| is_of_cluster(scene, name))
}

/// What runs the cluster and the mesh is not part of either's traffic.
fn is_of_cluster(scene: &Scene<'_>, namespace: &str) -> bool {
    namespace == scene.root_namespace() || namespace.starts_with("kube-")
}

fn of_service(object: &Object) -> Vec<Finding> {
    let service = match object.view::<Service>() {
        Ok(Some(service)) => service,
        Ok(None) => return Vec::new(),
        Err(finding) => return vec![finding],
    };
    let spec = service.spec.unwrap_or_default();
    if spec.type_.as_deref() == Some("ExternalName") {
        return Vec::new();
    }
    let ports = spec.ports.unwrap_or_default();
    let ports = ports.iter().enumerate();
    ports
        .filter_map(|(number, port)| of_port(object, number, port))
        .collect()
}

fn of_port(object: &Object, place: usize, port: &ServicePort) -> Option<Finding> {
    let number = port.port;
    let name = port.name.as_deref().unwrap_or_default();
    let message = match port.protocol.as_deref() {
        None | Some("TCP") => {
            match workloads::of_service_port(number, name, port.app_protocol.as_deref()) {
                Protocol::Http => return None,
                Protocol::Tcp => {
                    format!("port {number} is not HTTP to Istio, so the filter sees none of it")
                }
                Protocol::Detected => format!(
                    "port {number} does not say its protocol, so each caller chooses whether the \
                     filter sees it"
                ),
            }
        }
        Some(protocol) => format!("port {number} is {protocol}, which no sidecar sees"),
    };
    let path = format!("spec.ports[{place}]");
    let finding = object.finding(Code::UnseenPort, &path, message);
    Some(finding.with_hint(
        "if it is HTTP or gRPC, say so with `appProtocol: http` or `grpc`; otherwise close it by an \
         AuthorizationPolicy or NetworkPolicy",
    ))
}

fn of_workload(workload: &Workload) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = format!("{} `{}`", workload.kind, workload.name);
    let mut say = |code, message: String, hint: &str| {
        let place = workload.place.as_ref();
        let finding = Finding::new(code, "", message).with_hint(hint);
        findings.push(match place {
            Some(place) => finding.in_file(place.file.display().to_string(), Some(place.line)),
            None => finding,
        });
    };
    match workload.without_sidecar {
        None => {}
        Some(workloads::WithoutSidecar::Ambient) => say(
            Code::Waypoint,
            format!("{name} is in ambient mode, where no filter gets its callers' certificates"),
            "give it a sidecar, or make its namespace exempt",
        ),
        Some(reason) => say(
            Code::UnseenPort,
            format!("{name} has no sidecar: {}", reason.as_str()),
            "give it a sidecar, or make its namespace exempt",
        ),
    }
    if workload.without_sidecar.is_some() {
        return findings;
    }
    for port in &workload.ports {
        let number = port.number;
        match port.bypass {
            None => {}
            Some(Bypass::NoService) => say(
                Code::UnseenPort,
                format!("no service declares port {number} of {name}, so no HTTP filter sees it"),
                "declare it in a Service with `appProtocol: http`, or close it",
            ),
            Some(Bypass::Excluded) => say(
                Code::UnseenPort,
                format!("an annotation takes port {number} of {name} past its sidecar"),
                "remove the annotation, or close the port by a NetworkPolicy",
            ),
        }
    }
    findings
}
