//! The document as JSON: what serde reads, what it refuses, and that nothing is lost on the way.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use serde_json::Value;

use super::*;

/// A document in which each key of the format stands at least once.
fn full_document() -> PolicyDocument {
    let mut document = document();
    let spec = &mut document.spec;
    spec.minimum_trust = Some(10);
    spec.application_headers = Some(true);
    spec.segments[0].trust_domains = Some(vec![text("ai.example")]);
    spec.flows[0].mode = Some(Mode::Shadow);
    let mut hybrid = certificate_authority("hybrid-ca");
    hybrid.alternative_key = Some(raw::AlternativeKey {
        algorithm: raw::AlternativeAlgorithm::MlDsa87,
        public_key: raw::Material::Inline(text("-----BEGIN PUBLIC KEY-----")),
    });
    hybrid.alternative_required_from = Some(text("2026-12-01T00:00:00Z"));
    spec.authorities = Some(raw::Authorities {
        minimum_alternative_level: Some(raw::AlternativeAlgorithm::MlDsa65),
        certificates: Some(vec![hybrid]),
        tokens: Some(vec![token_authority("sts")]),
    });
    document
}

fn full_value() -> Value {
    serde_json::to_value(full_document()).unwrap()
}

fn reads(value: &Value) -> bool {
    serde_json::from_value::<PolicyDocument>(value.clone()).is_ok()
}

