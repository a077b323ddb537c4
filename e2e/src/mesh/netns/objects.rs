//! What the API server is told: namespaces, services, pods and where they are.
//!
//! No controller runs, so what a Deployment would lead to is written down here.

use serde_json::{Value, json};

use super::host::{NODE, cluster_ip};
use crate::mesh::layout::{PORT, Pod, WORKLOADS, Workload};
use crate::mesh::objects::{list, namespace, service, service_account};
use crate::mesh::settings::mesh_config;
use crate::scenario::merge;

/// All namespaces, and the mesh's settings: those of a file of meshConfig, and ours.
pub(super) fn namespaces(mesh: &Value) -> Value {
    let names = WORKLOADS.iter().map(|workload| workload.name);
    let mut items: Vec<Value> = names.chain(["istio-system"]).map(namespace).collect();
    items.push(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"},
        "data": {"mesh": settings(mesh).to_string(), "meshNetworks": "networks: {}"},
    }));
    list(items)
}

/// Service accounts, services, pods and their addresses.
pub(super) fn workloads(pods: &[Pod]) -> Value {
    let mut items = Vec::new();
    for workload in WORKLOADS {
        items.push(service_account(workload));
        items.push(service_at(workload));
        items.push(endpoints(workload, pods));
    }
    items.extend(pods.iter().map(pod));
    list(items)
}

/// A pod that is added.
pub(super) fn added(new: &Pod) -> Value {
    list(vec![pod(new)])
}

/// The status that a kubelet would report.
pub(super) fn status(pod: &Pod) -> Value {
    let address = pod.address().to_string();
    json!({"status": {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "hostIP": NODE,
        "conditions": [{"type": "Ready", "status": "True"}],
    }})
}

/// Where sidecars find istiod, and the trust domains of the corpus.
fn settings(example: &Value) -> Value {
    let mut config = mesh_config(example);
    let ours = json!({
        "trustDomainAliases": super::corpus::trust_domains(),
        "defaultConfig": {"discoveryAddress": "istiod.istio-system.svc:15012"},
    });
    merge(&mut config, &ours);
    config
}

/// With the address that callers know it by.
fn service_at(workload: Workload) -> Value {
    let mut service = service(workload);
    merge(
        &mut service,
        &json!({"spec": {"clusterIP": cluster_ip(workload.name)}}),
    );
    service
}

/// Where the pods of a workload are.
pub(super) fn endpoints(workload: Workload, pods: &[Pod]) -> Value {
    let own = pods.iter().filter(|pod| pod.workload == workload);
    let endpoints: Vec<Value> = own
        .map(|pod| {
            json!({
                "addresses": [pod.address().to_string()],
                "conditions": {"ready": true},
                "targetRef": {"kind": "Pod", "name": pod.name, "namespace": workload.name},
            })
        })
        .collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": workload.name,
            "namespace": workload.name,
            "labels": {"kubernetes.io/service-name": workload.name},
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": PORT}],
    })
}

pub(super) fn pod(pod: &Pod) -> Value {
    let workload = pod.workload;
    let mut labels = json!({"app": workload.name});
    if workload.has_sidecar()
        && let Some(labels) = labels.as_object_mut()
    {
        labels.insert("security.istio.io/tlsMode".to_owned(), json!("istio"));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod.name, "namespace": workload.name, "labels": labels},
        "spec": {
            "serviceAccountName": workload.service_account,
            "automountServiceAccountToken": false,
            "nodeName": "sp-node",
            "containers": [{
                "name": "app",
                "image": "mesh-app",
                "ports": [{"containerPort": PORT}],
            }],
        },
    })
}
