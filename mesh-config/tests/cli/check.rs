//! `check` and `schema`.

use std::fs;

use serde_json::Value;

use crate::support::*;

#[test]
fn check_accepts_a_valid_policy() {
    let folder = folder();
    let output = sallyport(&["check", "policy.yaml"], folder.path());
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
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
    let policy: Value = serde_saphyr::from_str(POLICY).unwrap();
    assert!(jsonschema::is_valid(&schema, &policy));
    assert!(!jsonschema::is_valid(
        &schema,
        &serde_json::json!({"kind": "Policy"})
    ));
}
