//! The filters that a proxy's configuration has, from `/config_dump` of Envoy's admin port.

use serde::Serialize;
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

/// The filters in a configuration, each once. What carries a policy is one of ours.
pub(super) fn filters(dump: &Value) -> Vec<Configured> {
    let mut found = Vec::new();
    walk(dump, &mut found);
    found.sort();
    found.dedup();
    found
}

fn walk(value: &Value, found: &mut Vec<Configured>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("vm_config") && is_ours(value) {
                found.push(configured(value));
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
    let parsed: Option<Value> = text.and_then(|text| match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(_) => None,
    });
    parsed.is_some_and(|config| config.get("sliceVersion").is_some())
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
