//! `bundle rollback`: what runs afterwards is what ran before.

use std::fs;
use std::path::Path;

use sallyport_mesh_config::{mesh, policy_file};
use sallyport_simulation::replay::Replay;
use sallyport_simulation::trace::Reader;
use serde_json::{Value, json};

use crate::bundle::{AT, accept, release, world};
use crate::support::*;

/// Of the policy of generated traces.
const CALLER: &str = "spiffe://mesh.example/ns/web/sa/web";
const CALLED: &str = "spiffe://mesh.example/ns/orders/sa/orders";

/// The resources of an unpacked bundle.
fn rendered(folder: &Path, bundle: &str) -> Vec<u8> {
    let zeros = "0".repeat(64);
    let line = format!(
        "render --target wasmplugin --istio-version 1.31 --workloads workloads.yaml \
         --policy {bundle}/policy.json --mesh {bundle}/mesh.json --module oci://host.example/m@sha256:{zeros}"
    );
    ok(folder, &line).stdout
}

/// What is decided about each request of the trace, with the score that it was decided by, in order.
fn decided(folder: &Path, bundle: &str) -> Vec<String> {
    let path = |name: &str| folder.join(bundle).join(name);
    let loaded = policy_file::load(&path("policy.json")).unwrap();
    let loaded = mesh::load(&path("mesh.json"))
        .unwrap()
        .apply(loaded)
        .unwrap();
    let (mut replay, mut reader) = (Replay::new(&loaded.policy, 1000), Reader::new(None, 8080));
    let trace = fs::read_to_string(folder.join("trace.ndjson")).unwrap();
    let lines = trace.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| format!("{:?}", replay.step(&reader.read(line).unwrap())))
        .collect()
}

/// Decision records of some requests, one a line, as a proxy's log has them.
fn recorded(folder: &Path, bundle: &str) -> String {
    let mut records = String::new();
    for (method, path, assurance) in [
        ("GET", "/v1/orders", "hybrid"),
        ("GET", "/v1/orders/7", "classical"),
        ("DELETE", "/v1/orders/7", "hybrid"),
        ("GET", "/nobody/may", "hybrid"),
    ] {
        let line = format!(
            "explain --policy {bundle}/policy.json --mesh {bundle}/mesh.json --from {CALLER} --to {CALLED} \
             --method {method} --path {path} --port 8080 --assurance {assurance} {AT} --output json"
        );
        let output = run(folder, &line);
        let report: Value = json(&output);
        records.push_str(&format!("{}\n", report["record"]));
    }
    records
}

#[test]
fn a_rollback_gives_the_same_resources_and_the_same_decisions() {
    let (folder, pins) = world();
    let folder = folder.path();
    let generate = "simulate --generate scan --seed 3 --peers 4 --write-policy policy.yaml";
    fs::write(folder.join("trace.ndjson"), ok(folder, generate).stdout).unwrap();
    let list = "apiVersion: security.sallyport.dev/v1alpha1\nkind: WorkloadList\nworkloads:\n  \
        - {name: orders, namespace: orders, ports: [{port: 8080, protocol: http}]}\n  \
        - {name: web, namespace: web, ports: [{port: 8080, protocol: http}]}\n";
    fs::write(folder.join("workloads.yaml"), list).unwrap();
    release(folder, &pins, 1);
    accept(folder, &pins, 1, "--out first");
    let good = (
        rendered(folder, "first"),
        decided(folder, "first"),
        recorded(folder, "first"),
    );
    assert!(good.1.len() > 1000, "{} requests", good.1.len());
    // Both answers are among them, so that a change of either would show.
    for verdict in ["is_allowed: true", "is_allowed: false"] {
        assert!(
            good.1.iter().any(|step| step.contains(verdict)),
            "{verdict}"
        );
    }
    fs::write(folder.join("records.ndjson"), &good.2).unwrap();
    let explained = || {
        let output = ok(folder, "explain --record records.ndjson --output json");
        let records = stdout(&output);
        let of =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["record"].to_string() + "\n";
        records.lines().map(of).collect::<String>()
    };
    assert_eq!(explained(), good.2, "they are records as logs have them");

    // A change that refuses too much.
    let policy = fs::read_to_string(folder.join("policy.yaml")).unwrap();
    let broken = policy.replace(
        "\"from\": [\"web\", \"reports\", \"batch\"]",
        "\"from\": [\"batch\"]",
    );
    assert_ne!(broken, policy);
    fs::write(folder.join("policy.yaml"), broken).unwrap();
    release(folder, &pins, 2);
    accept(folder, &pins, 2, "--out second");
    assert_ne!(rendered(folder, "second"), good.0);
    assert_ne!(decided(folder, "second"), good.1);
    assert_ne!(recorded(folder, "second"), good.2);
    let compared = |other: &str| {
        let line =
            "simulate trace.ndjson --policy first/policy.json --mesh first/mesh.json --output json";
        let report = json(&ok(
            folder,
            &format!("{line} --compare {other}/policy.json"),
        ));
        let counts = ["newly_denied", "newly_allowed", "other_reason"];
        json!(counts.map(|count| report["compared"][count].clone()))
    };
    assert_ne!(compared("second"), json!([{}, {}, 0]));

    ok(
        folder,
        &format!(
            "bundle rollback 1.json {pins} --history history.json --current 2.json --reason broken --by on-call \
             --keys release --out back.json {AT}"
        ),
    );
    accept(folder, &pins, 1, "--rollback back.json --out again");
    assert_eq!(rendered(folder, "again"), good.0);
    assert_eq!(decided(folder, "again"), good.1);
    assert_eq!(recorded(folder, "again"), good.2);
    assert_eq!(compared("again"), json!([{}, {}, 0]));
}

