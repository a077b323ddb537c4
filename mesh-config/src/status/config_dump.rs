//! The filters that a proxy's configuration has, from `/config_dump` of Envoy's admin port.

use std::collections::BTreeSet;

use sallyport_engine::policy::raw::Grant;
use sallyport_engine::policy::slice::PluginConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A filter of this project in a proxy's configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Configured {
    /// Where the module comes from: a file name or an address.
    pub module: String,
    /// The SHA-256 of the module, where the configuration names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_sha256: Option<String>,
}

/// A plugin of this project in a proxy's configuration.
pub(super) struct Plugin<'a>(&'a Value);

/// The filters of a configuration's listeners. What carries a policy is one of ours.
///
/// Envoy keeps what it discovered for a filter until the last connection of a former listener ends, so
/// that counts only where a listener of now asks for it.
pub(super) fn plugins(dump: &Value) -> Vec<Plugin<'_>> {
    let (mut found, mut discovered) = (Vec::new(), BTreeSet::new());
    for listener in listeners(dump) {
        walk(listener, &mut found);
        names(listener, &mut discovered);
    }
    for filter in entries(dump, "ecds_filters") {
        let Some(filter) = filter.get("ecds_filter") else {
            continue;
        };
        let name = filter.get("name").and_then(Value::as_str);
        if name.is_some_and(|name| discovered.contains(name)) {
            walk(filter, &mut found);
        }
    }
    found
}

impl Plugin<'_> {
    pub(super) fn configured(&self) -> Configured {
        configured(self.0)
    }

    /// The grants of its policy; none where it has no policy that this version can read.
    pub(super) fn grants(&self) -> Option<Vec<Grant>> {
        let text = self.0.pointer("/configuration/value")?.as_str()?;
        let Ok(config) = serde_json::from_str::<PluginConfig>(text) else {
            return None;
        };
        let Ok(policy) = serde_json::from_str::<Value>(&config.policy) else {
            return None;
        };
        let Some(grants) = policy.pointer("/spec/grants") else {
            return Some(Vec::new());
        };
        let Ok(grants) = Vec::<Grant>::deserialize(grants) else {
            return None;
        };
        Some(grants)
    }
}

/// The listeners that take connections.
fn listeners(dump: &Value) -> impl Iterator<Item = &Value> {
    let fixed = entries(dump, "static_listeners").filter_map(|entry| entry.get("listener"));
    let active = entries(dump, "dynamic_listeners");
    fixed.chain(active.filter_map(|entry| entry.pointer("/active_state/listener")))
}

/// The entries of one kind, in whichever part of the dump.
fn entries<'a>(dump: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let parts = dump.get("configs").and_then(Value::as_array);
    let lists = parts
        .into_iter()
        .flatten()
        .filter_map(move |part| part.get(kind)?.as_array());
    lists.flatten()
}

/// The filters whose configuration is discovered.
fn names<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            if let (true, Some(Value::String(name))) = (
                members.contains_key("config_discovery"),
                members.get("name"),
            ) {
                found.insert(name);
            }
            members.values().for_each(|member| names(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn walk<'a>(value: &'a Value, found: &mut Vec<Plugin<'a>>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("vm_config") && is_ours(value) {
                found.push(Plugin(value));
            }
            members.values().for_each(|member| walk(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_ours(plugin: &Value) -> bool {
    let text = plugin
        .pointer("/configuration/value")
        .and_then(Value::as_str);
    text.is_some_and(|text| {
        let config = serde_json::from_str::<Value>(text);
        config.is_ok_and(|config| config.get("sliceVersion").is_some())
    })
}

fn configured(plugin: &Value) -> Configured {
    let text = |path: &str| plugin.pointer(path).and_then(Value::as_str);
    let places = [
        "/vm_config/code/local/filename",
        "/vm_config/code/remote/http_uri/uri",
    ];
    let module = places.into_iter().find_map(text);
    Configured {
        module: module.unwrap_or("written in the configuration").to_owned(),
        module_sha256: text("/vm_config/code/remote/sha256").map(str::to_owned),
    }
}
