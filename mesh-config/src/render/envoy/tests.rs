use std::path::Path;

use sallyport_engine::policy::slice::PluginConfig;
use sallyport_engine::reason::DenyReason;
use serde_json::{Value, json};

use super::*;
use crate::policy_file::from_text;

const POLICY: &str = include_str!("../../../tests/data/policy.yaml");
const SNAPSHOT: &str = include_str!("../../../tests/data/envoy-filter.json");

fn loaded(text: &str) -> LoadedPolicy {
    from_text(text, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}"))
}

fn filter(text: &str, strategy: FailStrategy) -> Result<Value, InvalidRendering> {
    let filter = http_filter(&loaded(text), "/etc/envoy/sallyport.wasm", strategy)?;
    Ok(serde_json::to_value(filter).unwrap())
}

#[test]
fn renders_the_same_bytes_each_time() {
    let rendered = http_filter(
        &loaded(POLICY),
        "/etc/envoy/sallyport.wasm",
        FailStrategy::Reload,
    );
    let text = serde_json::to_string_pretty(&rendered.unwrap()).unwrap() + "\n";
    assert_eq!(
        text, SNAPSHOT,
        "if this is meant, renew mesh-config/tests/data/envoy-filter.json"
    );
}

#[test]
fn the_plugin_configuration_is_what_the_filter_reads() {
    let loaded = loaded(POLICY);
    let text = plugin_config(&loaded).unwrap();
    let config: PluginConfig = serde_json::from_str(&text).unwrap();
    assert_eq!(config.slice_version, 1);
    assert_eq!(config.policy, loaded.canonical_json);
    let digest = sallyport_credentials::sha256(config.policy.as_bytes());
    assert_eq!(config.sha256, hexadecimal::encode(&digest));
}

#[test]
fn refuses_to_fail_open_where_something_is_enforced() {
    let shadow = POLICY.replace("mode: enforce", "mode: shadow");
    let partly = shadow.replace("to: orders", "to: orders\n      mode: enforce");
    for text in [POLICY, &partly] {
        assert_eq!(
            filter(text, FailStrategy::Open),
            Err(InvalidRendering::OpenInEnforce)
        );
    }
    let policy_of = |strategy| {
        let filter = filter(&shadow, strategy).unwrap();
        filter["typed_config"]["config"]["failure_policy"].clone()
    };
    assert_eq!(policy_of(FailStrategy::Open), json!("FAIL_OPEN"));
    assert_eq!(policy_of(FailStrategy::Reload), json!("FAIL_RELOAD"));
    assert_eq!(policy_of(FailStrategy::Closed), json!("FAIL_CLOSED"));
}

#[test]
fn discovery_carries_the_same_filter() {
    let loaded = loaded(POLICY);
    let strategy = FailStrategy::Reload;
    let filter = serde_json::to_value(http_filter(&loaded, "/m", strategy).unwrap()).unwrap();
    let resource = serde_json::to_value(ecds_resource(&loaded, "/m", strategy).unwrap()).unwrap();
    let carried = &resource["resources"][0];
    assert_eq!(carried["typed_config"], filter["typed_config"]);
    assert_eq!(
        resource["version_info"],
        json!(hexadecimal::encode(&loaded.sha256))
    );
    let entry = serde_json::to_value(ecds_filter("/ecds.json")).unwrap();
    // Envoy looks for the resource with the name of the filter.
    assert_eq!(entry["name"], carried["name"]);
    let discovery = &entry["config_discovery"];
    assert_eq!(
        discovery["config_source"]["path_config_source"]["path"],
        json!("/ecds.json")
    );
    assert_eq!(
        discovery["type_urls"],
        json!([filter["typed_config"]["@type"]])
    );
}

#[test]
fn each_value_of_a_label_is_cut_out_of_its_metric_alone() {
    let tags = serde_json::to_value(stats_tags()).unwrap();
    let pattern = |label: &str| {
        let tags = tags["stats_config"]["stats_tags"].as_array().unwrap();
        let tag = tags.iter().find(|tag| tag["tag_name"] == label).unwrap();
        jsonschema::validator_for(&json!({"pattern": tag["regex"]})).unwrap()
    };
    let [reason, state, segment] = ["reason", "state", "segment"].map(pattern);
    let shown = |metric: Metric| json!(format!("wasmcustom.{}", metric.name()));
    for code in DenyReason::ALL {
        for metric in [Metric::Denied(code), Metric::WouldDeny(code)] {
            assert!(reason.is_valid(&shown(metric)), "{metric:?}");
            assert!(!state.is_valid(&shown(metric)), "{metric:?}");
        }
    }
    assert!(state.is_valid(&json!("wasmcustom.sallyport.peers.isolated")));
    assert!(state.is_valid(&json!("wasmcustom.sallyport.peer_changes.isolated")));
    assert!(segment.is_valid(&json!("wasmcustom.sallyport.trust.ai-gateway")));
    for other in [
        "wasmcustom.sallyport.allowed",
        "wasmcustom.sallyport.denied",
        "wasmcustom.sallyport.trust_slot_invalid",
        "x.sallyport.denied.y",
    ] {
        for pattern in [&reason, &state, &segment] {
            assert!(!pattern.is_valid(&json!(other)), "{other}");
        }
    }
}
