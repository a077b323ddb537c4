//! What the whole mesh asks of credentials, and break-glass, on a fake host.

use crate::support::{FakeHost, GATEWAY, INFER, NOW, TRAINING, mesh, policy, start_with};
use sallyport_engine::time::TimeMs;
use sallyport_filter::host::Property;
use sallyport_filter::plugin::{Next, Plugin};
use serde_json::{Value, json};

/// A plugin whose policy has this under a key of `spec`.
fn start(key: &str, value: Value) -> (FakeHost, Plugin) {
    let mut policy = policy();
    policy["spec"][key] = value;
    start_with(&policy)
}

fn connect(host: &FakeHost, id: u64, group: Option<&str>) {
    host.connect(id, &mesh().hybrid_leaf(GATEWAY));
    if let Some(group) = group {
        let mut properties = host.properties.borrow_mut();
        properties.insert(Property::TlsGroup, group.as_bytes().to_vec());
    }
}

fn ask(host: &FakeHost, plugin: &mut Plugin, headers: &[(&str, &[u8])]) -> Next {
    host.request(&[&INFER[..], headers].concat());
    plugin.on_request_headers(host)
}

#[test]
fn a_required_key_exchange_is_one_that_the_proxy_shows() {
    let (host, mut plugin) = start("postQuantumAuth", json!({ "keyExchange": "required" }));
    let cases = [
        (Some("X25519MLKEM768"), Next::Continue),
        (Some("SecP384r1MLKEM1024"), Next::Continue),
        (Some("X25519"), Next::Stop),
        (Some("-"), Next::Stop),
        (None, Next::Stop),
    ];
    for (id, (group, expected)) in (1..).zip(cases) {
        connect(&host, id, group);
        assert_eq!(ask(&host, &mut plugin, &[]), expected, "{group:?}");
        if expected == Next::Stop {
            assert_eq!(host.denied(), "key_exchange_not_post_quantum");
        }
    }
    // Only one of them is known to be classical.
    assert_eq!(host.metric("sallyport.key_exchange_not_post_quantum"), 1);
}

#[test]
fn no_header_of_the_client_is_taken_for_the_tls_group() {
    let (host, mut plugin) = start("postQuantumAuth", json!({ "keyExchange": "required" }));
    for (id, name) in (1..).zip([
        "sallyport.tls_group",
        "x-sallyport-tls-group",
        "x-envoy-downstream-tls-group",
    ]) {
        connect(&host, id, None);
        let answer = ask(&host, &mut plugin, &[(name, b"X25519MLKEM768")]);
        assert_eq!(
            (answer, host.denied().as_str()),
            (Next::Stop, "key_exchange_not_post_quantum")
        );
    }
}

#[test]
fn the_group_is_read_once_a_connection_and_only_if_the_policy_asks() {
    for (setting, calls) in [
        (json!({}), 1),
        (json!({ "keyExchange": "preferred" }), 1),
        (json!({ "keyExchange": "ignored" }), 0),
    ] {
        let (host, mut plugin) = start("postQuantumAuth", setting);
        let (without, mut other) = start_with(&policy());
        for host in [&host, &without] {
            connect(host, 1, Some("X25519"));
            host.calls.set(0);
        }
        assert_eq!(ask(&host, &mut plugin, &[]), Next::Continue);
        assert_eq!(ask(&without, &mut other, &[]), Next::Continue);
        assert_eq!(host.calls.get(), without.calls.get() + calls);
        assert_eq!(
            host.metric("sallyport.key_exchange_not_post_quantum"),
            u64::try_from(calls).unwrap()
        );
        // What it was is remembered: a group that appears later changes nothing, and costs nothing.
        connect(&host, 1, Some("X25519MLKEM768"));
        host.calls.set(0);
        assert_eq!(ask(&host, &mut plugin, &[]), Next::Continue);
        assert_eq!(host.calls.get(), 3);
        assert_eq!(
            host.metric("sallyport.key_exchange_not_post_quantum"),
            u64::try_from(calls).unwrap()
        );
    }
}

#[test]
fn a_host_that_cannot_tell_the_group_is_no_host_without_one() {
    let (host, mut plugin) = start("postQuantumAuth", json!({ "mode": "shadow" }));
    connect(&host, 1, Some("X25519MLKEM768"));
    host.calls.set(0);
    assert_eq!(ask(&host, &mut plugin, &[]), Next::Continue);
    for failing in 0..host.calls.get() {
        connect(
            &host,
            100 + u64::try_from(failing).unwrap(),
            Some("X25519MLKEM768"),
        );
        host.calls.set(0);
        host.fails_at.set(Some(failing));
        assert_eq!(ask(&host, &mut plugin, &[]), Next::Stop, "call {failing}");
        host.fails_at.set(None);
    }
}

