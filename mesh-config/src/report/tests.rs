use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::policy_file::from_text;

const POLICY: &str = include_str!("../../tests/data/policy.yaml");
const WEB: &str = "spiffe://d.example/ns/web/sa/web";

fn record(change: Value) -> String {
    let mut record = json!({
        "decision_id": "a-1", "time_ms": 1_800_000_000_000_u64, "policy": "shop", "mode": "shadow",
        "verdict": "allow", "basis": "shadow", "would_deny": true,
        "reason": "operation_not_allowed", "flow": "web-to-orders", "source": WEB,
        "destination_segment": "orders", "method": "POST", "path": "/v1/orders/7",
        "assurance": "classical",
    });
    for (key, value) in change.as_object().unwrap() {
        record[key] = value.clone();
    }
    record.to_string()
}

fn tally(lines: &[String]) -> Tally {
    let mut tally = Tally::default();
    lines.iter().for_each(|line| tally.add(line));
    tally
}

fn policy() -> LoadedPolicy {
    from_text(POLICY, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}"))
}

#[test]
fn counts_by_source_flow_and_reason() {
    let report = tally(&[
        record(json!({})),
        record(json!({"time_ms": 1_800_000_060_000_u64, "path": "/v1/orders/8"})),
        record(json!({"verdict": "deny", "would_deny": false})),
        record(json!({"reason": "flow_not_allowed", "flow": null})),
        record(json!({"would_deny": false, "reason": null})),
        "a line of something else".to_owned(),
        r#"{"suppressed_records":{"operation_not_allowed":5}}"#.to_owned(),
        r#"{"suppressed_records":{"operation_not_allowed":2}}"#.to_owned(),
    ])
    .report(None);
    let counts = &report.counts;
    assert_eq!(
        (
            counts.records,
            counts.denied,
            counts.would_deny,
            counts.allowed,
            counts.other_lines
        ),
        (5, 1, 3, 1, 1)
    );
    assert_eq!(counts.suppressed["operation_not_allowed"], 7);
    let [first, second] = report.groups.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!((first.denied, first.would_deny), (1, 2));
    assert_eq!(first.requests, ["POST /v1/orders/{id}"]);
    assert_eq!(
        (first.first.as_str(), first.last.as_str()),
        ("2027-01-15T08:00:00Z", "2027-01-15T08:01:00Z")
    );
    assert_eq!(second.reason, "flow_not_allowed");
}

#[test]
fn suggests_the_piece_of_policy_that_is_missing() {
    let operation = tally(&[record(json!({}))]).report(Some(&policy()));
    let text = operation.groups[0].suggestion.clone().unwrap();
    assert!(
        text.starts_with("# operations of flow `web-to-orders`, line 18: add\n"),
        "{text}"
    );
    let added = POLICY.to_owned()
        + &text
            .lines()
            .skip(1)
            .map(|line| format!("        {line}\n"))
            .collect::<String>();
    let loaded =
        from_text(&added, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}: {added}"));
    assert_eq!(
        loaded.document.spec.flows[0].operations[1].methods,
        ["POST"]
    );

    let back = record(json!({
        "reason": "flow_not_allowed", "flow": null,
        "source": "spiffe://d.example/ns/orders/sa/orders", "destination_segment": "web",
    }));
    let text = tally(&[back]).report(Some(&policy())).groups[0]
        .suggestion
        .clone()
        .unwrap();
    let added = POLICY.to_owned()
        + &text
            .lines()
            .skip(1)
            .map(|line| format!("    {line}\n"))
            .collect::<String>();
    let loaded =
        from_text(&added, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}: {added}"));
    let flow = &loaded.document.spec.flows[1];
    assert_eq!(
        (flow.name.as_str(), flow.to.as_str()),
        ("orders-to-web", "web")
    );
}

#[test]
fn says_what_else_is_needed() {
    let stranger = record(
        json!({"reason": "flow_not_allowed", "flow": null, "source": "spiffe://d.example/ns/x/sa/y"}),
    );
    let weak = record(json!({"reason": "hybrid_signature_missing"}));
    let report = tally(&[stranger, weak]).report(Some(&policy()));
    let find = |reason: &str| {
        report
            .groups
            .iter()
            .find(|group| group.reason == reason)
            .unwrap()
    };
    assert!(
        find("flow_not_allowed")
            .suggestion
            .as_ref()
            .unwrap()
            .contains("is in no segment")
    );
    let weak = find("hybrid_signature_missing");
    assert!(weak.suggestion.is_none() && weak.remedy.is_some());
}

#[test]
fn memory_is_bounded_and_said_so() {
    let mut tally = Tally::default();
    for number in 0..MAXIMUM_GROUPS + 3 {
        tally.add(&record(
            json!({"source": format!("spiffe://d.example/ns/n/sa/s{number}")}),
        ));
    }
    let report = tally.report(None);
    assert_eq!(
        (report.groups.len(), report.counts.beyond_limit),
        (MAXIMUM_GROUPS, 3)
    );
    let mut many = Tally::default();
    for number in 0..40 {
        many.add(&record(json!({"path": format!("/p{number}x")})));
    }
    let group = &many.report(None).groups[0];
    assert!(group.requests.len() == 16 && group.more_requests);
}

#[test]
fn the_page_quotes_nothing_as_markup() {
    let evil = "<script>alert(1)</script>\"'&";
    let line = record(
        json!({"source": evil, "path": evil, "reason": evil, "flow": evil, "method": evil, "destination_segment": evil, "assurance": evil}),
    );
    let page = html(&tally(&[line]).report(None)).unwrap();
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;"));
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "nothing from elsewhere"
    );
}

#[test]
fn advice_never_means_more_than_what_was_asked() {
    let policy = policy();
    let known = tally(&[record(json!({}))]).report(Some(&policy));
    assert!(known.groups[0].suggestion.is_some());
    let suggestion = |method: &str, path: &str| {
        let line = record(json!({"method": method, "path": path}));
        tally(&[line]).report(Some(&policy)).groups[0]
            .suggestion
            .clone()
    };
    for (method, path) in [
        ("*", "/v1/orders"),
        ("GET", "/{**}"),
        ("GET", "/v1/{any}"),
        ("GET", "/*"),
        ("GET", "/v1//x"),
        ("GET /", "/v1/orders"),
    ] {
        assert_eq!(suggestion(method, path), None, "{method} {path}");
    }
    let numbered = suggestion("GET", "/v1/orders/77");
    assert!(numbered.unwrap().contains("/v1/orders/{id}"));
    let line = record(json!({"source": "x\n- name: evil"}));
    let report = tally(&[line]).report(Some(&policy));
    let said = report.groups[0].suggestion.as_ref().unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
}
