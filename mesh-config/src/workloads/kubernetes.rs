//! Workloads from Kubernetes manifests.
//!
//! Whatever has a template of pods counts: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job,
//! CronJob, and the kinds of others that have one at `spec.template`; and single pods. An object that
//! another one in the manifests made (a ReplicaSet of a Deployment) is left out.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Namespace, PodSpec, PodTemplateSpec, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use super::service::{Selecting, container_ports};
use super::{Bypass, Inventory, Place, Port, Protocol, WithoutSidecar, Workload};
use crate::finding::{Code, Finding};
use crate::manifests::Object;

/// Reads the workloads among the objects. `namespace` is that of objects which name none.
///
/// # Errors
/// Objects that are not in the form of their kind, or of which the namespace is not known.
pub fn from_manifests(
    objects: &[Object],
    namespace: Option<&str>,
) -> Result<Inventory, Vec<Finding>> {
    let mut findings = Vec::new();
    let surroundings = Surroundings::new(objects, namespace, &mut findings);
    let mut workloads = Vec::new();
    for object in objects {
        match surroundings.workload(object, namespace) {
            Ok(workload) => workloads.extend(workload),
            Err(finding) => findings.push(finding),
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    workloads.sort_by(|one, other| key(one).cmp(&key(other)));
    Ok(Inventory { workloads })
}

fn key(workload: &Workload) -> (&str, &str, &str) {
    (&workload.namespace, &workload.kind, &workload.name)
}

/// What decides about workloads beside their own manifests.
struct Surroundings<'a> {
    services: Vec<Selecting>,
    namespaces: BTreeMap<String, WithoutSidecar>,
    /// Namespace, kind and name of each object, to recognise owners.
    known: BTreeSet<(Option<&'a str>, &'a str, &'a str)>,
}

impl<'a> Surroundings<'a> {
    fn new(objects: &'a [Object], default: Option<&str>, findings: &mut Vec<Finding>) -> Self {
        let mut it = Self {
            services: Vec::new(),
            namespaces: BTreeMap::new(),
            known: BTreeSet::new(),
        };
        for object in objects {
            let own = object.namespace.as_deref();
            it.known.insert((own, &object.kind, &object.name));
            if let Err(finding) = it.add(object, default) {
                findings.push(finding);
            }
        }
        it
    }

    fn add(&mut self, object: &Object, default: Option<&str>) -> Result<(), Finding> {
        if let Some(service) = object.view::<Service>()? {
            let namespace = namespace_of(object, default)?;
            self.services.extend(Selecting::new(namespace, service));
        }
        if let Some(namespace) = object.view::<Namespace>()? {
            let labels = namespace.metadata.labels.unwrap_or_default();
            let label = |name: &str| labels.get(name).map(String::as_str);
            if label(AMBIENT) == Some("ambient") {
                self.namespaces
                    .insert(object.name.clone(), WithoutSidecar::Ambient);
            } else if label("istio-injection") == Some("disabled") {
                self.namespaces
                    .insert(object.name.clone(), WithoutSidecar::NamespaceDisabled);
            }
        }
        Ok(())
    }

    fn workload(
        &self,
        object: &Object,
        default: Option<&str>,
    ) -> Result<Option<Workload>, Finding> {
        let Some((path, template)) = pod_template(object) else {
            return Ok(None);
        };
        let template = PodTemplateSpec::deserialize(template).map_err(|error| {
            let text: String = error.to_string().chars().take(200).collect();
            object.finding(
                Code::NoObject,
                path,
                format!("is no template of pods: {text}"),
            )
        })?;
        let own = object.namespace.as_deref();
        let owner = owner(object);
        if owner.is_some_and(|(kind, name)| self.known.contains(&(own, kind, name))) {
            return Ok(None);
        }
        let namespace = namespace_of(object, default)?;
        let metadata = template.metadata.unwrap_or_default();
        let pod = template.spec.unwrap_or_default();
        let account = pod.service_account_name.as_ref();
        let account = account.or(pod.service_account.as_ref());
        let account = account.filter(|name| !name.is_empty());
        let account = account.map_or("default", String::as_str);
        Ok(Some(Workload {
            service_account: account.to_owned(),
            ports: self.ports(&namespace, &metadata, &pod),
            without_sidecar: self.without_sidecar(&namespace, &metadata, &pod),
            asks_for_sidecar: asks_for_sidecar(&metadata),
            namespace,
            kind: object.kind.clone(),
            name: object.name.clone(),
            place: Some(Place {
                file: object.file.to_path_buf(),
                line: object.line,
            }),
        }))
    }

    fn ports(&self, namespace: &str, metadata: &ObjectMeta, pod: &PodSpec) -> Vec<Port> {
        let empty = BTreeMap::new();
        let labels = metadata.labels.as_ref().unwrap_or(&empty);
        let mut ports: BTreeMap<u16, Port> = BTreeMap::new();
        let services = self.services.iter();
        let selecting = services.filter(|service| service.selects(namespace, labels));
        for (number, protocol) in selecting.flat_map(|service| service.ports(pod)) {
            let known = ports.entry(number).or_insert(Port {
                number,
                protocol,
                bypass: None,
            });
            // Where services differ, the one that shows the port to the filter counts here; what
            // is rendered then keeps other connections out.
            known.protocol = first(known.protocol, protocol);
        }
        for (_, number) in container_ports(pod) {
            ports.entry(number).or_insert(Port {
                number,
                protocol: Protocol::Detected,
                bypass: Some(Bypass::NoService),
            });
        }
        let intercepted = Intercepted::new(metadata);
        for number in intercepted.named() {
            ports.entry(number).or_insert(Port {
                number,
                protocol: Protocol::Detected,
                bypass: Some(Bypass::Excluded),
            });
        }
        let mut ports: Vec<Port> = ports.into_values().collect();
        for port in &mut ports {
            if !intercepted.has(port.number) {
                port.bypass = Some(Bypass::Excluded);
            }
        }
        ports
    }

    fn without_sidecar(
        &self,
        namespace: &str,
        metadata: &ObjectMeta,
        pod: &PodSpec,
    ) -> Option<WithoutSidecar> {
        let label = |name: &str| metadata.labels.as_ref()?.get(name).map(String::as_str);
        let annotation = |name: &str| metadata.annotations.as_ref()?.get(name).map(String::as_str);
        let inject = label(INJECT).or_else(|| annotation(INJECT));
        let is_gateway = label("gateway.networking.k8s.io/gateway-name").is_some()
            || label("istio").is_some_and(|value| value.ends_with("gateway"))
            || annotation("inject.istio.io/templates").is_some_and(|it| it.contains("gateway"));
        if is_gateway {
            Some(WithoutSidecar::Gateway)
        } else if pod.host_network == Some(true) {
            Some(WithoutSidecar::HostNetwork)
        } else if inject == Some("false") {
            Some(WithoutSidecar::NotInjected)
        } else if label(AMBIENT) == Some("ambient") {
            Some(WithoutSidecar::Ambient)
        } else {
            let of_namespace = self.namespaces.get(namespace).copied();
            of_namespace.filter(|reason| {
                let leaves = label(AMBIENT) == Some("none") || inject == Some("true");
                !(leaves && *reason == WithoutSidecar::Ambient)
            })
        }
    }
}

/// The ports of which the sidecar sees the connections.
struct Intercepted<'a> {
    is_off: bool,
    included: Option<Vec<&'a str>>,
    excluded: Vec<&'a str>,
}

impl<'a> Intercepted<'a> {
    fn new(metadata: &'a ObjectMeta) -> Self {
        let annotation = |name: &str| metadata.annotations.as_ref()?.get(name);
        let list = |text: &'a String| text.split(',').map(str::trim).collect::<Vec<_>>();
        Self {
            is_off: annotation("sidecar.istio.io/interceptionMode")
                .is_some_and(|mode| mode == "NONE"),
            included: annotation("traffic.sidecar.istio.io/includeInboundPorts")
                .filter(|text| text.trim() != "*")
                .map(list),
            excluded: annotation("traffic.sidecar.istio.io/excludeInboundPorts")
                .map(list)
                .unwrap_or_default(),
        }
    }

    fn has(&self, number: u16) -> bool {
        let number = number.to_string();
        let is_in = |list: &Vec<&str>| list.contains(&number.as_str());
        !self.is_off && self.included.as_ref().is_none_or(is_in) && !is_in(&self.excluded)
    }

    /// The ports that are excluded by number.
    fn named(&self) -> impl Iterator<Item = u16> {
        let numbers = self.excluded.iter();
        numbers.filter_map(|text| match text.parse() {
            Ok(0) | Err(_) => None,
            Ok(number) => Some(number),
        })
    }
}

/// Whether the pod itself asks for a sidecar, whatever its namespace does.
fn asks_for_sidecar(metadata: &ObjectMeta) -> bool {
    let label = |name: &str| metadata.labels.as_ref()?.get(name).map(String::as_str);
    let inject = label(INJECT);
    inject == Some("true") || (inject.is_none() && label("istio.io/rev").is_some())
}

const fn first(one: Protocol, other: Protocol) -> Protocol {
    match (one, other) {
        (Protocol::Http, _) | (_, Protocol::Http) => Protocol::Http,
        (Protocol::Detected, _) | (_, Protocol::Detected) => Protocol::Detected,
        (Protocol::Tcp, Protocol::Tcp) => Protocol::Tcp,
    }
}

fn namespace_of(object: &Object, default: Option<&str>) -> Result<String, Finding> {
    let namespace = object.namespace.as_deref().or(default);
    namespace.map(str::to_owned).ok_or_else(|| {
        let text = format!("the {} does not say its namespace", object.kind);
        object
            .finding(Code::NamespaceUnknown, "metadata", text)
            .with_hint("write `metadata.namespace`, or give `--namespace`")
    })
}

/// The template of the pods that an object makes, and its path.
pub(crate) fn pod_template(object: &Object) -> Option<(&'static str, &Value)> {
    let (path, pointer) = match object.kind.as_str() {
        "Pod" => ("", ""),
        "CronJob" => (
            "spec.jobTemplate.spec.template",
            "/spec/jobTemplate/spec/template",
        ),
        _ => ("spec.template", "/spec/template"),
    };
    let template = object.value.pointer(pointer)?;
    template.pointer("/spec/containers")?;
    Some((path, template))
}

/// Kind and name of the object that made this one.
fn owner(object: &Object) -> Option<(&str, &str)> {
    let owners = object.value.pointer("/metadata/ownerReferences")?;
    let mut owners = owners.as_array()?.iter();
    let owner = owners.find(|owner| owner.get("controller") == Some(&Value::Bool(true)))?;
    Some((owner.get("kind")?.as_str()?, owner.get("name")?.as_str()?))
}

const INJECT: &str = "sidecar.istio.io/inject";
const AMBIENT: &str = "istio.io/dataplane-mode";
