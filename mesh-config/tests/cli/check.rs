//! `check` and `schema`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::*;

#[test]
fn check_accepts_a_valid_policy() {
    let folder = folder();
    let output = sallyport(&["check", "policy.yaml"], folder.path());
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    let (warning, text) = text.split_at(text.find("policy shop").unwrap());
    assert!(
        warning.starts_with("warning[SP217]: spec.trustDomains[0] (line 7)"),
        "{warning}"
    );
    let start = "policy shop: ok, enforce, 2 segments, 1 flow, 0 authorities, sha256 ";
    let hashes = text.strip_prefix(start).unwrap();
    let (sha256, policy_hash) = hashes.trim().split_once(", policy_hash ").unwrap();
    let (first_6_bytes, _) = sha256.split_at(12);
    let number = u64::from_str_radix(first_6_bytes, 16).unwrap();
    assert_eq!(policy_hash, number.to_string());
    // A pipe is no terminal, so there are no colours.
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn check_names_each_error_and_exits_with_1() {
    let folder = folder();
    let output = sallyport(&["check", "broken.yaml"], folder.path());
    assert_eq!(code(&output), 1);
    let expected = "\
error[SP107]: spec.flows[0].operations[0].methods[0] (line 19): `get` is not in upper case: methods are compared exactly, and no client sends this one
error[SP104]: spec.flows[0].to (line 17): there is no segment `order`: did you mean `orders`?
broken.yaml: invalid, 2 errors
";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn check_writes_one_json_object_a_file() {
    let folder = folder();
    let arguments = ["--output", "json", "check", "policy.yaml", "broken.yaml"];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 1);
    let text = stdout(&output);
    let reports: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [valid, broken] = reports.as_slice() else {
        panic!("{text}")
    };
    assert_eq!(
        (&valid["ok"], &valid["policy"]),
        (&true.into(), &"shop".into())
    );
    assert_eq!(valid["sha256"].as_str().unwrap().len(), 64);
    assert!(valid["policy_hash"].is_u64());
    assert_eq!(
        (&broken["ok"], &broken["policy"]),
        (&false.into(), &Value::Null)
    );
    let error = &broken["errors"][1];
    assert_eq!(error["path"], "spec.flows[0].to");
    assert_eq!(error["line"], 17);
    assert_eq!(
        (&error["code"], &error["severity"]),
        (&"SP104".into(), &"error".into())
    );
}

#[test]
fn check_exits_with_3_when_a_file_cannot_be_read() {
    let folder = folder();
    let output = sallyport(
        &["check", "absent.yaml", "broken.yaml", "policy.yaml"],
        folder.path(),
    );
    assert_eq!(code(&output), 3);
    let text = stdout(&output);
    assert!(text.contains("cannot read `absent.yaml`"), "{text}");
    assert!(text.contains("\nabsent.yaml: cannot be read\n"), "{text}");
    assert!(
        text.contains("policy shop: ok"),
        "the others are checked all the same"
    );
}

#[test]
fn warnings_do_not_fail_a_check() {
    let folder = folder();
    let shadow = POLICY.replace("mode: enforce", "mode: shadow");
    fs::write(folder.path().join("shadow.yaml"), shadow).unwrap();
    let output = sallyport(&["check", "shadow.yaml"], folder.path());
    assert_eq!(code(&output), 0);
    assert!(
        stdout(&output).starts_with("warning[SP017]: spec.mode (line 6): the policy is in shadow")
    );
}

#[test]
fn schema_is_a_json_schema_that_fits_the_policy() {
    let folder = folder();
    let schema = json(&sallyport(&["schema"], folder.path()));
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/istio");
    let folders = fs::read_dir(examples).unwrap();
    let policies = folders.map(|entry| entry.unwrap().path().join("policy.yaml"));
    let texts = policies.map(|path| fs::read_to_string(path).unwrap());
    for text in texts.chain([POLICY.to_owned()]) {
        let policy: Value = serde_saphyr::from_str(&text).unwrap();
        assert!(jsonschema::is_valid(&schema, &policy), "{text}");
    }
    assert!(!jsonschema::is_valid(
        &schema,
        &serde_json::json!({"kind": "Policy"})
    ));
}

#[test]
fn deny_warnings_fails_for_them() {
    let folder = folder();
    let shadow = POLICY.replace("mode: enforce", "mode: shadow");
    fs::write(folder.path().join("shadow.yaml"), shadow).unwrap();
    let output = sallyport(&["check", "--deny-warnings", "shadow.yaml"], folder.path());
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("policy shop: not ok, 2 warnings, shadow"));
    let output = sallyport(&["check", "--deny-warnings", "policy.yaml"], folder.path());
    assert_eq!(code(&output), 1, "its CA is not pinned");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/istio/quickstart");
    let output = sallyport(&["check", "--deny-warnings", "policy.yaml"], &example);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
}

#[test]
fn a_file_of_another_kind_is_said_to_be_one() {
    let folder = folder();
    for (text, said) in [
        ("policy: policy.yaml\ntests: []\n", "is a test file"),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n",
            "an object of Kubernetes",
        ),
    ] {
        fs::write(folder.path().join("other.yaml"), text).unwrap();
        let output = sallyport(&["check", "--output", "json", "other.yaml"], folder.path());
        assert_eq!(code(&output), 1);
        let errors = json(&output)["errors"].clone();
        assert_eq!(errors.as_array().unwrap().len(), 1, "{errors}");
        assert_eq!(errors[0]["code"], "SP018");
        assert!(
            errors[0]["message"].as_str().unwrap().contains(said),
            "{errors}"
        );
    }
}

#[test]
fn check_reads_standard_input() {
    let folder = folder();
    let output = sallyport_with(&["check", "-"], folder.path(), POLICY);
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("\npolicy shop: ok"));
}

