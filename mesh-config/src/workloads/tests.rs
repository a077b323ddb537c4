use std::path::Path;

use super::*;
use crate::manifests;

fn inventory(text: &str) -> Inventory {
    let manifests = manifests::from_text(text, Path::new("m.yaml")).unwrap();
    from_manifests(&manifests.objects, None).unwrap()
}

fn pod(more: &str) -> String {
    format!(
        "{{kind: Pod, apiVersion: v1, metadata: {{name: p, namespace: ns, labels: {{app: p}}}}, spec: \
         {{containers: [{{name: c, ports: [{{containerPort: 8080, name: web}}, \
         {{containerPort: 53, protocol: UDP}}]}}]{more}}}}}\n"
    )
}

fn service(ports: &str) -> String {
    format!(
        "---\n{{kind: Service, apiVersion: v1, metadata: {{name: s, namespace: ns}}, spec: \
         {{selector: {{app: p}}, ports: [{ports}]}}}}\n"
    )
}

fn ports(inventory: &Inventory) -> Vec<(u16, Protocol, Option<Bypass>)> {
    let ports = inventory.workloads.iter().flat_map(|it| &it.ports);
    ports
        .map(|port| (port.number, port.protocol, port.bypass))
        .collect()
}

#[test]
fn finds_workloads_of_all_kinds() {
    let template =
        "{metadata: {labels: {app: x}}, spec: {serviceAccountName: acc, containers: [{name: c}]}}";
    let mut text = String::new();
    for kind in [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "Job",
        "Rollout",
    ] {
        text.push_str(&format!(
            "---\nkind: {kind}\napiVersion: x/v1\nmetadata: {{name: w, namespace: ns}}\nspec: {{template: {template}}}\n"
        ));
    }
    text.push_str(&format!(
        "---\nkind: CronJob\napiVersion: batch/v1\nmetadata: {{name: w, namespace: ns}}\n\
         spec: {{jobTemplate: {{spec: {{template: {template}}}}}}}\n---\n{}",
        pod("")
    ));
    let inventory = inventory(&text);
    let seen: Vec<_> = inventory
        .workloads
        .iter()
        .map(|it| (it.kind.as_str(), it.service_account.as_str()))
        .collect();
    let expected = [
        ("CronJob", "acc"),
        ("DaemonSet", "acc"),
        ("Deployment", "acc"),
        ("Job", "acc"),
        ("Pod", "default"),
        ("ReplicaSet", "acc"),
        ("Rollout", "acc"),
        ("StatefulSet", "acc"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn ports_are_those_that_services_lead_to() {
    let cases = [
        (
            "",
            vec![(8080, Protocol::Detected, Some(Bypass::NoService))],
        ),
        (
            "{port: 80, targetPort: web, name: http}",
            vec![(8080, Protocol::Http, None)],
        ),
        (
            "{port: 80, targetPort: 8080}",
            vec![(8080, Protocol::Detected, None)],
        ),
        (
            "{port: 8080, appProtocol: grpc}",
            vec![(8080, Protocol::Http, None)],
        ),
        (
            "{port: 53, protocol: UDP}",
            vec![(8080, Protocol::Detected, Some(Bypass::NoService))],
        ),
        (
            "{port: 80, targetPort: absent, name: http}, {port: 6379, name: redis}",
            vec![
                (6379, Protocol::Tcp, None),
                (8080, Protocol::Detected, Some(Bypass::NoService)),
            ],
        ),
        (
            "{port: 1, targetPort: 8080, name: tcp}, {port: 2, targetPort: 8080, name: http-b}",
            vec![(8080, Protocol::Http, None)],
        ),
    ];
    for (written, expected) in cases {
        let inventory = inventory(&format!("{}{}", pod(""), service(written)));
        assert_eq!(ports(&inventory), expected, "{written}");
    }
}

#[test]
fn services_of_other_pods_do_not_count() {
    let port = "{port: 80, targetPort: web, name: http}";
    for other in [
        service(port).replace("namespace: ns", "namespace: other"),
        service(port).replace("{app: p}", "{app: p, tier: x}"),
        service(port).replace("{app: p}", "{}"),
        service(port).replace("selector", "type: ExternalName, selector"),
    ] {
        let inventory = inventory(&format!("{}{other}", pod("")));
        let expected = [(8080, Protocol::Detected, Some(Bypass::NoService))];
        assert_eq!(ports(&inventory), expected, "{other}");
    }
}

#[test]
fn annotations_take_ports_out_of_the_sidecar() {
    let written = service("{port: 80, targetPort: web, name: http}");
    for (annotation, expected) in [
        ("excludeInboundPorts: '8080'", Some(Bypass::Excluded)),
        ("excludeInboundPorts: 'x, 8080'", Some(Bypass::Excluded)),
        ("excludeInboundPorts: '80801'", None),
        ("includeInboundPorts: '*'", None),
        ("includeInboundPorts: '8080'", None),
        ("includeInboundPorts: '9090'", Some(Bypass::Excluded)),
        ("includeInboundPorts: ''", Some(Bypass::Excluded)),
    ] {
        let annotations = format!("annotations: {{traffic.sidecar.istio.io/{annotation}}}, labels");
        let text = format!("{}{written}", pod("").replacen("labels", &annotations, 1));
        let ports = ports(&inventory(&text));
        assert_eq!(ports, [(8080, Protocol::Http, expected)], "{annotation}");
    }
}

#[test]
fn knows_who_has_no_sidecar() {
    let namespace = |label: &str| {
        format!(
            "---\n{{kind: Namespace, apiVersion: v1, metadata: {{name: ns, labels: {{{label}}}}}}}\n"
        )
    };
    let inject = |value: &str| {
        let labels = format!("labels: {{sidecar.istio.io/inject: '{value}', ");
        pod("").replacen("labels: {", &labels, 1)
    };
    let cases = [
        (pod(""), None),
        (
            pod(", hostNetwork: true"),
            Some(WithoutSidecar::HostNetwork),
        ),
        (inject("false"), Some(WithoutSidecar::NotInjected)),
        (inject("true"), None),
        (pod("") + &namespace("istio-injection: enabled"), None),
        (
            pod("").replacen("labels: {", "labels: {istio: ingressgateway, ", 1),
            Some(WithoutSidecar::Gateway),
        ),
        (
            pod("").replacen(
                "labels: {",
                "annotations: {inject.istio.io/templates: gateway}, labels: {",
                1,
            ),
            Some(WithoutSidecar::Gateway),
        ),
        (
            pod("") + &namespace("istio-injection: disabled"),
            Some(WithoutSidecar::NamespaceDisabled),
        ),
        (
            pod("") + &namespace("istio.io/dataplane-mode: ambient"),
            Some(WithoutSidecar::Ambient),
        ),
        (
            inject("true") + &namespace("istio.io/dataplane-mode: ambient"),
            None,
        ),
    ];
    for (text, expected) in cases {
        let inventory = inventory(&text);
        assert_eq!(inventory.workloads[0].without_sidecar, expected, "{text}");
    }
}

#[test]
fn what_another_object_made_counts_once() {
    let template = "{spec: {containers: [{name: c}]}}";
    let deployment = format!(
        "kind: Deployment\napiVersion: apps/v1\nmetadata: {{name: d, namespace: ns}}\nspec: {{template: {template}}}\n---\n"
    );
    let set = format!(
        "kind: ReplicaSet\napiVersion: apps/v1\nmetadata: {{name: d-1, namespace: ns, ownerReferences: \
         [{{kind: Deployment, name: d, controller: true}}]}}\nspec: {{template: {template}}}\n"
    );
    assert_eq!(inventory(&(deployment + &set)).workloads.len(), 1);
    assert_eq!(inventory(&set).workloads.len(), 1);
}

#[test]
fn a_namespace_is_never_guessed() {
    let text = pod("").replacen(", namespace: ns", "", 1);
    let manifests = manifests::from_text(&text, Path::new("m.yaml")).unwrap();
    let findings = from_manifests(&manifests.objects, None).unwrap_err();
    assert!(
        findings[0]
            .to_string()
            .contains("does not say its namespace")
    );
    let inventory = from_manifests(&manifests.objects, Some("given")).unwrap();
    assert_eq!(inventory.workloads[0].namespace, "given");
}

const LIST: &str = "\
apiVersion: security.sallyport.dev/v1alpha1
kind: WorkloadList
workloads:
- name: web
  namespace: shop
  ports:
  - {port: 8080, protocol: http}
- name: db
  namespace: shop
  serviceAccount: db
  ports: []
";

#[test]
fn reads_a_plain_list() {
    let inventory = list::from_text(LIST, Path::new("w.yaml")).unwrap();
    let seen: Vec<_> = inventory
        .workloads
        .iter()
        .map(|it| {
            (
                it.name.as_str(),
                it.service_account.as_str(),
                it.ports.len(),
            )
        })
        .collect();
    assert_eq!(seen, [("db", "db", 0), ("web", "default", 1)]);
}

#[test]
fn says_what_is_wrong_with_a_list() {
    let cases = [
        ("port: 8080", "port: 0", "workloads[0].ports[0].port"),
        ("protocol: http", "protocol: htp", "did you mean `http`"),
        (
            "serviceAccount",
            "serviceAcount",
            "did you mean `serviceAccount`",
        ),
        ("name: db", "name: web", "twice"),
        (
            "ports: []",
            "ports: [{port: 1, protocol: tcp}, {port: 1, protocol: tcp}]",
            "twice",
        ),
    ];
    for (from, to, expected) in cases {
        let text = LIST.replace(from, to);
        let findings = list::from_text(&text, Path::new("w.yaml")).unwrap_err();
        let shown = findings[0].to_string();
        assert!(
            shown.contains(expected) && shown.starts_with("w.yaml"),
            "{shown}"
        );
        assert!(findings[0].line.is_some(), "{shown}");
    }
}
