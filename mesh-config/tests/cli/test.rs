//! `test`, and the schema of its files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::*;

const TESTS: &str = include_str!("../data/policy-tests.yaml");

/// A folder with a policy of two operations, and its tests with a change.
fn suite(old: &str, new: &str) -> TempDir {
    let folder = folder();
    assert!(TESTS.contains(old), "{old}");
    let more =
        "        - methods: [POST]\n          paths: [/v1/orders]\n          ports: [8080]\n";
    fs::write(folder.path().join("policy.yaml"), format!("{POLICY}{more}")).unwrap();
    fs::write(
        folder.path().join("tests.yaml"),
        TESTS.replacen(old, new, 1),
    )
    .unwrap();
    folder
}

#[test]
fn says_ok_for_each_request_and_what_is_not_met() {
    let folder = suite("", "");
    let output = sallyport(&["test", "tests.yaml"], folder.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let expected = "\
test the web may read orders ... ok
test nobody may change them [d.example/ns/web/sa/web PUT] ... ok
test nobody may change them [d.example/ns/web/sa/web DELETE] ... ok
test nobody may change them [d.example/ns/orders/sa/orders PUT] ... ok
test nobody may change them [d.example/ns/orders/sa/orders DELETE] ... ok
test nobody without an identity ... ok
policy shop: 100 % of flows (1 of 1) and 50 % of operations (1 of 2) are met by a request
  not met: spec.flows[0].operations[1] (line 22), flow web-to-orders
result: ok. 6 passed, 0 failed
";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn a_failure_says_what_was_expected_what_came_and_why() {
    let folder = suite(
        "{verdict: allow, flow: web-to-orders}",
        "{verdict: deny, reason: flow_not_allowed}",
    );
    let output = sallyport(&["test", "tests.yaml"], folder.path());
    assert_eq!(code(&output), 1);
    let text = stdout(&output);
    assert!(
        text.starts_with("test the web may read orders ... FAILED\n  tests.yaml:7\n"),
        "{text}"
    );
    assert!(
        text.contains(
            "  expected deny (flow_not_allowed), and came allow, flow web-to-orders\n  | ALLOWED\n"
        ),
        "{text}"
    );
    assert!(
        text.ends_with("result: FAILED. 5 passed, 1 failed\n"),
        "{text}"
    );
}

#[test]
fn each_part_of_the_expectation_counts() {
    for (old, new) in [
        ("flow: web-to-orders", "flow: orders-to-web"),
        ("reason: peer_plaintext", "reason: peer_isolated"),
        ("verdict: allow", "verdict: wouldDeny"),
    ] {
        let folder = suite(old, new);
        let output = sallyport(&["test", "tests.yaml"], folder.path());
        assert_eq!(code(&output), 1, "{new}");
    }
}

#[test]
fn asks_with_what_meshconfig_adds() {
    let folder = suite("", "");
    fs::write(folder.path().join("mesh.yaml"), "postQuantumAuth: true\n").unwrap();
    let arguments = ["test", "tests.yaml", "--mesh", "mesh.yaml"];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("the web may read orders ... FAILED"),
        "{text}"
    );
    assert!(text.contains("assurance_too_low"), "{text}");
}