#[test]
fn the_mesh_refuses_on_a_flow_in_shadow_and_reports_on_one_that_enforces() {
    for (mode, setting, expected) in [
        (
            "shadow",
            json!({ "mode": "enforce", "minimumAssurance": "hybridProven" }),
            Next::Stop,
        ),
        (
            "enforce",
            json!({ "mode": "shadow", "minimumAssurance": "hybridProven" }),
            Next::Continue,
        ),
    ] {
        let mut policy = policy();
        policy["spec"]["mode"] = json!(mode);
        policy["spec"]["postQuantumAuth"] = setting.clone();
        let (host, mut plugin) = start_with(&policy);
        connect(&host, 1, None);
        assert_eq!(ask(&host, &mut plugin, &[]), expected);
        let record = host.records().pop().expect("a record");
        assert_eq!(record["reason"], "assurance_too_low");
        assert_eq!(record["post_quantum_auth"], setting["mode"]);
        assert_eq!(record["would_deny"], expected == Next::Continue);
        let metric = if expected == Next::Stop {
            "denied"
        } else {
            "would_deny"
        };
        assert_eq!(
            host.metric(&format!("sallyport.{metric}.assurance_too_low")),
            1
        );
    }
}

#[test]
fn break_glass_is_in_each_record_and_ends_by_itself() {
    // The tests begin at 2027-01-15T08:00:00Z.
    let until = "2027-01-15T08:10:00Z";
    let (host, mut plugin) = start(
        "breakGlass",
        json!({ "until": until, "reason": "incident 7" }),
    );
    let gauges = |host: &FakeHost| {
        (
            host.metric("sallyport.break_glass"),
            host.metric("sallyport.enforcing"),
        )
    };
    assert_eq!(gauges(&host), (1, 0));
    host.connect(1, &mesh().hybrid_leaf(TRAINING));
    assert_eq!(ask(&host, &mut plugin, &[]), Next::Continue);
    let record = host.records().pop().expect("a record");
    assert_eq!(
        record["break_glass"],
        json!({ "until": until, "reason": "incident 7" })
    );
    assert_eq!(
        (&record["mode"], &record["would_deny"]),
        (&json!("shadow"), &json!(true))
    );

    let end = NOW.0 + 600_000;
    host.clock.set(TimeMs(end - 1));
    assert_eq!(ask(&host, &mut plugin, &[]), Next::Continue);
    host.clock.set(TimeMs(end));
    assert_eq!(ask(&host, &mut plugin, &[]), Next::Stop);
    assert!(
        host.records()
            .pop()
            .expect("a record")
            .get("break_glass")
            .is_none()
    );
    plugin.tick(&host);
    assert_eq!(gauges(&host), (0, 1));
    assert_eq!(
        host.records().pop().expect("a line")["event"],
        "BREAK_GLASS_OVER"
    );
}

#[test]
fn break_glass_does_not_last_by_a_clock_that_is_wrong() {
    let (host, mut plugin) = start(
        "breakGlass",
        json!({ "until": "2027-01-15T08:10:00Z", "reason": "incident 7" }),
    );
    host.connect(1, &mesh().classical_leaf(TRAINING));
    // Eight days before it ends.
    host.clock.set(TimeMs(NOW.0 - 8 * 86_400_000));
    plugin.tick(&host);
    assert_eq!(host.metric("sallyport.break_glass"), 0);
    assert_eq!(ask(&host, &mut plugin, &[]), Next::Stop);
}

#[test]
fn break_glass_of_one_segment_opens_no_other() {
    for (segment, expected) in [("inference", Next::Continue), ("training", Next::Stop)] {
        let (host, mut plugin) = start(
            "breakGlass",
            json!({
                "until": "2027-01-15T08:10:00Z", "reason": "incident 7", "segments": [segment],
            }),
        );
        assert_eq!(host.metric("sallyport.enforcing"), 1);
        host.connect(1, &mesh().hybrid_leaf(TRAINING));
        assert_eq!(ask(&host, &mut plugin, &[]), expected, "{segment}");
    }
}
