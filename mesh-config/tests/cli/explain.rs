//! `explain`.

use std::fs;

use crate::support::*;

#[test]
fn explain_exits_with_0_and_2() {
    let folder = folder();
    let allowed = explain(folder.path(), &["--from", WEB, "--path", "/v1/orders/7"]);
    assert_eq!(code(&allowed), 0);
    let text = stdout(&allowed);
    assert!(text.starts_with("ALLOWED\n"), "{text}");
    let trust = "trust     99 (TRUSTED), log-odds -4.8 = prior -4.6, tls_version -0.2\n";
    assert!(text.contains(trust), "{text}");

    let more = [
        "--from",
        WEB,
        "--method",
        "DELETE",
        "--path",
        "/v1/orders/7",
    ];
    let denied = explain(folder.path(), &more);
    assert_eq!(code(&denied), 2);
    let text = stdout(&denied);
    assert!(
        text.starts_with("DENIED: operation_not_allowed (HTTP 403)\n"),
        "{text}"
    );
    assert!(text.contains(
        "If the call is wanted, add its method, path and port to an operation of the flow"
    ));
}

#[test]
fn explain_writes_the_record_as_json() {
    let folder = folder();
    let more = [
        "--from",
        WEB,
        "--path",
        "/v1/x",
        "--at",
        "2026-11-21T08:00:00Z",
        "--output",
        "json",
    ];
    let output = explain(folder.path(), &more);
    assert_eq!(code(&output), 2);
    let answer = json(&output);
    assert_eq!(answer["outcome"], "denied");
    assert_eq!(answer["status"], 403);
    assert_eq!(answer["record"]["reason"], "operation_not_allowed");
    assert_eq!(answer["record"]["time_ms"], 1_795_248_000_000_u64);
    assert!(answer["remedy"].is_string());
    assert!(answer["record"].get("basis").is_none());
    let more = ["--from", WEB, "--path", "/v1/orders/7", "--output", "json"];
    assert_eq!(
        json(&explain(folder.path(), &more))["record"]["basis"],
        "flow"
    );
}

#[test]
fn explain_reads_the_same_request_from_json() {
    let folder = folder();
    let request = serde_json::json!({
        "from": WEB, "to": ORDERS, "path": "/v1/orders/7", "port": 8080, "at": "1800000000000",
    });
    fs::write(folder.path().join("request.json"), request.to_string()).unwrap();
    let arguments = [
        "explain",
        "--policy",
        "policy.yaml",
        "--request",
        "request.json",
    ];
    let by_file = sallyport(&arguments, folder.path());
    let more = [
        "--from",
        WEB,
        "--path",
        "/v1/orders/7",
        "--at",
        "1800000000000",
    ];
    let by_flags = explain(folder.path(), &more);
    assert_eq!(stdout(&by_file), stdout(&by_flags));
}

#[test]
fn explain_says_what_is_wrong_with_a_request() {
    let folder = folder();
    let cases = [
        ("{}", 3, "`to` is missing"),
        (
            "{\"to\": \"orders\", \"path\": \"/\", \"port\": 1}",
            3,
            "`to`: `orders` is no SPIFFE ID",
        ),
        ("{\"form\": \"x\"}", 1, "unknown field `form`"),
        ("{\"port\": 1, \"port\": 2}", 1, "duplicate field `port`"),
        (
            "{\"plaintext\": true, \"tls\": \"1.3\"}",
            3,
            "contradict each other",
        ),
        ("{\"token\": \"t\"}", 3, "`token` needs `certificate`"),
    ];
    for (request, exit, message) in cases {
        fs::write(folder.path().join("request.json"), request).unwrap();
        let arguments = [
            "explain",
            "--policy",
            "policy.yaml",
            "--request",
            "request.json",
        ];
        let output = sallyport(&arguments, folder.path());
        assert_eq!(code(&output), exit, "{request}");
        assert!(
            stderr(&output).contains(message),
            "{request}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn explain_refuses_an_invalid_policy_and_names_its_errors() {
    let folder = folder();
    let arguments = [
        "explain",
        "--policy",
        "broken.yaml",
        "--plaintext",
        "--path",
        "/",
        "--port",
        "1",
    ];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("error[SP104]: spec.flows[0].to (line 17)"),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).starts_with("error: `broken.yaml` is no valid policy\n"));
}