#[test]
fn too_little_coverage_fails() {
    let folder = suite("", "");
    let run = |least: &str| {
        sallyport(
            &["test", "--min-coverage", least, "tests.yaml"],
            folder.path(),
        )
    };
    assert_eq!(code(&run("50")), 0);
    let output = run("51");
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("too little: 51 % of operations are wanted"));
    // A build server that shows the XML only shows a failure.
    let xml = |least: &str| {
        let arguments = [
            "test",
            "tests.yaml",
            "--junit",
            "out.xml",
            "--min-coverage",
            least,
        ];
        sallyport(&arguments, folder.path());
        fs::read_to_string(folder.path().join("out.xml")).unwrap()
    };
    let failed = xml("51");
    assert!(failed.contains(r#"failures="1""#), "{failed}");
    assert!(
        failed.contains("50 % of operations, where 51 % are wanted"),
        "{failed}"
    );
    assert!(failed.contains("not met: spec.flows["), "{failed}");
    assert!(xml("50").contains(r#"failures="0""#));
}

#[test]
fn writes_json_and_junit() {
    let folder = suite("verdict: allow, flow: web-to-orders", "verdict: deny");
    let arguments = [
        "test",
        "--output",
        "json",
        "--junit",
        "out.xml",
        "tests.yaml",
    ];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 1);
    let report = json(&output);
    assert_eq!(
        (&report["passed"], &report["failed"]),
        (&5.into(), &1.into())
    );
    let failure = &report["files"][0]["tests"][0]["failure"];
    assert_eq!(failure["expected"]["verdict"], "deny");
    assert_eq!(failure["came"]["flow"], "web-to-orders");
    assert_eq!(
        report["policies"][0]["coverage"]["operations"]["percent"],
        50
    );
    let xml = fs::read_to_string(folder.path().join("out.xml")).unwrap();
    assert!(
        xml.contains(r#"tests="6""#) && xml.contains(r#"failures="1""#),
        "{xml}"
    );
    assert!(xml.contains("expected deny, and came allow"), "{xml}");
}

#[test]
fn another_policy_can_be_asked() {
    let folder = suite("", "");
    let shadow = POLICY.replace("mode: enforce", "mode: shadow");
    fs::write(folder.path().join("shadow.yaml"), shadow).unwrap();
    let output = sallyport(
        &["test", "--policy", "shadow.yaml", "tests.yaml"],
        folder.path(),
    );
    assert_eq!(code(&output), 1, "what is only reported is not denied");
}

#[test]
fn refuses_files_that_test_nothing_or_something_else() {
    let broken = [
        (
            "reason: peer_plaintext",
            "reason: peer_plain",
            "`peer_plain` is no reason",
        ),
        ("plaintext: true", "plain: true", "plain"),
        ("verdict: allow", "verdict: allowed", "allowed"),
        ("policy: policy.yaml\n", "", "--policy"),
        (
            "request: {from: spiffe://d.example/ns/web/sa/web",
            "request: {from: web",
            "SPIFFE",
        ),
        (
            "path: /v1/orders/7}\n    expect: {verdict: allow",
            "}\n    expect: {verdict: allow",
            "`path` is missing",
        ),
    ];
    for (old, new, said) in broken {
        let folder = suite(old, new);
        let output = sallyport(&["test", "--output", "json", "tests.yaml"], folder.path());
        assert_eq!(code(&output), 1, "{new}");
        let error = error(&output);
        assert_eq!(error["code"], "tests_invalid", "{error}");
        assert!(
            !error["message"]
                .as_str()
                .unwrap()
                .contains("is no test file"),
            "{error}"
        );
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
    }
    let folder = suite("", "");
    fs::write(
        folder.path().join("tests.yaml"),
        "policy: policy.yaml\ntests: []\n",
    )
    .unwrap();
    assert_eq!(code(&sallyport(&["test", "tests.yaml"], folder.path())), 1);
}

/// All test files of the project.
fn examples() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = fs::read_dir(root.join("../examples/istio")).unwrap();
    let mut files: Vec<PathBuf> = folders
        .map(|entry| entry.unwrap().path().join("policy-tests.yaml"))
        .filter(|path| path.exists())
        .collect();
    files.push(root.join("tests/data/policy-tests.yaml"));
    files
}

#[test]
fn each_test_file_passes_and_fits_the_schema() {
    let folder = folder();
    let schema = json(&sallyport(&["schema", "policy-tests"], folder.path()));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for path in examples() {
        let value: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        let output = sallyport(&["test", path.to_str().unwrap()], folder.path());
        assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    }
    for wrong in [
        serde_json::json!({"tests": []}),
        serde_json::json!({"tests": [{"name": "n", "expect": {"verdict": "maybe"}}]}),
        serde_json::json!({"tests": [{"name": "n", "expect": {"verdict": "deny", "reason": "x"}}]}),
        serde_json::json!({"tests": [{"name": "n", "request": {"form": "x"}, "expect": {"verdict": "deny"}}]}),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}
