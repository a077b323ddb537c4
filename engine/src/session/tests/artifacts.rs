//! What a worker remembers of the models of its callers.

use alloc::format;
use alloc::string::String;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::artifact::{ArtifactClaims, ArtifactDigest};
use crate::policy::raw::PolicyDocument;

fn text(byte: u8) -> String {
    format!("sha256:{}", format!("{byte:02x}").repeat(32))
}

/// The model of 0x22 is in quarantine.
fn quarantining(document: &mut PolicyDocument) {
    let signals = format!(
        r#"[{{"name": "poisoned", "source": "scanner", "reason": "a finding", "author": "someone",
            "issued": "2027-01-15T07:00:00Z", "expires": "2027-01-15T09:00:00Z",
            "about": {{"modelDigest": "{}"}}, "effect": "quarantine"}}]"#,
        text(0x22)
    );
    document.spec.signals = serde_json::from_str(&signals).unwrap();
}

/// The good request with a token for a model that was issued so many seconds before.
fn token(model: u8, age_seconds: u64) -> Option<Result<CredentialFacts, DenyReason>> {
    let mut token = credential(GATEWAY, Assurance::Hybrid);
    token.artifacts = ArtifactClaims {
        model: Some(ArtifactDigest::new([model; 32])),
        image: None,
    };
    token.issued = TimeMs(NOW.0 - age_seconds * 1_000);
    Some(Ok(token))
}

#[test]
fn a_caller_that_leaves_its_token_out_stays_shut_out_until_a_newer_one_names_another_model() {
    let mut worker = Worker::new(policy(quarantining), Scene::good());
    assert_eq!(worker.ask_at(0), None, "nothing is known of it");
    worker.scene.token = token(0x22, 60);
    assert_eq!(worker.ask_at(1), Some(DenyReason::PeerQuarantined));
    worker.scene.token = None;
    assert_eq!(worker.ask_at(2), Some(DenyReason::PeerQuarantined));
    worker.scene.token = token(0x11, 120);
    assert_eq!(
        worker.ask_at(3),
        Some(DenyReason::PeerQuarantined),
        "an older token"
    );
    worker.scene.token = token(0x11, 30);
    assert_eq!(worker.ask_at(4), None);
    worker.scene.token = None;
    assert_eq!(worker.ask_at(5), None);
}

#[test]
fn a_quarantine_that_comes_later_finds_what_was_seen_before() {
    let mut worker = Worker::new(policy(|_| {}), Scene::good());
    worker.scene.token = token(0x22, 60);
    assert_eq!(worker.ask_at(0), None);
    worker.policy = policy(quarantining);
    worker.scene.token = None;
    assert_eq!(worker.ask_at(1), Some(DenyReason::PeerQuarantined));
    worker.scene.certificate().not_after = TimeMs(u64::MAX);
    assert_eq!(worker.ask_at(3_599), Some(DenyReason::PeerQuarantined));
    assert_eq!(worker.ask_at(3_600), None, "it has ended");
}

#[test]
fn a_token_that_does_not_count_is_not_remembered() {
    let mut worker = Worker::new(policy(quarantining), Scene::good());
    worker.scene.token = token(0x22, 60).map(|token| {
        token.map(|mut token| {
            token.not_after = NOW;
            token
        })
    });
    assert_eq!(worker.ask_at(0), Some(DenyReason::CredentialExpired));
    worker.scene.token = None;
    assert_eq!(worker.ask_at(1), None);
}

#[test]
fn a_quarantine_is_told_to_other_workers_at_once() {
    let mut worker = Worker::new(policy(quarantining), Scene::good());
    worker.scene.token = token(0x11, 60);
    worker.ask_at(0);
    assert!(!worker.peers.is_urgent());
    worker.scene.token = token(0x22, 30);
    worker.ask_at(1);
    assert!(worker.peers.is_urgent());
    let due = worker.peers.next_running().unwrap();
    let (bytes, replaced) = worker.peers.running_slot(&due, None).unwrap();
    assert!(replaced.is_none());
    assert!(
        worker.peers.running_slot(&due, Some(&bytes)).is_none(),
        "no news"
    );
    let mut other = Worker::new(policy(quarantining), Scene::good());
    other.peers.hear_running(&other.key, &bytes, NOW).unwrap();
    assert_eq!(other.ask_at(2), Some(DenyReason::PeerQuarantined));
    assert!(
        other
            .peers
            .hear_running(&other.key, b"garbage", NOW)
            .is_err()
    );
}
