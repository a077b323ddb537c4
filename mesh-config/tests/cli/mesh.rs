//! `mesh explain`.

use std::fs;

use crate::support::*;

const MESH: &str = "\
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  meshConfig:
    postQuantumAuth: {mode: enforce, exemptNamespaces: [old-orders]}
";
const MANIFESTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, namespace: orders}
spec:
  template:
    metadata: {labels: {app: orders}}
    spec: {serviceAccountName: orders, containers: [{name: orders}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: orders}
spec: {mtls: {mode: DISABLE}}
";

#[test]
fn says_what_the_setting_means_and_what_contradicts_it() {
    let folder = folder();
    fs::write(folder.path().join("istio.yaml"), MESH).unwrap();
    fs::write(folder.path().join("k8s.yaml"), MANIFESTS).unwrap();
    let output = sallyport(
        &[
            "mesh",
            "explain",
            "--mesh",
            "istio.yaml",
            "--policy",
            "policy.yaml",
            "--manifests",
            "k8s.yaml",
        ],
        folder.path(),
    );
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let text = stdout(&output);
    for line in [
        "istio.yaml, an IstioOperator: spec.meshConfig.postQuantumAuth (line 5) is on",
        "  mode               enforce",
        "  key exchange       preferred",
        "  exempt namespaces  old-orders",
        "  orders: asks in namespace orders",
        "  web-to-orders to orders in namespace orders: at least hybrid (the flow asks classical, enforce; the mesh asks hybrid, enforce)",
        "    classical    refused by the mesh",
        "    hybrid       allowed",
        "  orders/Deployment orders, service account orders, segment orders: callers below hybrid are refused",
        "error[SP412]: k8s.yaml: spec.mtls.mode (line 12): takes mutual TLS away from namespace `orders`, so no caller can bring a certificate",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn writes_the_same_as_json_and_reads_standard_input() {
    let folder = folder();
    let output = sallyport_with(
        &[
            "--output",
            "json",
            "mesh",
            "explain",
            "--mesh",
            "-",
            "--policy",
            "policy.yaml",
        ],
        folder.path(),
        MESH,
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(report["form"], "istioOperator");
    assert_eq!(report["setting"], "on");
    assert_eq!(report["line"], 5);
    assert_eq!(report["asked"]["minimumAssurance"], "hybrid");
    let caller = &report["flows"][0]["callers"][0];
    assert_eq!(
        (&caller["answer"], &caller["by"][0]),
        (&"refused".into(), &"mesh".into())
    );
    // Nobody in the sample policy is more than classical.
    assert_eq!(report["findings"][0]["code"], "SP420");
}

#[test]
fn a_misspelt_key_is_an_error_with_its_line() {
    let folder = folder();
    fs::write(
        folder.path().join("istio.yaml"),
        MESH.replace("Auth:", "Auht:"),
    )
    .unwrap();
    let output = sallyport(&["mesh", "explain", "--mesh", "istio.yaml"], folder.path());
    assert_eq!(code(&output), 1);
    let text = stderr(&output);
    let expected = "error[SP403]: istio.yaml: spec.meshConfig.postQuantumAuht (line 5): unknown key `postQuantumAuht`, which Istio ignores without a word\n  hint: did you mean `postQuantumAuth`, at `spec.meshConfig.postQuantumAuth`?";
    assert!(text.contains(expected), "{text}");
    assert_eq!(stdout(&output), "");

    let absent = sallyport(&["mesh", "explain", "--mesh", "absent.yaml"], folder.path());
    assert_eq!(code(&absent), 3);
}

#[test]
fn off_means_that_nothing_is_asked() {
    let folder = folder();
    fs::write(folder.path().join("mesh.yaml"), "postQuantumAuth: false\n").unwrap();
    let output = sallyport(&["mesh", "explain", "--mesh", "mesh.yaml"], folder.path());
    assert_eq!(code(&output), 0);
    assert_eq!(
        stdout(&output),
        "mesh.yaml, a plain mesh file: postQuantumAuth (line 1) is off\nnothing is asked of callers beside what their flows ask\n"
    );
}

#[test]
fn explain_shows_who_asks_and_takes_a_tls_group() {
    let folder = folder();
    let policy = POLICY.replace(
        "spec:\n",
        "spec:\n  postQuantumAuth: {keyExchange: required}\n",
    );
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let ask = |more: &[&str]| {
        let fixed = [
            "--from",
            WEB,
            "--path",
            "/v1/orders/7",
            "--assurance",
            "hybrid",
        ];
        explain(folder.path(), &[&fixed[..], more].concat())
    };
    let hidden = ask(&[]);
    assert_eq!(code(&hidden), 2);
    let text = stdout(&hidden);
    assert!(text.contains("key_exchange_not_post_quantum"), "{text}");
    assert!(
        text.contains("postQuantumAuth of the mesh, mode enforce"),
        "{text}"
    );
    assert_eq!(code(&ask(&["--tls-group", "X25519"])), 2);
    assert_eq!(code(&ask(&["--tls-group", "X25519MLKEM768"])), 0);
}

#[test]
fn resources_without_a_namespace_count_where_they_are_applied_to() {
    let folder = folder();
    fs::write(folder.path().join("istio.yaml"), MESH).unwrap();
    let nowhere = MANIFESTS.replace(", namespace: orders", "");
    fs::write(folder.path().join("k8s.yaml"), nowhere).unwrap();
    let settings = ["--mesh", "istio.yaml", "--namespace", "orders"];
    let explain = ["mesh", "explain", "--policy", "policy.yaml"];
    let check = ["check", "policy.yaml"];
    for command in [&explain[..], &check[..]] {
        let manifests = ["--manifests", "k8s.yaml"];
        let output = sallyport(&[command, &settings, &manifests].concat(), folder.path());
        let text = stdout(&output);
        assert_eq!(code(&output), 1, "{text}{}", stderr(&output));
        assert!(
            text.contains("takes mutual TLS away from namespace `orders`"),
            "{text}"
        );
    }
}
