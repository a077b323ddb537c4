//! `report`.

use std::fs;

use serde_json::json;

use crate::support::*;

fn log() -> String {
    let record = |reason: &str, path: &str| {
        json!({
            "decision_id": "a-1", "time_ms": 1_800_000_000_000_u64, "verdict": "allow",
            "would_deny": true, "reason": reason, "flow": "web-to-orders", "source": WEB,
            "destination_segment": "orders", "method": "POST", "path": path,
        })
    };
    format!(
        "[2027-01-15 08:00:00.000][9][info] starting\n\
         [2027-01-15 08:00:00.000][9][warning][wasm] wasm log: {}\n\
         [2027-01-15 08:00:00.000][9][warning][wasm] wasm log: {}\n{}\n",
        record("operation_not_allowed", "/v1/orders/7"),
        record("operation_not_allowed", "/v1/orders/8"),
        "x".repeat(70_000),
    )
}

#[test]
fn says_who_would_be_denied_and_what_is_missing() {
    let folder = folder();
    fs::write(folder.path().join("proxy.log"), log()).unwrap();
    let arguments = ["report", "--policy", "policy.yaml", "proxy.log"];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    let start = format!(
        "2 would be denied: operation_not_allowed from {WEB} to orders, flow web-to-orders\n  \
         asked   POST /v1/orders/{{id}}\n  when    2027-01-15T08:00:00Z to 2027-01-15T08:00:00Z\n"
    );
    assert!(text.starts_with(&start), "{text}");
    assert!(
        text.contains("\n  | # operations of flow `web-to-orders`, line 18: add\n"),
        "{text}"
    );
    assert!(
        text.ends_with(
            "2 decision records: 0 denied, 2 would be denied, 0 neither; 2 lines were no records\n"
        ),
        "{text}"
    );
}

#[test]
fn writes_json_and_a_page() {
    let folder = folder();
    let arguments = ["report", "--output", "json", "--html", "page.html", "-"];
    let output = sallyport_with(&arguments, folder.path(), &log());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(
        (&report["would_deny"], &report["other_lines"]),
        (&2.into(), &2.into())
    );
    assert_eq!(report["groups"][0]["source"], WEB);
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("operation_not_allowed"));
}

#[test]
fn a_file_that_cannot_be_read_is_said() {
    let folder = folder();
    let output = sallyport(&["report", "absent.log"], folder.path());
    assert_eq!(code(&output), 3);
}
