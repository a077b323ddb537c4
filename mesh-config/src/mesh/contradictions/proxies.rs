//! Gateways that accept any certificate, and proxies that see no certificates of callers.

use serde_json::Value;

use super::Scene;
use crate::finding::{Code, Finding};
use crate::manifests::Object;
use crate::mesh::visit;

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for object in scene.objects() {
        findings.extend(untrusted(object));
        findings.extend(waypoint(object));
    }
    let namespaces = scene.manifests.objects.iter();
    let namespaces = namespaces.filter(|object| object.is("", "Namespace"));
    let asked = namespaces.filter(|object| !scene.exempts(&object.name));
    findings.extend(asked.filter_map(ambient));
    findings
}

fn untrusted(object: &Object) -> Vec<Finding> {
    let is_proxy = object.is("networking.istio.io", "EnvoyFilter")
        || object.is("networking.istio.io", "Gateway")
        || object.is("gateway.networking.k8s.io", "Gateway");
    if !is_proxy {
        return Vec::new();
    }
    let visited = visit::all(&object.value).into_iter();
    let words = visited.filter(|place| {
        matches!(
            place.value.as_str(),
            Some("ACCEPT_UNTRUSTED" | "AllowInsecureFallback")
        )
    });
    words
        .map(|place| {
            let message = "accepts certificates that nobody validated";
            let finding = object.finding(Code::UntrustedAccepted, &place.path, message);
            finding.with_hint("validate them against a CA: the filter refuses such callers")
        })
        .collect()
}

fn waypoint(object: &Object) -> Option<Finding> {
    let class = object.value.pointer("/spec/gatewayClassName")?.as_str()?;
    let is_waypoint =
        object.is("gateway.networking.k8s.io", "Gateway") && class.starts_with("istio-waypoint");
    is_waypoint.then(|| {
        let message = "is a waypoint, which gets no certificates of callers: what they bring in it \
                       counts for nothing";
        object
            .finding(Code::Waypoint, "spec.gatewayClassName", message)
            .with_hint("give the workloads behind it sidecars, or make their namespace exempt")
    })
}

fn ambient(object: &Object) -> Option<Finding> {
    let labels = object.value.pointer("/metadata/labels")?;
    let label = |name: &str| labels.get(name).and_then(Value::as_str);
    let (name, what) = if label("istio.io/dataplane-mode") == Some("ambient") {
        ("istio.io/dataplane-mode", "is in ambient mode")
    } else if label("istio.io/use-waypoint").is_some_and(|name| name != "none") {
        ("istio.io/use-waypoint", "uses a waypoint")
    } else {
        return None;
    };
    let message = format!("{what}, where no filter gets the certificates of callers");
    // A label has dots of its own, so its line is that of all labels.
    let finding = object.finding(Code::Waypoint, "metadata.labels", message);
    Some(finding.with_hint(format!(
        "remove the label `{name}` and use sidecars, or make the namespace exempt"
    )))
}
