//! `simulate`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::*;

/// A folder with a generated trace, `trace.ndjson`, and the policy that it is about.
fn generated(scenario: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "simulate",
        "--generate",
        scenario,
        "--seed",
        "3",
        "--peers",
        "4",
        "--write-policy",
        "mesh.json",
    ];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    fs::write(folder.path().join("trace.ndjson"), output.stdout).unwrap();
    folder
}

fn replayed(folder: &Path, more: &[&str]) -> Value {
    let fixed = [
        "--output",
        "json",
        "simulate",
        "trace.ndjson",
        "--policy",
        "mesh.json",
    ];
    let output = sallyport(&[&fixed[..], more].concat(), folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    json(&output)
}

/// A line of a trace in the mesh of `policy.yaml`, changed.
fn line(change: impl FnOnce(&mut Value)) -> String {
    let mut line = serde_json::json!({
        "t_ms": 1_800_000_000_000_u64, "peer": WEB, "certificate": "ab".repeat(32),
        "segment": "web", "method": "GET", "path": "/v1/orders/7", "status": 200,
        "request_bytes": 0, "response_bytes": 900, "response_ms": 12
    });
    change(&mut line);
    line.to_string()
}

#[test]
fn simulate_shows_when_a_scanner_is_restricted_and_isolated() {
    let folder = generated("scan");
    let report = replayed(folder.path(), &[]);
    let peers = report["peers"].as_array().unwrap();
    // A batch job may restrict its replica; only the scanner is isolated.
    let is_isolated = |peer: &&Value| peer["changes"].to_string().contains("ISOLATED");
    let isolated: Vec<&Value> = peers.iter().filter(is_isolated).collect();
    let [scanner] = isolated.as_slice() else {
        panic!("{report}")
    };
    let changes = scanner["changes"].as_array().unwrap();
    assert_eq!(changes[0]["to"], "RESTRICTED");
    assert_eq!(changes[1]["to"], "ISOLATED");
    assert!(changes[0]["t_ms"].as_u64() <= changes[1]["t_ms"].as_u64());
    assert!(changes[1]["labelled"].as_u64().unwrap() <= 15, "{scanner}");
    assert!(scanner["reasons"]["peer_isolated"].as_u64().unwrap() > 100);
    let sum: u64 = peers
        .iter()
        .map(|peer| peer["requests"].as_u64().unwrap())
        .sum();
    assert_eq!(report["totals"]["requests"], sum);

    let arguments = ["simulate", "trace.ndjson", "--policy", "mesh.json"];
    let text = stdout(&sallyport(&arguments, folder.path()));
    assert!(text.contains(": RESTRICTED -> ISOLATED"), "{text}");
    assert!(text.contains("all allowed, TRUSTED throughout"), "{text}");
}

#[test]
fn simulate_says_what_another_policy_would_change() {
    let folder = generated("scan");
    let policy = fs::read_to_string(folder.path().join("mesh.json")).unwrap();
    let lenient = policy.replace(
        r#""mode": "enforce","#,
        r#""mode": "enforce", "trust": {"defaults": {"isolated": {"enter": 60000}}},"#,
    );
    assert_ne!(policy, lenient);
    fs::write(folder.path().join("lenient.json"), lenient).unwrap();
    let report = replayed(folder.path(), &["--compare", "lenient.json"]);
    let compared = &report["compared"];
    assert!(
        compared["newly_allowed"]["peer_isolated"].as_u64().unwrap() > 0,
        "{compared}"
    );
    let same = replayed(folder.path(), &["--compare", "mesh.json"]);
    assert_eq!(same["compared"]["newly_allowed"], serde_json::json!({}));
    assert_eq!(same["compared"]["newly_denied"], serde_json::json!({}));
    assert_eq!(same["compared"]["totals"], same["totals"]);

    let arguments = [
        "simulate",
        "trace.ndjson",
        "--policy",
        "mesh.json",
        "--compare",
        "lenient.json",
    ];
    let text = stdout(&sallyport(&arguments, folder.path()));
    assert!(text.contains("RESTRICTED at worst, was ISOLATED"), "{text}");
}

#[test]
fn simulate_gives_the_same_trace_for_the_same_seed() {
    let folder = tempfile::tempdir().unwrap();
    let trace = |seed| {
        let arguments = ["simulate", "--generate", "flood", "--seed", seed];
        sallyport(&arguments, folder.path()).stdout
    };
    assert_eq!(trace("5"), trace("5"));
    assert_ne!(trace("5"), trace("6"));
}

#[test]
fn simulate_names_the_line_that_is_no_request() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 8] = [
        (
            |line| line["status"] = 42.into(),
            "`status`: 42 is no HTTP status",
        ),
        (
            |line| line["certificate"] = "ab".into(),
            "`ab` is no SHA-256",
        ),
        (
            |line| line["peer"] = "web".into(),
            "`peer`: `web` is no SPIFFE ID",
        ),
        (|line| line["to"] = "x".into(), "`to`: `x` is no SPIFFE ID"),
        (|line| line["colour"] = 1.into(), "unknown field `colour`"),
        (|line| line["path"] = "".into(), "`path` is empty"),
        (
            |line| line["t_ms"] = u64::MAX.into(),
            "later than the year 9999",
        ),
        (
            |line| line["certificate_fault"] = "bad".into(),
            "`bad` is no fault",
        ),
    ];
    let folder = folder();
    for (change, expected) in cases {
        let text = format!("{}\n\n{}\n", line(|_| {}), line(change));
        fs::write(folder.path().join("trace.ndjson"), text).unwrap();
        let arguments = [
            "simulate",
            "trace.ndjson",
            "--policy",
            "policy.yaml",
            "--to",
            ORDERS,
        ];
        let output = sallyport(&arguments, folder.path());
        assert_eq!(code(&output), 1);
        let text = stderr(&output);
        assert!(text.contains("line 3") && text.contains(expected), "{text}");
    }
}

