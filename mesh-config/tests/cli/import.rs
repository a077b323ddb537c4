//! `import`: what is written where, and exit codes. What the policies mean is in `tests/import`.

use std::fs;

use tempfile::TempDir;

use crate::support::*;

const ALLOW: &str = "\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: readers, namespace: orders}
spec:
  rules:
    - from: [{source: {namespaces: [web]}}]
      to: [{operation: {methods: [GET], hosts: [\"*.example\"]}}]
    - from: [{source: {namespaces: [web]}}]
      to: [{operation: {methods: [GET], paths: [/v1/orders]}}]
";

fn policies(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("istio.yaml"), text).unwrap();
    folder
}

#[test]
fn writes_a_policy_that_check_accepts_and_says_what_is_left_out() {
    let folder = policies(ALLOW);
    let arguments = [
        "import",
        "istio.yaml",
        "--trust-domain",
        "d.example",
        "--out",
        "new.yaml",
    ];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    let said = stderr(&output);
    assert!(
        said.contains("SP603")
            && said.contains("istio.yaml: spec.rules[0].to[0].operation.hosts (line 7)"),
        "{said}"
    );
    assert_eq!(code(&sallyport(&["check", "new.yaml"], folder.path())), 0);
    // It is not replaced unasked.
    assert_eq!(code(&sallyport(&arguments, folder.path())), 3);
    assert_eq!(
        code(&sallyport(
            &[&arguments[..], &["--force"]].concat(),
            folder.path()
        )),
        0
    );
}

#[test]
fn gives_policy_and_findings_to_programs() {
    let folder = policies(ALLOW);
    let output = sallyport(&["import", "istio.yaml", "--output", "json"], folder.path());
    assert_eq!(code(&output), 0);
    let report = json(&output);
    assert_eq!(report["policy"]["spec"]["trustDomains"][0], "cluster.local");
    assert_eq!(report["findings"][0]["code"], "SP603");
}

#[test]
fn fails_on_policies_that_istio_refuses_and_on_none_at_all() {
    let refused = policies(&ALLOW.replace("hosts:", "host:"));
    let output = sallyport(&["import", "istio.yaml"], refused.path());
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("SP602"), "{}", stderr(&output));
    let none = policies("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n");
    let output = sallyport(&["import", "istio.yaml"], none.path());
    assert_eq!((code(&output), stdout(&output)), (1, String::new()));
    assert!(stderr(&output).contains("SP601"), "{}", stderr(&output));
    let missing = sallyport(&["import", "nowhere.yaml"], none.path());
    assert_eq!(code(&missing), 3, "{}", stderr(&missing));
}

#[test]
fn reckons_with_nothing_that_the_cluster_may_have_otherwise() {
    // Without a namespace it may be in any.
    let unplaced = policies(&ALLOW.replace(", namespace: orders", ""));
    let output = sallyport(&["import", "istio.yaml"], unplaced.path());
    assert_eq!((code(&output), stdout(&output)), (1, String::new()));
    assert!(stderr(&output).contains("SP044"), "{}", stderr(&output));
    let placed = ["import", "istio.yaml", "--namespace", "orders"];
    let output = sallyport(&placed, unplaced.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // Of two with one name the cluster has one. The same one twice is no matter.
    let narrow = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: readers, namespace: orders}\nspec: {}\n";
    let twice = policies(&format!("{ALLOW}---\n{narrow}"));
    let output = sallyport(&["import", "istio.yaml"], twice.path());
    assert_eq!((code(&output), stdout(&output)), (1, String::new()));
    assert!(stderr(&output).contains("SP602"), "{}", stderr(&output));
    let same = policies(&format!("{ALLOW}---\n{ALLOW}"));
    assert_eq!(code(&sallyport(&["import", "istio.yaml"], same.path())), 0);
}