#[test]
fn check_finds_what_is_over_at_a_given_time() {
    let folder = world();
    let check = |at: &str| {
        let arguments = ["--output", "json", "check", "--at", at, "policy.yaml"];
        let output = sallyport(&arguments, folder.path());
        (code(&output), json(&output))
    };
    let (exit, report) = check("2100-01-01T00:00:00Z");
    assert_eq!((exit, &report["ok"]), (1, &false.into()));
    assert_eq!(report["errors"][0]["code"], "SP212");
    assert_eq!(
        report["errors"][0]["path"],
        "spec.authorities.certificates[0].caCertificate"
    );
    assert!(
        report["policy_hash"].is_u64(),
        "the policy is valid all the same"
    );
    assert!(
        report["notes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|note| note["code"] == "SP214"),
        "{report}"
    );
}

#[test]
fn color_is_chosen() {
    let folder = folder();
    let colored = |when: &str| {
        let output = sallyport(&["--color", when, "check", "policy.yaml"], folder.path());
        stdout(&output).contains('\u{1b}')
    };
    assert!(colored("always"));
    assert!(!colored("auto") && !colored("never"));
}

/// The shape that SARIF 2.1.0 requires of what is written here.
const SARIF: &str = include_str!("../data/sarif-shape.json");

#[test]
fn check_writes_sarif_for_code_hosts() {
    let folder = folder();
    let arguments = [
        "--output",
        "sarif",
        "check",
        "policy.yaml",
        "broken.yaml",
        "absent.yaml",
    ];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 3);
    let log = json(&output);
    let schema: Value = serde_json::from_str(SARIF).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&log)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(
        results.len(),
        4,
        "a warning, two errors, and a file that is not there"
    );
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(
            run["tool"]["driver"]["rules"][index]["id"],
            result["ruleId"]
        );
    }
    let place = &results[2]["locations"][0];
    assert_eq!(
        place["physicalLocation"]["artifactLocation"]["uri"],
        "broken.yaml"
    );
    assert_eq!(place["physicalLocation"]["region"]["startLine"], 17);
    assert_eq!(
        place["logicalLocations"][0]["fullyQualifiedName"],
        "spec.flows[0].to"
    );
}

#[test]
fn other_commands_write_no_sarif() {
    let folder = folder();
    let output = sallyport(&["schema", "--output", "sarif"], folder.path());
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("only `check` writes SARIF"));
}

const MANIFESTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, namespace: orders}
spec:
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 9090}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: orders}
spec: {selector: {app: orders}, ports: [{name: http, port: 80, targetPort: 9090}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stray, namespace: tools}
spec: {containers: [{name: c, image: i}]}
";

#[test]
fn check_compares_the_policy_with_the_workloads() {
    let folder = folder();
    fs::write(folder.path().join("all.yaml"), MANIFESTS).unwrap();
    let check = |manifests: &str| {
        fs::write(folder.path().join("all.yaml"), manifests).unwrap();
        let arguments = [
            "--output",
            "json",
            "check",
            "--manifests",
            "all.yaml",
            "policy.yaml",
        ];
        json(&sallyport(&arguments, folder.path()))
    };
    let report = check(MANIFESTS);
    let found = |report: &Value, key: &str| -> Vec<(String, Value, Value)> {
        let findings = report[key].as_array().unwrap().iter();
        let text = |finding: &Value| finding["code"].as_str().unwrap().to_owned();
        findings
            .map(|finding| {
                (
                    text(finding),
                    finding["line"].clone(),
                    finding["file"].clone(),
                )
            })
            .collect()
    };
    assert_eq!(
        found(&report, "warnings"),
        [
            ("SP217".to_owned(), 7.into(), Value::Null),
            ("SP114".to_owned(), 10.into(), Value::Null),
            ("SP115".to_owned(), 21.into(), Value::Null),
        ]
    );
    assert_eq!(
        found(&report, "notes"),
        [("SP116".to_owned(), 15.into(), "all.yaml".into())]
    );
    let report = check(&MANIFESTS.replace("9090", "8080").replace("tools", "web"));
    assert_eq!(
        found(&report, "warnings").len(),
        1,
        "that of the policy alone"
    );
    assert_eq!(found(&report, "notes"), []);
}

#[test]
fn check_refuses_manifests_that_cannot_be_read() {
    let folder = folder();
    fs::write(folder.path().join("all.yaml"), "kind: [").unwrap();
    let arguments = [
        "check",
        "--manifests",
        "all.yaml",
        "--output",
        "json",
        "policy.yaml",
    ];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 1);
    assert_eq!(error(&output)["code"], "files_invalid");
}

#[test]
fn check_names_what_contradicts_the_mesh() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("mesh.yaml", "postQuantumAuth: true\n");
    write(
        "auth.yaml",
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\n\
         metadata: {name: default, namespace: orders}\nspec: {mtls: {mode: PERMISSIVE}}\n",
    );
    let check = |more: &[&str]| {
        let fixed = [
            "--output",
            "json",
            "check",
            "policy.yaml",
            "--manifests",
            "auth.yaml",
        ];
        json(&sallyport(&[&fixed[..], more].concat(), folder.path()))
    };
    let has_mesh_findings = |report: &Value| {
        let all =
            ["errors", "warnings", "notes"].map(|key| report[key].as_array().unwrap().clone());
        let mut all = all.iter().flatten();
        all.any(|finding| {
            finding["code"].as_str().unwrap().starts_with("SP4") && finding["file"] == "auth.yaml"
        })
    };
    assert!(has_mesh_findings(&check(&["--mesh", "mesh.yaml"])));
    assert!(!has_mesh_findings(&check(&[])));
}