#[test]
fn what_shut_callers_out_is_not_lost_without_a_word() {
    let (folder, pins) = world();
    let folder = folder.path();
    let grant = |end: &str| {
        format!(
            "  grants:\n    - {{name: g, from: [web], to: orders, reason: r, approvedBy: a, \
             notBefore: \"2026-11-01T00:00:00Z\", notAfter: \"{end}\", \
             operations: [{{methods: [PUT], paths: [\"/v1/x\"]}}]}}\n"
        )
    };
    let identity = "spiffe://d.example/ns/web/sa/stolen";
    let signal = |expires: &str| {
        format!(
            "  signals:\n    - {{name: s, source: s, reason: r, author: a, effect: quarantine, \
             about: {{identity: \"{identity}\"}}, issued: \"2026-11-01T00:00:00Z\", expires: \"{expires}\"}}\n"
        )
    };
    let revocation = format!("  revocations: [{{identity: \"{identity}\"}}]\n");
    let floor = format!(
        "  notBeforeFloors: [{{identity: \"{identity}\", notBefore: \"2026-11-01T00:00:00Z\"}}]\n"
    );
    let cases = [
        // What the first version says more than the second, and the other way round.
        (String::new(), revocation, "SP727"),
        (String::new(), floor, "SP727"),
        (String::new(), signal("2026-11-03T00:00:00Z"), "SP727"),
        (String::new(), signal("2026-11-01T12:00:00Z"), ""),
        (grant("2026-11-03T00:00:00Z"), String::new(), "SP728"),
        (grant("2026-11-01T12:00:00Z"), String::new(), ""),
    ];
    for (number, (first, second, expected)) in cases.iter().enumerate() {
        let history = format!("--history history-{number}.json");
        for (version, more) in [(1, first), (2, second)] {
            fs::write(folder.join("policy.yaml"), format!("{POLICY}{more}")).unwrap();
            for old in [format!("{version}.json"), format!("{version}.json.sig")] {
                let _ = fs::remove_file(folder.join(old));
            }
            release(folder, &pins, version);
            ok(
                folder,
                &format!("bundle verify {version}.json {pins} {history} --record {AT}"),
            );
        }
        let back = |more: &str| {
            format!(
                "bundle rollback 1.json {pins} {history} {more} --reason r --by b --keys release \
                 --force --out back.json {AT}"
            )
        };
        let with_current = run(folder, &back("--current 2.json"));
        let said = stderr(&with_current);
        let refuses = *expected == "SP727";
        assert_eq!(code(&with_current), i32::from(refuses), "{number}: {said}");
        assert!(
            said.contains(expected) && said.is_empty() == expected.is_empty(),
            "{said}"
        );
        let accepted = run(folder, &back("--current 2.json --accept-losses"));
        assert_eq!(code(&accepted), 0, "{}", stderr(&accepted));
        assert_eq!(stderr(&accepted).contains("SP728"), !expected.is_empty());
        // Without the one in force nobody knows.
        assert_eq!(code(&run(folder, &back(""))), 3);
        assert_eq!(refused(folder, &back("--current 1.json")), ["SP725"]);
    }
}