#[test]
fn text_quotes_no_control_characters() {
    let folder = folder();
    let evil = POLICY.replace("to: orders", r#"to: "\e[2Jorders""#);
    fs::write(folder.path().join("evil.yaml"), evil).unwrap();
    let output = sallyport(&["check", "evil.yaml"], folder.path());
    assert_eq!(code(&output), 1);
    let text = stdout(&output);
    assert!(
        text.contains("[2Jorders") && !text.contains('\u{1b}'),
        "{text:?}"
    );
}

#[test]
fn explain_assumes_each_level_of_assurance() {
    let folder = folder();
    let strict = POLICY.replace(
        "minimumAssurance: classical",
        "minimumAssurance: hybridProven",
    );
    fs::write(folder.path().join("policy.yaml"), strict).unwrap();
    for (assurance, exit) in [
        ("classical", 2),
        ("hybrid", 2),
        ("hybridProven", 0),
        ("hybrid-proven", 0),
    ] {
        let more = ["--from", WEB, "--path", "/v1/orders/7"];
        let more = [&more[..], &["--assurance", assurance]].concat();
        assert_eq!(code(&explain(folder.path(), &more)), exit, "{assurance}");
    }
}

/// The line that a sidecar would log about this request.
fn logged(folder: &std::path::Path, path: &str) -> String {
    let output = explain(folder, &["--from", WEB, "--path", path, "--output", "json"]);
    format!(
        "2026-11-21T08:00:00Z warning envoy wasm wasm log orders.sallyport: {}\n",
        json(&output)["record"]
    )
}

#[test]
fn explain_says_what_a_record_of_a_log_means() {
    let folder = folder();
    let log = folder.path().join("proxy.log");
    let lines = [
        "[info] something else\n".to_owned(),
        logged(folder.path(), "/v1/x"),
        logged(folder.path(), "/v1/orders/7"),
    ];
    fs::write(&log, lines.concat()).unwrap();
    let log = log.to_str().unwrap();
    let output = sallyport(&["explain", "--record", log], folder.path());
    assert_eq!(code(&output), 0);
    let asked = explain(folder.path(), &["--from", WEB, "--path", "/v1/x"]);
    let text = stdout(&output);
    let (first, second) = text.split_once("\n\n").unwrap();
    assert_eq!(
        first,
        stdout(&asked).trim_end(),
        "the same words as for a question"
    );
    assert!(second.starts_with("ALLOWED\n"), "{second}");
}

#[test]
fn explain_finds_the_record_of_a_decision() {
    let folder = folder();
    let log = folder.path().join("proxy.log");
    let record = |id: &str, reason: &str| {
        format!(
            "{{\"decision_id\":\"{id}\",\"verdict\":\"deny\",\"reason\":\"{reason}\",\"terms\":[{{\"name\":\"denial\",\"mnat\":6000,\"distinct_targets\":3,\"span_seconds\":20}}],\"trust\":23,\"state\":\"TRUSTED\",\"lambda_mnat\":1200,\"node_id\":\"sidecar~orders-0\"}}\n"
        )
    };
    let lines = record("00aa-1", "flow_not_allowed") + &record("00aa-2", "of_a_newer_module");
    fs::write(&log, lines).unwrap();
    let ask = |id: &str, more: &[&str]| {
        let flags = [
            "explain",
            "--record",
            log.to_str().unwrap(),
            "--decision",
            id,
        ];
        sallyport(&[&flags, more].concat(), folder.path())
    };
    let text = stdout(&ask("00aa-1", &[]));
    assert!(
        text.starts_with("DENIED: flow_not_allowed (HTTP 403)\n"),
        "{text}"
    );
    assert!(
        text.contains("denial +6.0 (3 distinct targets in 20 s)"),
        "{text}"
    );
    assert!(text.contains("proxy     sidecar~orders-0"), "{text}");
    let unknown = stdout(&ask("00aa-2", &[]));
    assert!(
        unknown.starts_with("DENIED: of_a_newer_module\n"),
        "{unknown}"
    );
    let answer = json(&ask("00aa-2", &["--output", "json"]));
    assert_eq!(answer["record"]["reason"], "of_a_newer_module");
    assert_eq!(answer["meaning"], serde_json::Value::Null);

    let missing = ask("00aa-3", &[]);
    assert_eq!(code(&missing), 1);
    assert!(stderr(&missing).contains("no such decision record"));
}

#[test]
fn a_record_fits_its_schema() {
    let folder = folder();
    let schema = json(&sallyport(&["schema", "decision-record"], folder.path()));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for path in ["/v1/x", "/v1/orders/7"] {
        let output = explain(
            folder.path(),
            &["--from", WEB, "--path", path, "--output", "json"],
        );
        let mut record = json(&output)["record"].clone();
        // Absent and `null` are the same in a record; the schema knows absent only.
        record
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        for term in record["terms"].as_array_mut().unwrap() {
            term.as_object_mut()
                .unwrap()
                .retain(|_, value| !value.is_null());
        }
        let errors: Vec<String> = validator
            .iter_errors(&record)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn explain_answers_as_sidecars_with_the_setting_of_the_mesh_do() {
    let folder = folder();
    let mesh = folder.path().join("mesh.yaml");
    let ask = [
        "--from",
        WEB,
        "--path",
        "/v1/orders/7",
        "--mesh",
        mesh.to_str().unwrap(),
    ];
    fs::write(&mesh, "postQuantumAuth: true\n").unwrap();
    let denied = explain(folder.path(), &ask);
    assert_eq!(code(&denied), 2);
    assert!(stdout(&denied).starts_with("DENIED: assurance_too_low"));
    assert!(stdout(&denied).contains("postQuantumAuth of the mesh, mode enforce"));
    fs::write(&mesh, "postQuantumAuth: {mode: shadow}\n").unwrap();
    let reported = explain(folder.path(), &ask);
    assert_eq!(code(&reported), 0);
    assert!(stdout(&reported).starts_with("WOULD BE DENIED: assurance_too_low"));
}

#[test]
fn a_caller_of_an_unknown_trust_domain_is_named() {
    let folder = folder();
    let from = "spiffe://other.example/ns/web/sa/web";
    let output = explain(folder.path(), &["--from", from, "--path", "/v1/orders/7"]);
    assert_eq!(code(&output), 2);
    let text = stdout(&output);
    for part in [
        "DENIED: trust_domain_unknown",
        &format!("caller    {from}\n"),
        "assurance classical",
        "Add `other.example` to `spec.trustDomains`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_path_without_its_slash_is_said_to_lack_it() {
    let folder = folder();
    let output = explain(folder.path(), &["--from", WEB, "--path", "v1/orders/7"]);
    let text = stdout(&output);
    assert!(text.contains("DENIED: path_ambiguous"), "{text}");
    assert!(text.contains("Send a path that begins with `/`."), "{text}");
}
