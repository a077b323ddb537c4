//! `diff`.

use std::fs;

use serde_json::Value;

use crate::support::*;

#[test]
fn says_what_differs_and_fails_only_when_told_to() {
    let folder = folder();
    fs::write(
        folder.path().join("wider.yaml"),
        POLICY.replace("[GET]", "[GET, DELETE]"),
    )
    .unwrap();
    let run = |more: &[&str], old: &str, new: &str| {
        sallyport(&[&["diff", old, new], more].concat(), folder.path())
    };
    let output = run(&[], "policy.yaml", "wider.yaml");
    assert_eq!(code(&output), 0);
    let expected = "\
widening: flow web-to-orders: operation added: DELETE /v1/orders/{order} at 8080
widening: DELETE /v1/orders/order at 8080 from spiffe://d.example/ns/web/sa/default to \
spiffe://d.example/ns/orders/sa/default (any assurance): deny \
operation_not_allowed by web-to-orders -> allow by web-to-orders
1 part and 1 answer differ; ";
    let text = stdout(&output);
    assert!(text.starts_with(expected), "{text}");
    for (effect, old, new, exit) in [
        ("widening", "policy.yaml", "wider.yaml", 1),
        ("narrowing", "policy.yaml", "wider.yaml", 0),
        ("widening", "wider.yaml", "policy.yaml", 0),
        ("narrowing", "wider.yaml", "policy.yaml", 1),
        ("any", "wider.yaml", "policy.yaml", 1),
        ("any", "policy.yaml", "policy.yaml", 0),
    ] {
        let output = run(&["--fail-on", effect], old, new);
        assert_eq!(code(&output), exit, "{effect} {old} {new}");
    }
}

#[test]
fn writes_json_and_reads_standard_input() {
    let folder = folder();
    let wider = POLICY.replace("[GET]", "[GET, DELETE]");
    let arguments = ["diff", "--output", "json", "policy.yaml", "-"];
    let output = sallyport_with(&arguments, folder.path(), &wider);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(report["answers"][0]["effect"], "widening");
    assert_eq!(report["answers"][0]["method"], "DELETE");
    assert_eq!(report["parts"][0]["part"], "flow web-to-orders");
    assert_eq!(report["is_cut"], false);
}

#[test]
fn asks_both_with_what_meshconfig_adds() {
    let folder = folder();
    let stricter = POLICY.replace("minimumAssurance: classical", "minimumAssurance: hybrid");
    assert_ne!(stricter, POLICY);
    fs::write(folder.path().join("stricter.yaml"), stricter).unwrap();
    fs::write(folder.path().join("mesh.yaml"), "postQuantumAuth: true\n").unwrap();
    let answers = |more: &[&str]| {
        let fixed = ["diff", "--output", "json", "policy.yaml", "stricter.yaml"];
        let output = sallyport(&[&fixed[..], more].concat(), folder.path());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        json(&output)["answers"].as_array().unwrap().clone()
    };
    let refused = |answer: &Value| answer["effect"] == "narrowing";
    assert!(answers(&[]).iter().any(refused));
    // The mesh asks for hybrid callers already.
    assert!(!answers(&["--mesh", "mesh.yaml"]).iter().any(refused));
}

#[test]
fn an_invalid_policy_is_said() {
    let folder = folder();
    let output = sallyport(&["diff", "policy.yaml", "broken.yaml"], folder.path());
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("error[SP104]"));
}
