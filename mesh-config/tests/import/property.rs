//! Random small policies: never wider than Istio, equal where no finding says otherwise.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::compare::{MESH, Pair, requests, yaml};
use crate::model::Workload;

fn some(values: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(values, 0..=2)
}

/// A mapping of the lists that are not empty; an empty list means the same as none.
fn mapping(lists: Vec<(&'static str, Vec<&'static str>)>) -> Value {
    let lists = lists.into_iter().filter(|(_, values)| !values.is_empty());
    lists
        .map(|(key, values)| (key.to_owned(), json!(values)))
        .collect()
}

fn source() -> impl Strategy<Value = Value> {
    const PRINCIPALS: [&str; 6] = [
        "*",
        "cluster.local/ns/bar/sa/sleep",
        "mesh.example/ns/bar/*",
        "*/sa/sleep",
        "partner.example/ns/bar/sa/sleep",
        "*p",
    ];
    const NAMESPACES: [&str; 5] = ["foo", "bar", "b*", "*r", "*a"];
    const ACCOUNTS: [&str; 2] = ["bar/curl", "sleep"];
    (
        some(&PRINCIPALS),
        some(&PRINCIPALS),
        some(&NAMESPACES),
        some(&NAMESPACES),
        some(&ACCOUNTS),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(principals, not_principals, namespaces, not_namespaces, accounts, has_address)| {
                let addresses = if has_address {
                    vec!["10.0.0.0/8"]
                } else {
                    Vec::new()
                };
                json!({"source": mapping(vec![
                    ("principals", principals),
                    ("notPrincipals", not_principals),
                    ("namespaces", namespaces),
                    ("notNamespaces", not_namespaces),
                    ("serviceAccounts", accounts),
                    ("ipBlocks", addresses),
                ])})
            },
        )
}

fn operation() -> impl Strategy<Value = Value> {
    const METHODS: [&str; 4] = ["GET", "POST", "P*", "*"];
    const PATHS: [&str; 10] = [
        "/a",
        "/a/b",
        "/a*",
        "/a/*",
        "*",
        "*/b",
        "/{*}/b",
        "/a/{**}",
        "/{*}",
        "/a/{**}/c",
    ];
    const PORTS: [&str; 2] = ["8080", "9000"];
    (
        some(&METHODS),
        some(&METHODS),
        some(&PATHS),
        some(&PATHS),
        some(&PORTS),
        some(&PORTS),
    )
        .prop_map(
            |(methods, not_methods, paths, not_paths, ports, not_ports)| {
                json!({"operation": mapping(vec![
                    ("methods", methods),
                    ("notMethods", not_methods),
                    ("paths", paths),
                    ("notPaths", not_paths),
                    ("ports", ports),
                    ("notPorts", not_ports),
                ])})
            },
        )
}

fn rule() -> impl Strategy<Value = Value> {
    let sources = prop::collection::vec(source(), 0..=2);
    let operations = prop::collection::vec(operation(), 0..=2);
    (sources, operations).prop_map(|(from, to)| json!({"from": from, "to": to}))
}

fn policy() -> impl Strategy<Value = Value> {
    let actions = prop::sample::select(&["ALLOW", "ALLOW", "DENY", "CUSTOM", "AUDIT"][..]);
    let namespaces = prop::sample::select(&["foo", "foo", "bar", "istio-system"][..]);
    let labels = prop::option::weighted(0.3, prop::sample::select(&["httpbin", "sleep"][..]));
    let rules = prop::collection::vec(rule(), 0..=2);
    (
        actions,
        namespaces,
        labels,
        rules,
        prop::bool::weighted(0.1),
    )
        .prop_map(|(action, namespace, label, rules, is_dry_run)| {
            let mut policy = json!({
                "apiVersion": "security.istio.io/v1",
                "kind": "AuthorizationPolicy",
                "metadata": {"name": "a", "namespace": namespace},
                "spec": {"action": action, "rules": rules},
            });
            if is_dry_run {
                policy["metadata"]["annotations"] = json!({"istio.io/dry-run": "true"});
            }
            if action == "CUSTOM" {
                policy["spec"]["provider"] = json!({"name": "authz"});
            }
            if let Some(label) = label {
                policy["spec"]["selector"] = json!({"matchLabels": {"app": label}});
            }
            policy
        })
}

/// Workloads of `bar`; of `foo` nothing is known.
fn workloads() -> Vec<Value> {
    let deployment = |name: &str, label: &str| {
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "bar"},
            "spec": {"template": {
                "metadata": {"labels": {"app": label}},
                "spec": {"serviceAccountName": name, "containers": []},
            }},
        })
    };
    vec![deployment("sleep", "sleep"), deployment("curl", "curl")]
}

const CALLERS: [Option<(&str, &str, &str)>; 8] = [
    None,
    Some((MESH, "foo", "sleep")),
    Some((MESH, "bar", "sleep")),
    Some((MESH, "bar", "curl")),
    Some((MESH, "nowhere", "sleep")),
    Some(("old.example", "bar", "sleep")),
    Some(("partner.example", "bar", "sleep")),
    Some(("partner.example", "foo", "default")),
];

#[test]
fn random_policies_are_never_wider_than_in_istio() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let some_allowed = std::cell::Cell::new(0_usize);
    let policies = prop::collection::vec(policy(), 1..=3);
    runner
        .run(&policies, |policies| {
            let text = yaml(&[policies, workloads()].concat());
            let pair = Pair::new(&text);
            let mut called: BTreeSet<Workload> = pair.workloads(&["foo"]);
            called.retain(|one| one.namespace == "bar" || one.account == "default");
            let paths = ["/a", "/a/", "/a/b", "/a/b/c", "/ab", "/x/b"];
            let requests = requests(
                &CALLERS,
                &called,
                &["GET", "PUT", "X"],
                &paths,
                &[8080, 9000],
            );
            let allowed = pair.compare(&requests, &text);
            some_allowed.set(some_allowed.get() + usize::from(allowed > 0));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(
        some_allowed.get() > 45,
        "only {} policies allowed anything",
        some_allowed.get()
    );
}
