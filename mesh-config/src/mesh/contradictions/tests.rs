use std::path::Path;

use super::*;
use crate::finding::Severity;
use crate::mesh::from_text;
use crate::{manifests, policy_file};

const ON: &str = "postQuantumAuth: {exemptNamespaces: [legacy]}";

/// The findings about one manifest: code, line and severity.
fn about(mesh: &str, manifest: &str) -> Vec<(&'static str, Option<u64>, Severity)> {
    let settings = from_text(mesh, "mesh.yaml").unwrap();
    let manifests = manifests::from_text(manifest, Path::new("k.yaml")).unwrap();
    let findings = contradictions(&settings, None, &manifests);
    for finding in &findings {
        assert_eq!(finding.file.as_deref(), Some("k.yaml"), "{finding:?}");
        assert!(finding.hint.is_some(), "{finding:?}");
    }
    findings
        .iter()
        .map(|finding| (finding.code.as_str(), finding.line, finding.severity))
        .collect()
}

const WARNING: Severity = Severity::Warning;
const ERROR: Severity = Severity::Error;

/// Each manifest with the code that it earns, its line, and how grave it is.
const MANIFESTS: [(&str, &str, u64, Severity); 17] = [
    (
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: a, namespace: istio-system}\nspec:\n  mtls:\n    mode: PERMISSIVE\n",
        "SP411",
        6,
        WARNING,
    ),
    (
        "apiVersion: security.istio.io/v1beta1\nkind: PeerAuthentication\nmetadata: {name: a, namespace: shop}\nspec:\n  selector: {matchLabels: {app: x}}\n  mtls: {mode: DISABLE}\n",
        "SP412",
        6,
        ERROR,
    ),
    (
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: a, namespace: shop}\nspec:\n  mtls: {mode: STRICT}\n  portLevelMtls:\n    8080: {mode: PERMISSIVE}\n",
        "SP411",
        7,
        WARNING,
    ),
    (
        "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec:\n  ports:\n    - {name: http, port: 80}\n    - {name: tcp-x, port: 81}\n",
        "SP413",
        7,
        WARNING,
    ),
    (
        "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec:\n  ports:\n    - {name: web, port: 80}\n",
        "SP413",
        6,
        WARNING,
    ),
    (
        "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec:\n  ports:\n    - {name: http, port: 80, appProtocol: tcp}\n",
        "SP413",
        6,
        WARNING,
    ),
    (
        "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec:\n  ports:\n    - {name: http, port: 53, protocol: UDP}\n",
        "SP413",
        6,
        WARNING,
    ),
    (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istiod, namespace: istio-system}\nspec:\n  template:\n    spec:\n      containers:\n        - name: discovery\n          env:\n            - {name: COMPLIANCE_POLICY, value: fips-140-2}\n",
        "SP414",
        10,
        WARNING,
    ),
    (
        "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: f, namespace: shop}\nspec:\n  configPatches:\n    - patch:\n        value:\n          ecdh_curves: [X25519, P-256]\n",
        "SP414",
        8,
        WARNING,
    ),
    (
        "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: f, namespace: shop}\nspec:\n  configPatches:\n    - patch:\n        value: {trust_chain_verification: ACCEPT_UNTRUSTED}\n",
        "SP415",
        7,
        ERROR,
    ),
    (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: edge}\nspec:\n  gatewayClassName: istio\n  tls: {frontend: {default: {validation: {mode: AllowInsecureFallback}}}}\n",
        "SP415",
        6,
        ERROR,
    ),
    (
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: coraza, namespace: shop}\nspec: {url: oci://x}\n",
        "SP416",
        1,
        WARNING,
    ),
    (
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: sallyport, namespace: shop}\nspec:\n  failStrategy: FAIL_OPEN\n  match: [{mode: SERVER}]\n  pluginConfig: {sliceVersion: 1}\n",
        "SP417",
        5,
        ERROR,
    ),
    (
        "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: {name: sallyport, namespace: shop}\nspec:\n  match: [{mode: SERVER}, {mode: CLIENT_AND_SERVER}]\n  wasm: {failStrategy: FAIL_RELOAD, pluginConfig: {sliceVersion: 1}}\n",
        "SP418",
        5,
        ERROR,
    ),
    (
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: sallyport, namespace: shop}\nspec:\n  failStrategy: FAIL_RELOAD\n  pluginConfig: {sliceVersion: 1}\n",
        "SP418",
        4,
        ERROR,
    ),
    (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: waypoint, namespace: shop}\nspec:\n  gatewayClassName: istio-waypoint\n",
        "SP419",
        5,
        WARNING,
    ),
    (
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels:\n    istio.io/dataplane-mode: ambient\n",
        "SP419",
        5,
        WARNING,
    ),
];

