//! Mutual TLS that is optional or switched off.

use serde_json::Value;

use super::Scene;
use crate::finding::{Code, Finding};
use crate::manifests::Object;

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let objects = scene.of("security.istio.io", "PeerAuthentication");
    objects.flat_map(|object| of(scene, object)).collect()
}

fn of(scene: &Scene<'_>, object: &Object) -> Vec<Finding> {
    let spec = object.value.get("spec");
    let mode = |value: &Value| value.get("mode").and_then(Value::as_str).map(str::to_owned);
    let mtls = spec.and_then(|spec| spec.get("mtls")).and_then(mode);
    let ports = spec.and_then(|spec| spec.get("portLevelMtls"));
    let ports = ports.and_then(Value::as_object).into_iter().flatten();
    let ports = ports.filter_map(|(port, value)| {
        let path = format!("spec.portLevelMtls.{port}.mode");
        Some((
            path,
            format!("port {port} of {}", whom(scene, object)),
            mode(value)?,
        ))
    });
    let whole = mtls.map(|mode| ("spec.mtls.mode".to_owned(), whom(scene, object), mode));
    let said = whole.into_iter().chain(ports);
    said.filter_map(|(path, whom, mode)| judge(object, &path, &whom, &mode))
        .collect()
}

/// For whom it is.
fn whom(scene: &Scene<'_>, object: &Object) -> String {
    let selector = object.value.pointer("/spec/selector/matchLabels");
    let selects = selector
        .and_then(Value::as_object)
        .is_some_and(|labels| !labels.is_empty());
    let namespace = object.namespace.as_deref();
    match (selects, namespace) {
        (true, _) => "the workloads that it selects".to_owned(),
        (false, Some(name)) if name == scene.root_namespace() => "the whole mesh".to_owned(),
        (false, Some(name)) => format!("namespace `{name}`"),
        (false, None) => "its namespace".to_owned(),
    }
}

fn judge(object: &Object, path: &str, whom: &str, mode: &str) -> Option<Finding> {
    let strict = "use STRICT; `exemptNamespaces` leaves out namespaces that cannot do it yet";
    match mode {
        "PERMISSIVE" => {
            let message = format!(
                "lets callers of {whom} leave out mutual TLS; the filter refuses them where it sees HTTP"
            );
            let finding = object.finding(Code::PlaintextAllowed, path, message);
            Some(finding.with_hint(strict))
        }
        "DISABLE" => {
            let message =
                format!("takes mutual TLS away from {whom}, so no caller can bring a certificate");
            let finding = object.finding(Code::MutualTlsDisabled, path, message);
            Some(finding.with_hint(strict))
        }
        _ => None,
    }
}