/// Calls `visit` with each object of a value, and with its path.
fn for_each_object(value: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            visit(path, value);
            for (key, member) in members {
                for_each_object(member, &format!("{path}/{key}"), visit);
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                for_each_object(item, &format!("{path}/{number}"), visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// All keys of a value, as (path of the object, key).
fn keys(value: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for_each_object(value, "", &mut |path, object| {
        found.extend(
            object
                .as_object()
                .unwrap()
                .keys()
                .map(|key| (text(path), key.clone())),
        );
    });
    found
}

/// The value as JSON text, in which one key of one object stands twice with the same value.
fn with_doubled_key(value: &Value, path: &str, target: &(String, String)) -> String {
    match value {
        Value::Object(members) => {
            let mut parts = Vec::new();
            for (key, member) in members {
                let member = with_doubled_key(member, &format!("{path}/{key}"), target);
                let part = format!("{key:?}:{member}");
                if *path == target.0 && *key == target.1 {
                    parts.push(part.clone());
                }
                parts.push(part);
            }
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let items: Vec<String> = items
                .map(|(number, item)| with_doubled_key(item, &format!("{path}/{number}"), target))
                .collect();
            format!("[{}]", items.join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[test]
fn a_document_survives_json_unchanged() {
    let full = full_document();
    let json = serde_json::to_string(&full).unwrap();
    let again: PolicyDocument = serde_json::from_str(&json).unwrap();
    assert_eq!(again, full);
    assert_eq!(
        serde_json::to_string(&again).unwrap(),
        json,
        "writing is deterministic"
    );
    assert!(compile(&again).is_ok());
}

#[test]
fn a_key_that_is_absent_is_not_written() {
    let json = serde_json::to_string(&document()).unwrap();
    assert!(
        !json.contains("null") && !json.contains("trustDomains\":[]"),
        "{json}"
    );
    assert_eq!(
        serde_json::from_str::<PolicyDocument>(&json).unwrap(),
        document()
    );
}

#[test]
fn refuses_an_unknown_key_in_each_object() {
    let mut count = 0;
    let full = full_value();
    assert!(reads(&full));
    for_each_object(&full, "", &mut |path, _| {
        let mut changed = full.clone();
        let object = changed.pointer_mut(path).unwrap().as_object_mut().unwrap();
        object.insert(text("surprise"), Value::Bool(true));
        assert!(!reads(&changed), "an unknown key in `{path}`");
        count += 1;
    });
    assert_eq!(count, 23, "all objects of the document");
}

#[test]
fn refuses_a_doubled_key_in_each_object() {
    let full = full_value();
    assert_eq!(
        serde_json::from_str::<PolicyDocument>(&with_doubled_key(&full, "", &Default::default()))
            .unwrap(),
        full_document()
    );
    for key in keys(&full) {
        let json = with_doubled_key(&full, "", &key);
        assert!(
            serde_json::from_str::<PolicyDocument>(&json).is_err(),
            "{key:?}"
        );
    }
}

#[test]
fn refuses_a_key_in_another_spelling() {
    let full = full_value();
    for (path, key) in keys(&full) {
        let mut changed = full.clone();
        let object = changed.pointer_mut(&path).unwrap().as_object_mut().unwrap();
        let value = object.remove(&key).unwrap();
        let other = if key.contains(char::is_uppercase) {
            key.to_lowercase()
        } else {
            key.to_uppercase()
        };
        object.insert(other, value);
        assert!(!reads(&changed), "{path} {key}");
    }
}

/// `ports:` with nothing behind it is null in YAML. Read as an absent key it would mean any port,
/// which is the opposite of what stands there.
#[test]
fn a_null_is_not_an_absent_key() {
    let full = full_value();
    let mut taken = Vec::new();
    for (path, key) in keys(&full) {
        let mut changed = full.clone();
        changed.pointer_mut(&path).unwrap()[&key] = Value::Null;
        if reads(&changed) {
            taken.push(format!("{path}/{key}"));
        }
    }
    assert_eq!(
        taken,
        Vec::<String>::new(),
        "keys whose null is read as absent"
    );
}

#[test]
fn refuses_other_versions_kinds_and_words() {
    for (pointer, value) in [
        ("/apiVersion", "security.sallyport.dev/v1"),
        ("/apiVersion", "v1alpha1"),
        ("/kind", "meshTrustPolicy"),
        ("/kind", "AuthorizationPolicy"),
        ("/spec/mode", "Enforce"),
        ("/spec/mode", "audit"),
        ("/spec/minimumAssurance", "plaintext"),
        ("/spec/minimumAssurance", "proven"),
        ("/spec/authorities/tokens/0/classicalKey/algorithm", "none"),
        ("/spec/authorities/tokens/0/classicalKey/algorithm", "HS256"),
        (
            "/spec/authorities/tokens/0/alternativeKey/algorithm",
            "HashML-DSA-65",
        ),
        (
            "/spec/authorities/certificates/0/alternativeKey/algorithm",
            "Dilithium5",
        ),
    ] {
        let mut changed = full_value();
        *changed.pointer_mut(pointer).unwrap() = Value::String(text(value));
        assert!(!reads(&changed), "{pointer}: {value}");
    }
}

#[test]
fn refuses_numbers_that_do_not_fit() {
    for (pointer, numbers) in [
        ("/spec/minimumTrust", ["-1", "256", "1.5", "\"10\""]),
        (
            "/spec/flows/0/operations/1/ports/0",
            ["-1", "65536", "8080.5", "\"8080\""],
        ),
        ("/spec/probes/0/port", ["-1", "65536", "8080.5", "\"8080\""]),
    ] {
        for number in numbers {
            let mut changed = full_value();
            *changed.pointer_mut(pointer).unwrap() = serde_json::from_str(number).unwrap();
            assert!(!reads(&changed), "{pointer}: {number}");
        }
    }
}

#[test]
fn a_key_material_is_either_inline_or_a_file() {
    for json in [
        r#"{}"#,
        r#"{"inline": "a", "file": "b"}"#,
        r#""a""#,
        r#"{"url": "a"}"#,
    ] {
        assert!(
            serde_json::from_str::<raw::Material>(json).is_err(),
            "{json}"
        );
    }
    assert!(serde_json::from_str::<raw::Material>(r#"{"inline": "a"}"#).is_ok());
}

#[test]
fn the_plugin_configuration_is_as_strict() {
    use crate::policy::slice::{ModeOnly, PluginConfig, SLICE_VERSION};
    let good = r#"{"sliceVersion":1,"mode":"shadow","policy":"{}","sha256":"00"}"#;
    let config: PluginConfig = serde_json::from_str(good).unwrap();
    assert_eq!(
        (config.slice_version, config.mode),
        (SLICE_VERSION, Mode::Shadow)
    );
    assert_eq!(serde_json::to_string(&config).unwrap(), good);
    for bad in [
        r#"{"sliceVersion":1,"mode":"shadow","policy":"{}"}"#,
        r#"{"sliceVersion":1,"mode":"shadow","policy":"{}","sha256":"00","x":1}"#,
        r#"{"sliceVersion":1,"mode":"shadow","mode":"enforce","policy":"{}","sha256":"00"}"#,
        r#"{"sliceVersion":"1","mode":"shadow","policy":"{}","sha256":"00"}"#,
    ] {
        assert!(serde_json::from_str::<PluginConfig>(bad).is_err(), "{bad}");
    }
    // The mode alone is still readable in a configuration of a later version.
    let later = r#"{"sliceVersion":9,"mode":"enforce","slices":[]}"#;
    assert_eq!(
        serde_json::from_str::<ModeOnly>(later).unwrap(),
        ModeOnly {
            mode: Mode::Enforce
        }
    );
    let doubled = r#"{"mode":"enforce","mode":"shadow"}"#;
    assert!(serde_json::from_str::<ModeOnly>(doubled).is_err());
}