#[test]
fn names_each_contradiction_at_its_line() {
    for (manifest, code, line, severity) in MANIFESTS {
        let found: Vec<_> = about(ON, manifest)
            .into_iter()
            .filter(|(found, ..)| *found == code)
            .collect();
        assert_eq!(found, [(code, Some(line), severity)], "{manifest}");
    }
}

#[test]
fn says_nothing_of_exempt_namespaces_and_where_nothing_is_asked() {
    for (manifest, ..) in MANIFESTS {
        let exempt = manifest
            .replace("namespace: shop", "namespace: legacy")
            .replace("namespace: edge", "namespace: legacy")
            .replace("name: shop", "name: legacy");
        if exempt != *manifest {
            assert_eq!(about(ON, &exempt), [], "{exempt}");
        }
        for off in ["postQuantumAuth: false", "trustDomain: x"] {
            assert_eq!(about(off, manifest), [], "{manifest}");
        }
    }
}

#[test]
fn says_nothing_of_what_fits() {
    let good = "\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
---
apiVersion: v1
kind: Service
metadata: {name: s, namespace: shop}
spec:
  selector: {app: s}
  ports:
    - {name: http, port: 80, targetPort: 8080}
    - {name: x, port: 81, targetPort: 8081, appProtocol: grpc}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere, namespace: shop}
spec: {type: ExternalName, externalName: x.example, ports: [{port: 443}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: s, namespace: shop}
spec:
  template:
    metadata: {labels: {app: s}}
    spec: {containers: [{name: s, ports: [{containerPort: 8080}, {containerPort: 8081}]}]}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: sallyport, namespace: shop}
spec: {failStrategy: FAIL_RELOAD, match: [{mode: SERVER}], pluginConfig: {sliceVersion: 1}}
---
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: {name: script, namespace: shop}
spec: {lua: {inlineCode: x}}
";
    assert_eq!(about(ON, good), []);
}

#[test]
fn says_which_workloads_and_ports_the_filter_does_not_see() {
    let pod = |more: &str, spec: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d, namespace: shop}}\nspec:\n  template:\n    metadata: {{labels: {{app: d}}, annotations: {{{more}}}}}\n    spec: {{{spec} containers: [{{name: d, ports: [{{containerPort: 9}}]}}]}}\n"
        )
    };
    let codes = |manifest: &str| -> Vec<&'static str> {
        about(ON, manifest).iter().map(|found| found.0).collect()
    };
    assert_eq!(codes(&pod("", "")), ["SP413"]);
    assert_eq!(
        codes(&pod("sidecar.istio.io/inject: 'false'", "")),
        ["SP413"]
    );
    assert_eq!(codes(&pod("", "hostNetwork: true,")), ["SP413"]);
    let ambient = pod("", "").replace("app: d", "istio.io/dataplane-mode: ambient");
    assert_eq!(codes(&ambient), ["SP419"]);
}

