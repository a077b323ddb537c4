//! Objects of the API server that are the same wherever a mesh runs.

use serde_json::{Value, json};

use super::layout::{PORT, Workload};

/// Several objects in one.
pub(super) fn list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// A namespace whose pods get sidecars.
pub(super) fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"istio-injection": "enabled"}},
    })
}

/// Whom the pods of a workload run as.
pub(super) fn service_account(workload: Workload) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": workload.service_account, "namespace": workload.name},
    })
}

/// Where a workload is called.
pub(super) fn service(workload: Workload) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": workload.name, "namespace": workload.name},
        "spec": {
            "selector": {"app": workload.name},
            "ports": [{"name": "http", "port": PORT, "targetPort": PORT}],
        },
    })
}
