//! Documents that are made of JSON Schemas: docs/policy.md, docs/decision-record.md.

use serde_json::{Map, Value};

use super::{GENERATED, cell};
use crate::schema;

/// docs/policy.md: one section for each type of the policy file, in the order of first use.
#[must_use]
pub fn policy() -> String {
    document(POLICY_HEAD, "MeshTrustPolicy", &schema::published())
}

/// docs/decision-record.md, likewise.
#[must_use]
pub fn decision_record() -> String {
    document(RECORD_HEAD, "Record", &schema::decision_record())
}

fn document(head: &str, name: &str, schema: &Value) -> String {
    let mut text = format!("{GENERATED}{head}");
    section(name, schema, &mut text);
    for name in in_order_of_use(schema) {
        if let Some(definition) = schema.pointer(&format!("/$defs/{name}")) {
            section(&name, definition, &mut text);
        }
    }
    text
}

fn section(name: &str, definition: &Value, text: &mut String) {
    text.push_str(&format!("\n## {name}\n\n{}\n", description(definition)));
    if let Some(properties) = definition.get("properties").and_then(Value::as_object) {
        text.push_str("\n| Key | Type | Required | Meaning |\n|---|---|---|---|\n");
        keys(definition, properties, text);
    }
    if let Some(choices) = definition.get("oneOf").and_then(Value::as_array) {
        text.push_str("\n| Value | Meaning |\n|---|---|\n");
        for choice in choices {
            let meaning = cell(description(choice));
            text.push_str(&format!("| {} | {meaning} |\n", choice_name(choice)));
        }
    }
}

fn keys(definition: &Value, properties: &Map<String, Value>, text: &mut String) {
    let required = definition.get("required").and_then(Value::as_array);
    for (key, property) in properties {
        let is_required = required.is_some_and(|names| names.iter().any(|name| name == key));
        let required = if is_required { "yes" } else { "no" };
        let (kind, meaning) = (type_name(property), cell(description(property)));
        text.push_str(&format!("| `{key}` | {kind} | {required} | {meaning} |\n"));
    }
}

/// A word, or a key with a text.
fn choice_name(choice: &Value) -> String {
    let word = choice.get("const").and_then(Value::as_str);
    let key = choice.get("properties").and_then(Value::as_object);
    let key = key.and_then(|properties| properties.keys().next());
    match (word, key) {
        (Some(word), _) => format!("`{word}`"),
        (None, Some(key)) => format!("`{key}:` text"),
        (None, None) => String::new(),
    }
}

fn type_name(property: &Value) -> String {
    if let Some(name) = reference(property) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    match property.get("type").and_then(Value::as_str) {
        Some("array") => match property.get("items") {
            Some(items) => format!("list of {}", type_name(items)),
            None => "list".to_owned(),
        },
        Some("integer") => match (property.get("minimum"), property.get("maximum")) {
            (Some(minimum), Some(maximum)) => format!("{minimum} to {maximum}"),
            (Some(minimum), None) => format!("number from {minimum}"),
            (None, _) => "number".to_owned(),
        },
        Some("string") => "text".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some(other) => other.to_owned(),
        None => String::new(),
    }
}

fn reference(property: &Value) -> Option<&str> {
    property.get("$ref")?.as_str()?.strip_prefix("#/$defs/")
}

fn description(schema: &Value) -> &str {
    schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn in_order_of_use(schema: &Value) -> Vec<String> {
    let mut names = Vec::new();
    collect(schema, schema, &mut names);
    names
}

/// Walks from a definition to the ones it uses, the nearest first.
fn collect(definition: &Value, schema: &Value, names: &mut Vec<String>) {
    let properties = definition.get("properties").and_then(Value::as_object);
    let mut new = Vec::new();
    for property in properties.into_iter().flat_map(Map::values) {
        let target = reference(property).or_else(|| reference(property.get("items")?));
        if let Some(name) = target.filter(|name| !names.iter().any(|known| known == name)) {
            names.push(name.to_owned());
            new.push(name);
        }
    }
    for name in new {
        if let Some(definition) = schema.pointer(&format!("/$defs/{name}")) {
            collect(definition, schema, names);
        }
    }
}

const POLICY_HEAD: &str = "\
# The policy file

A `MeshTrustPolicy` is one YAML or JSON document. Unknown keys, keys that stand twice and keys
without a value are errors. `sallyport check FILE` names all errors at once, each with its path:
first those of form, then those of meaning. `sallyport schema` prints the JSON Schema that this page
is made of.
";

const RECORD_HEAD: &str = "\
# The decision record

For each denial and would-deny the filter writes one JSON object into the log of its proxy, at WARN, ten a second and worker at most. What is beyond that is
counted, and one line says how many of each reason: `{\"suppressed_records\": {..}}`. Changes of a peer's state are lines with the key `event`:
`{\"event\": \"ISOLATED\", \"time_ms\": .., \"peer\": .., \"certificate_sha256\": ..}`.

`sallyport explain --record` says what a record means, `sallyport report` counts many of them. Keys that are not required are left out where they do not
apply, or have the value `null`. A key keeps its meaning between minor versions; new ones may be added.
";
