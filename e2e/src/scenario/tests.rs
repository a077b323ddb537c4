use serde_json::json;

use super::*;

fn merged(mut target: Value, patch: &Value) -> Value {
    merge(&mut target, patch);
    target
}

#[test]
fn merges_objects_and_replaces_lists() {
    let target = json!({"spec": {"mode": "enforce", "flows": [1, 2], "probes": [3]}});
    let patch = json!({"spec": {"mode": "shadow", "flows": [4], "probes": null}});
    assert_eq!(
        merged(target, &patch),
        json!({"spec": {"mode": "shadow", "flows": [4]}})
    );
}

#[test]
fn changes_nothing_without_a_patch() {
    assert_eq!(merged(json!({"a": 1}), &Value::Null), json!({"a": 1}));
}

#[test]
fn refuses_unknown_keys() {
    let text =
        "name: x\ndescription: x\npolicy: {file: x}\nconnections: {}\nsteps: []\nclocks: 1\n";
    assert!(serde_saphyr::from_str::<Scenario>(text).is_err());
}

#[test]
fn finds_names_that_refer_to_nothing() {
    let text = "
name: x
description: x
policy: {file: x}
certificates: {a: {uris: [\"spiffe://d/a\"]}}
connections: {c: {certificate: a}}
steps:
  - {name: s, connection: other, request: {path: /}, expect: {verdict: deny, assurance: plaintext}}
";
    let scenario: Scenario = serde_saphyr::from_str(text).unwrap();
    let problem = scenario.contradiction(Path::new("x.yaml")).unwrap();
    assert_eq!(problem, "step `s`: no connection `other`");
    assert!(
        scenario
            .contradiction(Path::new("y.yaml"))
            .unwrap()
            .contains("file")
    );
}
