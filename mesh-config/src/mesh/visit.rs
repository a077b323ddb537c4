//! All places of a value.

use serde_json::Value;

use crate::yaml::member;

/// A place in a value.
pub(super) struct Visited<'a> {
    /// Its path from the root.
    pub(super) path: String,
    /// The key that it stands under; empty in lists.
    pub(super) key: &'a str,
    /// What stands there.
    pub(super) value: &'a Value,
}

/// Every place below the root, each after the one around it.
pub(super) fn all(root: &Value) -> Vec<Visited<'_>> {
    let mut found: Vec<Visited<'_>> = children("", root);
    let mut next = 0;
    while let Some(visited) = found.get(next) {
        let inner = children(&visited.path, visited.value);
        found.extend(inner);
        next = next.saturating_add(1);
    }
    found
}

fn children<'a>(path: &str, value: &'a Value) -> Vec<Visited<'a>> {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| Visited {
                path: member(path, key),
                key,
                value,
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(number, value)| Visited {
                path: format!("{path}[{number}]"),
                key: "",
                value,
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