#[test]
fn settings_of_the_mesh_that_rule_out_the_hybrid_group() {
    let found = |text: &str| -> Vec<(String, Option<u64>, Severity)> {
        let settings = from_text(text, "mesh.yaml").unwrap();
        contradictions(&settings, None, &Manifests::default())
            .into_iter()
            .map(|finding| (finding.path, finding.line, finding.severity))
            .collect()
    };
    let at = |path: &str, line, severity| vec![(path.to_owned(), Some(line), severity)];
    for (rule, expected) in [
        ("preferred", at("tlsDefaults.ecdhCurves", 2, WARNING)),
        ("required", at("tlsDefaults.ecdhCurves", 2, ERROR)),
        ("ignored", vec![]),
    ] {
        let text = format!(
            "postQuantumAuth: {{keyExchange: {rule}}}\ntlsDefaults: {{ecdhCurves: [P-256]}}\n"
        );
        assert_eq!(found(&text), expected);
    }
    let fits = "postQuantumAuth: true\ntlsDefaults: {ecdhCurves: [X25519MLKEM768, P-256]}\n";
    assert_eq!(found(fits), []);
    let helm = |policy: &str| {
        format!(
            "meshConfig: {{postQuantumAuth: true}}\npilot:\n  env:\n    COMPLIANCE_POLICY: {policy}\n"
        )
    };
    assert_eq!(
        found(&helm("fips-140-2")),
        at("pilot.env.COMPLIANCE_POLICY", 4, WARNING)
    );
    assert_eq!(found(&helm("pqc")), []);
    let map = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: istio}\ndata:\n  mesh: |\n    postQuantumAuth: true\n    meshMTLS:\n      ecdhCurves: [P-256]\n";
    assert_eq!(found(map), at("data.mesh.meshMTLS.ecdhCurves", 8, WARNING));
}

const POLICY: &str = "\
apiVersion: security.sallyport.dev/v1alpha1
kind: MeshTrustPolicy
metadata: {name: shop}
spec:
  mode: enforce
  trustDomains: [d.example]
  minimumAssurance: hybrid
  segments:
    - {name: web, namespaces: [web]}
    - {name: orders, namespaces: [orders]}
    - {name: old, namespaces: [legacy]}
  flows:
    - name: ask
      from: [web]
      to: orders
      minimumAssurance: classical
      operations: [{methods: [GET], paths: ['/{**}']}]
    - {name: ask-old, from: [web], to: old, minimumAssurance: classical, operations: [{methods: [GET], paths: ['/{**}']}]}
";

#[test]
fn flows_whose_callers_can_never_bring_it() {
    let loaded = policy_file::from_text(POLICY, Path::new(".")).unwrap_or_else(|f| panic!("{f:?}"));
    let found = |mesh: &str| -> Vec<(&'static str, String, Option<u64>)> {
        let settings = from_text(mesh, "mesh.yaml").unwrap();
        contradictions(&settings, Some(&loaded), &Manifests::default())
            .into_iter()
            .map(|finding| (finding.code.as_str(), finding.path, finding.line))
            .collect()
    };
    assert_eq!(
        found(ON),
        [
            ("SP420", "spec.flows[0].from[0]".to_owned(), Some(14)),
            (
                "SP421",
                "spec.flows[0].minimumAssurance".to_owned(),
                Some(16)
            ),
        ]
    );
    assert_eq!(found("postQuantumAuth: false"), []);
}

#[test]
fn a_policy_that_asks_for_something_else_is_the_first_thing_to_say() {
    let text = POLICY.replace(
        "  minimumAssurance: hybrid\n",
        "  minimumAssurance: hybrid\n  postQuantumAuth: {mode: shadow}\n",
    );
    let loaded = policy_file::from_text(&text, Path::new(".")).unwrap_or_else(|f| panic!("{f:?}"));
    let settings = from_text(ON, "mesh.yaml").unwrap();
    let findings = contradictions(&settings, Some(&loaded), &Manifests::default());
    let [finding] = findings.as_slice() else {
        panic!("{findings:#?}")
    };
    assert_eq!((finding.code.as_str(), finding.line), ("SP404", Some(8)));
}
