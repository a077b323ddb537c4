//! The JSON Schemas of the files that people write, generated from the types that read them.
//!
//! Optional keys are absent or have a value: `null` is neither, so the schema does not allow it. A
//! list that was left empty by mistake (`serviceAccounts:` and nothing behind it) must not come to
//! mean *any*.

use sallyport_engine::policy::raw::{PolicyDocument, PostQuantumAuth};
use sallyport_engine::record::Record;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::artifacts::ManifestDocument;
use crate::workloads::list::WorkloadList;

/// The schema of the policy file.
#[must_use]
pub fn published() -> Value {
    of::<PolicyDocument>()
}

/// The schema of lists of workloads.
#[must_use]
pub fn workloads() -> Value {
    of::<WorkloadList>()
}

/// The schema of manifests of artifacts.
#[must_use]
pub fn artifact_manifest() -> Value {
    of::<ManifestDocument>()
}

/// The schema of decision records.
#[must_use]
pub fn decision_record() -> Value {
    of::<Record>()
}

/// The schema of a type, in draft 2020-12, without `null` for what may be absent.
#[must_use]
pub fn of<T: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    transform(&mut schema, &mut without_null);
    schema
}

/// The same rules in a form whose violations are easy to name: a choice of words is an `enum`, a
/// choice of keys an object with exactly one property.
pub(crate) fn for_validation() -> Value {
    let mut schema = validating(published());
    transform(&mut schema, &mut with_port_zero);
    schema
}

/// The same of lists of workloads.
pub(crate) fn workloads_for_validation() -> Value {
    validating(workloads())
}

/// The same of manifests of artifacts.
pub(crate) fn artifact_manifest_for_validation() -> Value {
    validating(artifact_manifest())
}

/// The same of what meshConfig says of `postQuantumAuth` in detail.
pub(crate) fn post_quantum_auth_for_validation() -> Value {
    validating(of::<PostQuantumAuth>())
}

fn validating(mut schema: Value) -> Value {
    transform(&mut schema, &mut without_one_of);
    schema
}

/// Applies a change to a schema and all schemas in it, the inner ones first.
fn transform(value: &mut Value, change: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            members
                .values_mut()
                .for_each(|member| transform(member, change));
            change(members);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| transform(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn without_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = schema.get("type") {
        let mut kept = types.iter().filter(|name| **name != "null").cloned();
        if let (Some(only), None) = (kept.next(), kept.next()) {
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get("anyOf") {
        let mut kept = choices
            .iter()
            .filter(|choice| **choice != json!({"type": "null"}))
            .cloned();
        if let (Some(Value::Object(only)), None) = (kept.next(), kept.next()) {
            schema.remove("anyOf");
            schema.extend(only);
        }
    }
}

fn without_one_of(schema: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = schema.get("oneOf") else {
        return;
    };
    let words: Option<Vec<Value>> = choices
        .iter()
        .map(|choice| choice.get("const").cloned())
        .collect();
    let merged = match words {
        Some(words) => json!({"enum": words}),
        None => {
            let properties: Map<String, Value> = choices
                .iter()
                .filter_map(|choice| choice.get("properties")?.as_object())
                .flat_map(|properties| properties.clone())
                .collect();
            json!({
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
                "minProperties": 1,
                "maxProperties": 1,
            })
        }
    };
    schema.remove("oneOf");
    if let Value::Object(merged) = merged {
        schema.extend(merged);
    }
}

/// The compiler refuses port 0 as well (SP109), beside all else that is wrong.
fn with_port_zero(schema: &mut Map<String, Value>) {
    let is_port = schema.get("format") == Some(&json!("uint16"));
    if is_port && schema.get("minimum") == Some(&json!(1)) {
        schema.insert("minimum".to_owned(), json!(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_keys_have_a_value_or_are_absent() {
        let text = published().to_string();
        assert!(!text.contains("\"null\""), "{text}");
        assert!(!text.contains("anyOf"), "{text}");
    }

    #[test]
    fn names_words_and_keys_without_alternatives_for_validation() {
        let schema = for_validation();
        assert!(!schema.to_string().contains("oneOf"));
        assert_eq!(
            schema.pointer("/$defs/Mode/enum"),
            Some(&json!(["enforce", "shadow"]))
        );
        let material = schema.pointer("/$defs/Material/properties").unwrap();
        assert!(material.get("inline").is_some() && material.get("file").is_some());
    }

    #[test]
    fn port_zero_is_none_and_is_left_to_the_compiler() {
        let least = |schema: &Value, path: &str| schema.pointer(path).unwrap()["minimum"].clone();
        for path in [
            "/$defs/Operation/properties/ports/items",
            "/$defs/Probe/properties/port",
        ] {
            assert_eq!(least(&published(), path), 1, "{path}");
            assert_eq!(least(&for_validation(), path), 0, "{path}");
        }
    }

    #[test]
    fn is_the_same_each_time() {
        assert_eq!(published().to_string(), published().to_string());
    }
}
