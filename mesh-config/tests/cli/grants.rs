//! Grants, in what the commands say of them.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::*;

const GRANTS: &str = "  grants:
    - name: incident-7
      from: [web]
      to: orders
      notBefore: 2027-01-15T08:00:00Z
      notAfter: 2027-01-15T10:05:00Z
      reason: \"incident 7: look at `order`\"
      approvedBy: on-call lead
      operations:
        - methods: [DELETE]
          paths: [\"/v1/orders/{order}\"]
    - name: next-day
      from: [web]
      to: orders
      notBefore: 2027-01-16T08:00:00Z
      notAfter: 2027-01-16T09:00:00Z
      reason: look again
      approvedBy: on-call lead
      operations:
        - methods: [DELETE]
          paths: [\"/v1/orders/{order}\"]
";

/// A folder with a policy that has grants.
fn granting() -> TempDir {
    let folder = folder();
    fs::write(
        folder.path().join("policy.yaml"),
        format!("{POLICY}{GRANTS}"),
    )
    .unwrap();
    folder
}

fn ask(folder: &TempDir, at: &str, more: &[&str]) -> (i32, String) {
    let asked = [
        "--from",
        WEB,
        "--method",
        "DELETE",
        "--path",
        "/v1/orders/7",
        "--at",
        at,
    ];
    let output = explain(folder.path(), &[&asked[..], more].concat());
    (code(&output), stdout(&output))
}

#[test]
fn check_lists_them_with_what_is_left() {
    let folder = granting();
    let check = |at: &str, format: &str| {
        let arguments = ["check", "--at", at, "--output", format, "policy.yaml"];
        let output = sallyport(&arguments, folder.path());
        assert_eq!(code(&output), 0, "{}", stdout(&output));
        stdout(&output)
    };
    let whom = "web -> orders (reason: incident 7: look at `order`; approved by on-call lead)";
    let text = check("2027-01-15T09:00:00Z", "text");
    let expected = format!(
        "grant incident-7: in force for 1 h 5 min more, until 2027-01-15T10:05:00Z: {whom}\n\
         grant next-day: begins in 23 h, at 2027-01-16T08:00:00Z, until 2027-01-16T09:00:00Z: \
         web -> orders (reason: look again; approved by on-call lead)\n\
         policy shop: ok, enforce, 2 segments, 1 flow, 2 grants, 0 authorities, sha256 "
    );
    assert!(text.contains(&format!("\n{expected}")), "{text}");
    let text = check("2027-01-15T10:05:00Z", "text");
    let ended = format!("grant incident-7: ended at 2027-01-15T10:05:00Z: {whom}\n");
    let warning = "warning[SP119]: spec.grants[0].notAfter (line 27): grant `incident-7` has ended";
    assert!(text.contains(&ended) && text.contains(warning), "{text}");

    let report: Value = serde_json::from_str(&check("2027-01-15T10:04:59.5Z", "json")).unwrap();
    let grant = &report["grants"][0];
    assert_eq!(
        (&grant["name"], &grant["state"], &grant["endsInSeconds"]),
        (&"incident-7".into(), &"in_force".into(), &1.into())
    );
    assert_eq!(grant["approvedBy"], "on-call lead");
    assert_eq!(report["grants"][1]["state"], "to_come");
    let arguments = ["check", "--output", "json", "-"];
    let none = json(&sallyport_with(&arguments, folder.path(), POLICY));
    assert!(none.get("grants").is_none());
}

#[test]
fn explain_names_the_grant_and_says_when_it_begins_and_ends() {
    let folder = granting();
    let covers = |rest: &str| format!("\n  covers it {rest}");
    let names = "\n  grant     incident-7, from 2027-01-15T08:00:00Z until 2027-01-15T10:05:00Z: \
                 incident 7: look at `order`; approved by on-call lead\n";

    let (exit, text) = ask(&folder, "2027-01-15T10:04:59.999Z", &[]);
    assert!(
        exit == 0 && text.starts_with("ALLOWED\n") && text.contains(names),
        "{text}"
    );
    assert!(
        text.contains(&covers("incident-7: in force for 1 s more, until ")),
        "{text}"
    );
    assert!(text.contains("\n  flow      none\n"), "{text}");

    let (exit, text) = ask(&folder, "2027-01-15T10:05:00Z", &[]);
    assert!(
        exit == 2 && text.starts_with("DENIED: grant_expired (HTTP 403)\n"),
        "{text}"
    );
    assert!(
        text.contains(names) && text.contains("within the last hour"),
        "{text}"
    );

    let (exit, text) = ask(&folder, "2027-01-15T07:59:59.999Z", &[]);
    assert!(
        exit == 2 && text.starts_with("DENIED: grant_not_yet_valid (HTTP 403)\n"),
        "{text}"
    );

    // Far from its time nothing names it but the policy.
    let (_, text) = ask(&folder, "2027-01-15T20:00:00Z", &[]);
    assert!(
        text.starts_with("DENIED: operation_not_allowed (HTTP 403)\n"),
        "{text}"
    );
    assert!(!text.contains(names), "{text}");
    assert!(
        text.contains(&covers("next-day: begins in 12 h, at ")),
        "{text}"
    );
    assert!(text.contains(&covers("incident-7: ended at ")), "{text}");

    let (_, text) = ask(&folder, "2027-01-15T09:00:00Z", &["--output", "json"]);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["record"]["grant"]["name"], "incident-7");
    assert_eq!(answer["grants"][0]["endsInSeconds"], 3_900);

    // What a flow covers is the flow's, and no grant is named.
    let read = [
        "--from",
        WEB,
        "--path",
        "/v1/orders/7",
        "--at",
        "2027-01-15T09:00:00Z",
    ];
    let text = stdout(&explain(folder.path(), &read));
    assert!(text.contains("\n  flow      web-to-orders\n"), "{text}");
    assert!(!text.contains("incident-7"), "{text}");
}

#[test]
fn a_record_of_a_log_is_explained_with_its_grant() {
    let folder = granting();
    let (_, text) = ask(&folder, "2027-01-15T10:05:00Z", &["--output", "json"]);
    let answer: Value = serde_json::from_str(&text).unwrap();
    let log = format!("wasm log: {}\n", answer["record"]);
    let arguments = ["explain", "--record", "-"];
    let text = stdout(&sallyport_with(&arguments, folder.path(), &log));
    assert!(text.contains("\n  grant     incident-7, from "), "{text}");
    let report = stdout(&sallyport_with(&["report", "-"], folder.path(), &log));
    let line = format!(
        "1 denied: grant_expired from {WEB} to orders, flow web-to-orders, grant incident-7\n"
    );
    assert!(report.starts_with(&line), "{report}");
}

#[test]
fn test_expects_grants_and_counts_their_operations() {
    let folder = granting();
    let run = |grant: &str| {
        let tests = format!(
            "policy: policy.yaml\ndefaults: {{from: \"{WEB}\", to: \"{ORDERS}\", port: 8080}}\ntests:\n  \
             - name: delete\n    request: {{method: DELETE, path: /v1/orders/7, at: \"2027-01-15T09:00:00Z\"}}\n    \
             expect: {{verdict: allow, grant: {grant}}}\n"
        );
        fs::write(folder.path().join("tests.yaml"), tests).unwrap();
        let output = sallyport(&["test", "tests.yaml"], folder.path());
        (code(&output), stdout(&output))
    };
    let (exit, text) = run("incident-7");
    assert_eq!(exit, 0, "{text}");
    let expected = "\
policy shop: 0 % of flows (0 of 1) and 33 % of operations (1 of 3) are met by a request
  not met: spec.flows[0].operations[0] (line 19), flow web-to-orders
  not met: spec.grants[1].operations[0] (line 41), grant next-day
";
    assert!(text.contains(expected), "{text}");
    let (exit, text) = run("next-day");
    assert_eq!(exit, 1);
    let difference = "expected allow, grant next-day, and came allow, grant incident-7";
    assert!(text.contains(difference), "{text}");
}

#[test]
fn diff_fails_on_a_grant_that_is_new() {
    let folder = granting();
    fs::write(folder.path().join("before.yaml"), POLICY).unwrap();
    let arguments = [
        "diff",
        "--fail-on",
        "widening",
        "before.yaml",
        "policy.yaml",
    ];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 1);
    let text = stdout(&output);
    let line = "widening: grant incident-7: added: web -> orders, 2027-01-15T08:00:00Z to 2027-01-15T10:05:00Z\n";
    assert!(text.contains(line), "{text}");
}