#[test]
fn simulate_needs_to_know_who_is_called_and_refuses_endless_lines() {
    let folder = folder();
    let arguments = ["simulate", "trace.ndjson", "--policy", "policy.yaml"];
    fs::write(folder.path().join("trace.ndjson"), line(|_| {})).unwrap();
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("`to` is missing"),
        "{}",
        stderr(&output)
    );
    let long = line(|line| line["path"] = "/".repeat(70_000).into());
    fs::write(folder.path().join("trace.ndjson"), long).unwrap();
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("longer than 64 KiB"));
}

#[test]
fn simulate_reads_standard_input_and_books_answers_of_the_application() {
    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sallyport"))
        .args([
            "--output",
            "json",
            "simulate",
            "-",
            "--policy",
            "policy.yaml",
            "--to",
            ORDERS,
        ])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // What the application refuses counts: enough of it makes trust fall. Its failures do not.
    for (peer, status) in [("web", 403), ("other", 503)] {
        for number in 0..40_u64 {
            let text = line(|line| {
                line["t_ms"] = (1_800_000_000_000_u64 + number * 100).into();
                line["peer"] = format!("spiffe://d.example/ns/web/sa/{peer}").into();
                line["status"] = status.into();
            });
            writeln!(input, "{text}").unwrap();
        }
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    let report = json(&output);
    let lowest = |number: usize| report["peers"][number]["lowest_trust"].as_u64().unwrap();
    assert_eq!(
        report["peers"][0]["peer"],
        "spiffe://d.example/ns/web/sa/other"
    );
    assert!(lowest(1) + 10 < lowest(0), "{report}");
}

#[test]
fn what_the_mesh_asks_counts_in_a_replay() {
    let folder = folder();
    let mesh = "postQuantumAuth: {mode: enforce, minimumAssurance: hybrid}";
    fs::write(folder.path().join("mesh.yaml"), mesh).unwrap();
    let classical = line(|line| line["assurance"] = "classical".into());
    fs::write(folder.path().join("trace.ndjson"), classical).unwrap();
    let replay = [
        "--output",
        "json",
        "simulate",
        "trace.ndjson",
        "--policy",
        "policy.yaml",
        "--to",
        ORDERS,
    ];
    let allowed = |more: &[&str]| {
        let output = sallyport(&[&replay[..], more].concat(), folder.path());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        json(&output)["totals"]["allowed"].clone()
    };
    assert_eq!(
        (allowed(&[]), allowed(&["--mesh", "mesh.yaml"])),
        (1.into(), 0.into())
    );
}
