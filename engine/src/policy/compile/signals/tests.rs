use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixtures::document;
use crate::policy::compile;
use crate::policy::raw::{Signal, SignalEffect, SignalSubject};

fn signal() -> Signal {
    Signal {
        name: "alert".into(),
        source: "scanner".into(),
        reason: "a finding".into(),
        author: "someone".into(),
        issued: "2027-01-15T07:00:00Z".into(),
        expires: "2027-01-15T09:00:00Z".into(),
        about: SignalSubject::Segment("gateway".into()),
        effect: SignalEffect::Quarantine,
        milli_nats: None,
    }
}

fn errors(signals: Vec<Signal>) -> Vec<String> {
    let mut document = document();
    document.spec.signals = Some(signals);
    let errors = compile(&document).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

/// A change of a good signal, and the error that it leads to.
type Change = (fn(&mut Signal), &'static str);

#[test]
fn each_broken_rule_is_named_with_its_path() {
    assert_eq!(errors(alloc::vec![signal()]), Vec::<String>::new());
    let changes: [Change; 11] = [
        (
            |s| s.name = "An Alert".into(),
            ".name: `An Alert` is no DNS label",
        ),
        (
            |s| s.source = String::new(),
            ".source: needs a text of 1 to 256 bytes",
        ),
        (|s| s.reason = "x".repeat(257), ".reason: needs a text"),
        (|s| s.author = String::new(), ".author: needs a text"),
        (
            |s| s.issued = "yesterday".into(),
            ".issued: `yesterday` is no time",
        ),
        (
            |s| s.expires = s.issued.clone(),
            ".expires: is not after `issued`",
        ),
        (
            |s| s.effect = SignalEffect::Weigh,
            ".milliNats: is outside of 1 to 20000",
        ),
        (
            |s| (s.effect, s.milli_nats) = (SignalEffect::Weigh, Some(20_001)),
            ".milliNats: is outside of 1 to 20000",
        ),
        (
            |s| s.milli_nats = Some(1),
            ".milliNats: only a signal with `effect: weigh`",
        ),
        (
            |s| s.about = SignalSubject::Segment("gatewy".into()),
            ".about.segment: there is no segment `gatewy`: did you mean `gateway`?",
        ),
        (
            |s| s.about = SignalSubject::Certificate("07".into()),
            ".about.certificate: `07` is no SHA-256 digest",
        ),
    ];
    for (change, expected) in changes {
        let mut changed = signal();
        change(&mut changed);
        let errors = errors(alloc::vec![changed]);
        let expected = format!("spec.signals[0]{expected}");
        assert!(
            errors.len() == 1 && errors[0].starts_with(&expected),
            "{errors:?}"
        );
    }
    let twice = errors(alloc::vec![signal(), signal()]);
    assert!(twice[0].starts_with("spec.signals[1].name: `alert` is already used"));
    assert!(errors(Vec::new())[0].starts_with("spec.signals: is empty"));
}
