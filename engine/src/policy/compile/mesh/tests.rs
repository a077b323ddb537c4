use alloc::string::String;
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixtures::{document, identity};
use crate::identity::Assurance;
use crate::policy::{KeyExchangeRule, Mode, PolicyErrorCause as Cause, compile, raw};

fn errors(change: impl FnOnce(&mut raw::Spec)) -> Vec<(String, Cause)> {
    let mut document = document();
    change(&mut document.spec);
    let errors = match compile(&document) {
        Ok(_) => Vec::new(),
        Err(errors) => errors,
    };
    errors
        .into_iter()
        .map(|error| (error.path, error.cause))
        .collect()
}

fn glass(json: &str) -> Option<raw::BreakGlass> {
    Some(serde_json::from_str(json).unwrap())
}

#[test]
fn what_is_absent_has_the_documented_value() {
    let mut document = document();
    document.spec.post_quantum_auth = Some(serde_json::from_str("{}").unwrap());
    let policy = compile(&document).unwrap();
    let asked = policy.post_quantum_auth().unwrap();
    assert_eq!(asked.mode(), Mode::Enforce);
    assert_eq!(asked.minimum_assurance(), Assurance::Hybrid);
    assert_eq!(asked.key_exchange(), KeyExchangeRule::Preferred);
    assert!(asked.covers(Some(&identity(crate::fixtures::INFERENCE))));
    assert!(asked.covers(None));
    assert!(policy.reads_key_exchange());
}

#[test]
fn refuses_settings_that_cannot_be_meant() {
    let exempt = |names: &str| {
        let text = alloc::format!(r#"{{"exemptNamespaces": {names}}}"#);
        errors(|spec| spec.post_quantum_auth = Some(serde_json::from_str(&text).unwrap()))
    };
    let path = "spec.postQuantumAuth.exemptNamespaces";
    assert_eq!(exempt(r#"["legacy"]"#), []);
    assert_eq!(exempt("[]"), [(path.into(), Cause::Empty)]);
    let second = alloc::format!("{path}[1]");
    assert_eq!(
        exempt(r#"["a", "a"]"#),
        [(second.clone(), Cause::Duplicate("a".into()))]
    );
    assert_eq!(
        exempt(r#"["a", "*"]"#),
        [(second, Cause::NotALabel("*".into()))]
    );

    for unknown in [
        r#"{"mode": "on"}"#,
        r#"{"minimumAssurance": "classical"}"#,
        r#"{"keyExchange": "none"}"#,
        r#"{"keyexchange": "required"}"#,
        r#"{"mode": null}"#,
        "true",
    ] {
        let parsed = serde_json::from_str::<raw::PostQuantumAuth>(unknown);
        assert!(parsed.is_err(), "{unknown}");
    }
}

#[test]
fn refuses_a_break_glass_without_end_reason_or_segment() {
    let until = r#""until": "2027-01-15T09:00:00Z""#;
    let with = |rest: &str| {
        let text = alloc::format!("{{{rest}}}");
        errors(|spec| spec.break_glass = glass(&text))
    };
    let reason = r#""reason": "incident 7""#;
    assert_eq!(with(&alloc::format!("{until}, {reason}")), []);
    let path = |key: &str| alloc::format!("spec.breakGlass.{key}");
    assert_eq!(
        with(&alloc::format!(r#"{until}, "reason": """#)),
        [(path("reason"), Cause::TextLength(256))]
    );
    assert_eq!(
        with(&alloc::format!(r#""until": "tomorrow", {reason}"#)),
        [(path("until"), Cause::NotATime("tomorrow".into()))]
    );
    assert_eq!(
        with(&alloc::format!(r#"{until}, {reason}, "segments": []"#)),
        [(path("segments"), Cause::Empty)]
    );
    assert_eq!(
        with(&alloc::format!(
            r#"{until}, {reason}, "segments": ["inferense"]"#
        )),
        [(
            path("segments[0]"),
            Cause::UnknownSegment {
                name: "inferense".into(),
                similar: Some("inference".into())
            }
        )]
    );
}
