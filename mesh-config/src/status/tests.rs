use std::path::Path;

use super::*;
use crate::policy_file::from_text;

const POLICY: &str = include_str!("../../tests/data/policy.yaml");
/// Of Envoy 1.40 that runs the filter with that policy; one request without an identity was denied.
const STATS: &str = include_str!("../../tests/data/envoy-stats.prom");
const DUMP: &str = include_str!("../../tests/data/envoy-config-dump.json");

/// 2027-01-15T08:00:00Z.
const NOW: TimeMs = TimeMs(1_800_000_000_000);

fn status(metrics: &str, dump: Option<&Value>, expected: Option<&Expected>) -> Status {
    super::status(metrics, dump, expected, NOW)
}

fn expected(text: &str) -> Expected {
    let loaded = from_text(text, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}"));
    Expected::of(&loaded).unwrap()
}

fn with(old: &str, new: &str) -> Status {
    assert!(STATS.contains(old), "{old}");
    status(&STATS.replace(old, new), None, None)
}

#[test]
fn reads_what_an_envoy_says() {
    let dump: Value = serde_json::from_str(DUMP).unwrap();
    let status = status(STATS, Some(&dump), Some(&expected(POLICY)));
    assert_eq!(status.state, State::OnEnforce);
    assert_eq!(status.policy.as_deref(), Some("the whole policy"));
    assert!(!status.other_policy && !status.break_glass);
    assert_eq!((status.denied, status.would_deny), (1, 0));
    assert_eq!((status.vm_reloads, status.passed_unconfigured), (0, 0));
    let [configured] = status.configured.as_deref().unwrap() else {
        panic!("{status:?}")
    };
    assert_eq!(configured.module, "/etc/envoy/sallyport.wasm");
}

#[test]
fn tells_the_states_apart() {
    let states = [
        (
            "sallyport_enforcing{} 1",
            "sallyport_enforcing{} 0",
            State::OnShadow,
        ),
        (
            "sallyport_config_rejected{} 0",
            "sallyport_config_rejected{} 1",
            State::Rejected,
        ),
        (
            "sallyport_policy_hash{} ",
            "sallyport_policy_hash{} 0 #",
            State::Off,
        ),
        ("sallyport_", "other_", State::Off),
    ];
    for (old, new, state) in states {
        assert_eq!(with(old, new).state, state, "{new}");
    }
    assert_eq!(status("", None, None).state, State::Off);
}

#[test]
fn says_what_went_wrong_before() {
    let reload = "envoy_wasm_sallyport_vm_reload_success{} ";
    assert_eq!(
        with(&format!("{reload}0"), &format!("{reload}3")).vm_reloads,
        3
    );
    let passed = "sallyport_passed_unconfigured{} ";
    assert_eq!(
        with(&format!("{passed}0"), &format!("{passed}4")).passed_unconfigured,
        4
    );
}

#[test]
fn knows_the_policy_its_slices_and_others() {
    let other = expected(&POLICY.replace("[GET]", "[HEAD]"));
    let status_of = |expected: &Expected| status(STATS, None, Some(expected));
    assert!(status_of(&other).other_policy);
    let slices = expected(POLICY);
    let (hash, name) = slices
        .0
        .iter()
        .find(|(_, name)| name.contains("namespace web"))
        .unwrap();
    let text = "sallyport_enforcing 1\nsallyport_policy_hash ".to_owned() + &hash.to_string();
    assert_eq!(
        status(&text, None, Some(&slices)).policy.as_ref(),
        Some(name)
    );
}

/// As Envoy has it after the filter was removed: what was discovered for it stays, for connections of the
/// listener from before, and so do its gauges.
#[test]
fn a_filter_that_was_removed_is_off() {
    let plugin = serde_json::json!({"name": "ours", "typed_config": {"config": {
        "configuration": {"value": "{\"sliceVersion\":1}"},
        "vm_config": {"code": {"local": {"filename": "/a.wasm"}}},
    }}});
    let listener = serde_json::json!({"listener": {"filter_chains": [{"filters": [
        {"typed_config": {"http_filters": [{"name": "ours", "config_discovery": {}}]}},
    ]}]}});
    let dump = |state: &str| {
        serde_json::json!({"configs": [
            {"ecds_filters": [{"ecds_filter": plugin}]},
            {"dynamic_listeners": [{"name": "inbound", state: listener}]},
        ]})
    };
    let there = status(STATS, Some(&dump("active_state")), None);
    assert_eq!(there.state, State::OnEnforce);
    assert_eq!(there.configured.unwrap()[0].module, "/a.wasm");
    let gone = status(
        STATS,
        Some(&dump("draining_state")),
        Some(&expected(POLICY)),
    );
    assert_eq!((gone.state, gone.policy_hash), (State::Off, None));
    assert!(gone.configured.unwrap().is_empty() && !gone.other_policy);
}

#[test]
fn names_the_grants_that_are_in_force() {
    let grant = |name: &str, begins: &str, ends: &str| {
        serde_json::json!({"name": name, "from": ["web"], "to": "orders", "reason": "incident 7",
            "approvedBy": "on-call lead", "notBefore": begins, "notAfter": ends,
            "operations": [{"methods": ["GET"], "paths": ["/v1/admin"]}]})
    };
    let dump = |policy: Value| {
        let configuration = serde_json::json!({"sliceVersion": 1, "mode": "enforce",
            "sha256": "", "policy": policy.to_string()});
        serde_json::json!({"configs": [{"static_listeners": [{"listener": {"filter": {
            "configuration": {"value": configuration.to_string()},
            "vm_config": {"code": {"local": {"filename": "/a.wasm"}}},
        }}}]}]})
    };
    let (eight, nine) = ("2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z");
    let policy = serde_json::json!({"spec": {"grants": [
        grant("over", "2027-01-15T07:00:00Z", eight),
        grant("now", eight, nine),
        grant("early", nine, "2027-01-15T10:00:00Z"),
    ]}});
    let grants = |policy: Value| status(STATS, Some(&dump(policy)), None).grants;
    let found = grants(policy).unwrap();
    let names: Vec<&str> = found.iter().map(|grant| grant.name.as_str()).collect();
    assert_eq!(
        (names, found[0].ends_in_seconds),
        (vec!["now"], Some(3_600))
    );
    assert_eq!(grants(serde_json::json!({"spec": {}})), Some(vec![]));
    // What a later version may write is not taken for nothing.
    assert_eq!(
        grants(serde_json::json!({"spec": {"grants": [{"name": "x"}]}})),
        None
    );
    assert_eq!(status(STATS, None, None).grants, None);
}
