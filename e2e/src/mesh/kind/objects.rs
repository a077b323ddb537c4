//! What is applied to a kind cluster: what a user of Istio would write.

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use crate::mesh::layout::{Leaf, PORT, UNDECLARED_PORT, WORKLOADS, Workload};
use crate::mesh::objects::{list, service, service_account};

/// A file of a secret.
pub(crate) type File = (String, Vec<u8>);

/// Settings for `istioctl install`. Images by digest, where one is pinned.
pub(crate) fn installation(mesh_config: &Value, images: Images<'_>) -> Value {
    json!({
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "spec": {
            "profile": "minimal",
            "meshConfig": mesh_config,
            "values": {
                "pilot": {"image": images.pilot},
                "global": {
                    "proxy": {"image": images.proxy},
                    "proxy_init": {"image": images.proxy},
                },
            },
        },
    })
}

/// Istio's images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Images<'a> {
    /// istiod.
    pub(crate) pilot: &'a str,
    /// Sidecars.
    pub(crate) proxy: &'a str,
}

/// The authority of istiod, as Istio wants to find it.
pub(crate) fn authority(files: &[File]) -> Value {
    secret("cacerts", "istio-system", files)
}

/// A secret of files.
pub(crate) fn secret(name: &str, namespace: &str, files: &[File]) -> Value {
    let data: serde_json::Map<String, Value> = files
        .iter()
        .map(|(name, bytes)| (name.clone(), json!(Base64::encode_string(bytes))))
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    })
}

/// Service accounts, services and pods of all workloads. Pods have names with numbers, so each is in
/// a StatefulSet, whose size is changed to add and remove some.
pub(crate) fn workloads() -> Value {
    let items = WORKLOADS.into_iter().flat_map(|workload| {
        [
            service_account(workload),
            service(workload),
            stateful_set(workload),
        ]
    });
    list(items.collect())
}

fn stateful_set(workload: Workload) -> Value {
    let name = workload.name;
    let labels = json!({
        "app": name,
        "sidecar.istio.io/inject": workload.has_sidecar().to_string(),
    });
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": name},
        "spec": {
            "serviceName": name,
            "replicas": workload.replicas,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations(workload)},
                "spec": pod(workload),
            },
        },
    })
}

fn annotations(workload: Workload) -> Value {
    match workload.has_stats_tags() {
        true => json!({"sidecar.istio.io/bootstrapOverride": STATS_TAGS}),
        false => json!({}),
    }
}

/// What a workload's bootstrap gets beside Istio's own.
pub(super) fn stats_tags(workload: Workload, tags: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": STATS_TAGS, "namespace": workload.name},
        "data": {"custom_bootstrap.json": tags.to_string()},
    })
}

fn pod(workload: Workload) -> Value {
    let mut containers = vec![application(workload)];
    let mut volumes = Vec::new();
    if workload.has_sidecar() {
        containers.push(sidecar(workload));
    }
    volumes.push(json!({"name": "module", "hostPath": {"path": MODULES, "type": "Directory"}}));
    if workload.leaf != Leaf::Istiod {
        volumes.push(json!({"name": CREDENTIALS, "secret": {"secretName": CREDENTIALS}}));
    }
    json!({
        "serviceAccountName": workload.service_account,
        "terminationGracePeriodSeconds": 20,
        "containers": containers,
        "volumes": volumes,
    })
}

fn application(workload: Workload) -> Value {
    let (main, undeclared) = (PORT.to_string(), UNDECLARED_PORT.to_string());
    let mut mounts = Vec::new();
    if workload.leaf == Leaf::None {
        // What was stolen from the gateway, and what will be from others.
        mounts.push(json!({"name": "module", "mountPath": MODULES, "readOnly": true}));
        mounts.push(json!({"name": CREDENTIALS, "mountPath": STOLEN, "readOnly": true}));
    }
    json!({
        "name": APPLICATION,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "command": ["/mesh-app", "serve", "--name", "$(POD_NAME)"],
        "args": ["--port", main, "--port", undeclared],
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": PORT}, "timeoutSeconds": 10},
        "securityContext": {"runAsUser": 1338, "runAsGroup": 1338},
        "volumeMounts": mounts,
    })
}

/// What the injector adds to: the module, and a hybrid certificate in files.
fn sidecar(workload: Workload) -> Value {
    let mut mounts = vec![json!({"name": "module", "mountPath": MODULES, "readOnly": true})];
    let mut environment = Vec::new();
    if workload.leaf == Leaf::Hybrid {
        mounts.push(json!({
            "name": CREDENTIALS,
            "mountPath": "/var/run/secrets/workload-spiffe-credentials",
            "readOnly": true,
        }));
        // Its own certificate comes from files; istiod's still has to be verified.
        let root = "/var/run/secrets/istio/root-cert.pem";
        environment.push(json!({"name": "XDS_ROOT_CA", "value": root}));
    }
    json!({
        "name": "istio-proxy",
        "image": "auto",
        "env": environment,
        "volumeMounts": mounts,
    })
}

/// The name of the application's container.
pub(crate) const APPLICATION: &str = "app";
/// The secret with a workload's certificate and key.
pub(crate) const CREDENTIALS: &str = "workload-credentials";
/// Where the stolen credentials are.
pub(crate) const STOLEN: &str = "/var/run/stolen";
/// The folder with the module: on the node, and in sidecars.
pub(crate) const MODULES: &str = "/sallyport";
const STATS_TAGS: &str = "sallyport-stats-tags";
/// Built by `scripts/e2e-kind`.
const IMAGE: &str = "localhost/sallyport-mesh-app:e2e";

#[cfg(test)]
mod tests {
    use super::{WORKLOADS, installation, workloads};
    use serde_json::{Value, json};

    fn items() -> Vec<Value> {
        let list = workloads();
        list.pointer("/items")
            .and_then(Value::as_array)
            .unwrap()
            .clone()
    }

    #[test]
    fn each_workload_has_an_account_a_service_and_its_pods() {
        let items = items();
        assert_eq!(items.len(), WORKLOADS.len() * 3);
        let replicas = items
            .iter()
            .filter_map(|item| item.pointer("/spec/replicas").and_then(Value::as_u64));
        let expected: u64 = WORKLOADS.iter().map(|it| u64::from(it.replicas)).sum();
        assert_eq!(replicas.sum::<u64>(), expected);
    }

    #[test]
    fn only_the_pod_that_steals_is_without_a_sidecar() {
        for item in items() {
            let injected = item.pointer("/spec/template/metadata/labels/sidecar.istio.io~1inject");
            let Some(injected) = injected else { continue };
            let is_bare = item.pointer("/metadata/name") == Some(&json!("bare"));
            assert_eq!(injected, &json!((!is_bare).to_string()), "{item}");
        }
    }

    #[test]
    fn images_are_named_as_they_were_pinned() {
        let pinned = super::Images {
            pilot: "docker.io/istio/pilot@sha256:00",
            proxy: "docker.io/istio/proxyv2@sha256:11",
        };
        let installation = installation(&json!({}), pinned);
        let image = |path| installation.pointer(path).and_then(Value::as_str).unwrap();
        assert_eq!(image("/spec/values/pilot/image"), pinned.pilot);
        assert_eq!(image("/spec/values/global/proxy/image"), pinned.proxy);
    }
}
