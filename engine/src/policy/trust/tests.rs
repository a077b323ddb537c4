use alloc::format;
use alloc::string::String;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixtures::{GATEWAY, HOUR_MS, INFERENCE, NOW, VECTORS, identity, policy};
use crate::policy::raw::{self, SignalEffect, SignalSubject};
use crate::time::TimeMs;
use crate::trust::Pushed;

fn weighing(name: &str, milli_nats: u32) -> raw::Signal {
    raw::Signal {
        milli_nats: Some(milli_nats),
        ..signal(name, gateways(), SignalEffect::Weigh)
    }
}

fn signal(name: &str, about: SignalSubject, effect: SignalEffect) -> raw::Signal {
    raw::Signal {
        name: name.into(),
        source: "scanner".into(),
        reason: "a finding".into(),
        author: "someone".into(),
        // NOW is 2027-01-15T08:00:00Z.
        issued: "2027-01-15T07:00:00Z".into(),
        expires: "2027-01-15T09:00:00Z".into(),
        about,
        effect,
        milli_nats: None,
    }
}

fn pushed(signals: &[raw::Signal], caller: &str, certificate: [u8; 32], now: TimeMs) -> Pushed {
    let policy = policy(|document| document.spec.signals = Some(signals.to_vec()));
    let rules = policy.trust_rules(&identity(caller), &certificate, None, now);
    rules.pushed
}

fn gateways() -> SignalSubject {
    SignalSubject::Segment("gateway".into())
}

#[test]
fn a_signal_is_about_a_certificate_an_identity_or_a_segment() {
    let digest: String = (0..32).map(|_| "07").collect();
    for (about, hits) in [
        (SignalSubject::Certificate(digest), [true, true, false]),
        (SignalSubject::Identity(GATEWAY.into()), [true, false, true]),
        (gateways(), [true, false, true]),
    ] {
        let signals = [signal("s", about, SignalEffect::Quarantine)];
        let callers = [(GATEWAY, [7; 32]), (VECTORS, [7; 32]), (GATEWAY, [8; 32])];
        for ((caller, certificate), hit) in callers.into_iter().zip(hits) {
            let pushed = pushed(&signals, caller, certificate, NOW);
            assert_eq!(pushed.is_quarantined, hit, "{caller}");
        }
    }
}

#[test]
fn a_signal_ends() {
    let signals = [signal("s", gateways(), SignalEffect::Quarantine)];
    let at = |minutes: u64| {
        let now = TimeMs(NOW.0.saturating_add(minutes.saturating_mul(60_000)));
        pushed(&signals, GATEWAY, [7; 32], now).is_quarantined
    };
    assert!(at(59) && !at(60));
}

#[test]
fn weights_add_up_to_their_cap() {
    let of = |weights: &[u32]| {
        let signals: alloc::vec::Vec<raw::Signal> = weights
            .iter()
            .enumerate()
            .map(|(number, weight)| weighing(&format!("s-{number}"), *weight))
            .collect();
        pushed(&signals, GATEWAY, [7; 32], NOW).milli_nats
    };
    assert_eq!(of(&[3_000, 4_000]), 7_000);
    assert_eq!(of(&[20_000, 20_000]), 20_000);
    let other = [weighing("s", 3_000)];
    assert_eq!(pushed(&other, INFERENCE, [7; 32], NOW), Pushed::default());
}

#[test]
fn a_release_from_the_future_releases_nobody() {
    let mut release = signal("s", gateways(), SignalEffect::Release);
    let before = |release: &raw::Signal| {
        let signals = core::slice::from_ref(release);
        pushed(signals, GATEWAY, [7; 32], NOW).released_before
    };
    assert_eq!(before(&release), Some(TimeMs(NOW.0 - HOUR_MS)));
    release.issued = "2027-01-15T08:00:01Z".into();
    assert_eq!(before(&release), None);
}
