//! What callers run: required by a flow, and in quarantine.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::artifact::{ArtifactClaims, ArtifactDigest};
use crate::policy::raw::PolicyDocument;

const VETTED: u8 = 0x11;
const OTHER: u8 = 0x22;

fn text(byte: u8) -> String {
    format!("sha256:{}", format!("{byte:02x}").repeat(32))
}

/// The fixture's policy; its flow requires a model of a manifest that ends in an hour.
fn requiring(document: &mut PolicyDocument) {
    let artifacts = format!(
        r#"{{"manifests": [{{"name": "models", "verified": {{
            "serial": 1, "sha256": "{}", "signedBy": "release",
            "notBefore": "2027-01-15T07:00:00Z", "notAfter": "2027-01-15T09:00:00Z",
            "artifacts": [{{"kind": "model", "digest": "{}", "name": "scorer", "stage": "production"}}]
        }}}}]}}"#,
        "0".repeat(64),
        text(VETTED)
    );
    document.spec.artifacts = serde_json::from_str(&artifacts).unwrap();
    let requires = r#"{"model": {"manifest": "models", "stages": ["production"]}}"#;
    document.spec.flows[0].requires = serde_json::from_str(requires).unwrap();
}

/// A model in quarantine for an hour.
fn quarantining(document: &mut PolicyDocument) {
    let signals = format!(
        r#"[{{"name": "poisoned", "source": "scanner", "reason": "a finding", "author": "someone",
            "issued": "2027-01-15T07:00:00Z", "expires": "2027-01-15T09:00:00Z",
            "about": {{"modelDigest": "{}"}}, "effect": "quarantine"}}]"#,
        text(OTHER)
    );
    document.spec.signals = serde_json::from_str(&signals).unwrap();
}

fn claims(model: Option<u8>) -> ArtifactClaims {
    ArtifactClaims {
        model: model.map(|byte| ArtifactDigest::new([byte; 32])),
        image: None,
    }
}

/// The good request with a token that names a model.
fn bringing(model: Option<u8>) -> Scene {
    Scene::with(|scene| {
        let mut token = credential(GATEWAY, Assurance::Hybrid);
        token.artifacts = claims(model);
        scene.token = Some(Ok(token));
    })
}

fn seconds_later(mut scene: Scene, seconds: u64) -> Scene {
    scene.now = TimeMs(scene.now.0.saturating_add(seconds.saturating_mul(1_000)));
    // So that nothing but the manifest ends.
    scene.certificate().not_after = TimeMs(u64::MAX);
    if let Some(Ok(token)) = &mut scene.token {
        token.not_after = TimeMs(u64::MAX);
    }
    scene
}

#[test]
fn a_flow_gets_the_model_that_it_requires_or_refuses() {
    let policy = policy(requiring);
    let cases = [
        (bringing(Some(VETTED)), None),
        (bringing(Some(OTHER)), Some(DenyReason::ArtifactNotAllowed)),
        (bringing(None), Some(DenyReason::ClaimMissing)),
        (Scene::good(), Some(DenyReason::ClaimMissing)),
        (seconds_later(bringing(Some(VETTED)), 3_599), None),
        (
            seconds_later(bringing(Some(VETTED)), 3_600),
            Some(DenyReason::ArtifactManifestExpired),
        ),
    ];
    for (number, (scene, expected)) in cases.into_iter().enumerate() {
        assert_eq!(scene.denial(&policy), expected, "case {number}");
    }
}

#[test]
fn a_certificate_claims_nothing_whatever_its_facts_say() {
    let policy = policy(requiring);
    let mut scene = Scene::good();
    scene.certificate().artifacts = claims(Some(VETTED));
    assert_eq!(scene.denial(&policy), Some(DenyReason::ClaimMissing));
}

#[test]
fn a_token_that_does_not_count_claims_nothing() {
    let policy = policy(requiring);
    let mut scene = bringing(Some(VETTED));
    if let Some(Ok(token)) = &mut scene.token {
        token.not_after = NOW;
    }
    let verdict = scene.decide(&policy);
    assert_eq!(verdict.reason(), Some(DenyReason::CredentialExpired));
    assert!(!verdict.context().has_token);
}

#[test]
fn the_requirement_is_asked_after_the_operation_and_before_trust() {
    let policy = policy(|document| {
        requiring(document);
        document.spec.flows[0].minimum_trust = Some(99);
    });
    let mut scene = bringing(Some(OTHER));
    scene.peer = Some(peer_after_distinct_denials(3, NOW));
    assert_eq!(scene.denial(&policy), Some(DenyReason::ArtifactNotAllowed));
    scene.path = "/v1/nothing";
    assert_eq!(scene.denial(&policy), Some(DenyReason::OperationNotAllowed));
}

#[test]
fn records_have_what_was_asked_and_what_came() {
    let policy = policy(requiring);
    let verdict = bringing(Some(VETTED)).decide(&policy);
    let [checked] = verdict.context().artifacts.as_slice() else {
        panic!("one was asked");
    };
    assert_eq!(
        checked.found().map(|it| format!("{it}")),
        Some("scorer, production".into())
    );
    let verdict = Scene::good().decide(&policy);
    let [checked] = verdict.context().artifacts.as_slice() else {
        panic!("one was asked");
    };
    assert!(checked.digest.is_none() && checked.required.is_some());
    let verdict = bringing(Some(VETTED)).decide(&self::policy(|_| {}));
    assert!(verdict.context().artifacts.is_empty());
    assert_eq!(verdict.context().artifacts.capacity(), 0);
}

#[test]
fn a_token_with_a_model_in_quarantine_shuts_its_caller_out() {
    let policy = policy(quarantining);
    assert_eq!(bringing(Some(VETTED)).denial(&policy), None);
    assert_eq!(Scene::good().denial(&policy), None);
    let scene = bringing(Some(OTHER));
    assert_eq!(scene.denial(&policy), Some(DenyReason::PeerQuarantined));
    let verdict = scene.decide(&policy);
    assert_eq!(
        verdict.context().artifacts[0].digest,
        Some(ArtifactDigest::new([OTHER; 32]))
    );
    let later = seconds_later(bringing(Some(OTHER)), 3_600);
    assert_eq!(later.denial(&policy), None, "the signal has ended");
}

#[test]
fn a_caller_is_as_its_newest_token_says() {
    let policy = policy(quarantining);
    let remembered = |scene: &mut Scene, model, issued: u64| {
        let mut peer = scene.peer.unwrap();
        peer.running.see(&claims(Some(model)), TimeMs(issued));
        scene.peer = Some(peer);
    };
    // Without a token, with one that names nothing, and with an older one: still shut out.
    let token_issued = credential(GATEWAY, Assurance::Hybrid).issued.0;
    for mut scene in [Scene::good(), bringing(None), bringing(Some(VETTED))] {
        remembered(&mut scene, OTHER, token_issued + 1_000);
        assert_eq!(scene.denial(&policy), Some(DenyReason::PeerQuarantined));
    }
    // A newer one that names another model is believed.
    let mut scene = bringing(Some(VETTED));
    remembered(&mut scene, OTHER, token_issued - 1_000);
    assert_eq!(scene.denial(&policy), None);
    // And one of the model in quarantine shuts out, however old it is.
    let mut scene = bringing(Some(OTHER));
    remembered(&mut scene, VETTED, token_issued + 1_000);
    assert_eq!(scene.denial(&policy), Some(DenyReason::PeerQuarantined));
}

#[test]
fn what_may_not_go_on_is_what_would_not_be_allowed() {
    let policy = policy(|document| {
        requiring(document);
        quarantining(document);
    });
    let ask = |mut scene: Scene, flow| {
        let tls = scene.tls().clone();
        let token = scene.token.clone().map(Result::unwrap);
        let let_in = LetIn {
            token: token.as_ref(),
            flow,
            grant: None,
        };
        let (connection, peer) = (&scene.connection, scene.peer.as_ref());
        refuses_to_go_on(&policy, connection, &tls, let_in, peer, scene.now)
    };
    let flow = Some("infer");
    assert_eq!(ask(bringing(Some(VETTED)), flow), None);
    assert_eq!(
        ask(bringing(Some(OTHER)), None),
        Some(DenyReason::PeerQuarantined)
    );
    let ended = seconds_later(bringing(Some(VETTED)), 3_600);
    assert_eq!(
        ask(ended.clone(), flow),
        Some(DenyReason::ArtifactManifestExpired)
    );
    assert_eq!(ask(ended, Some("another")), None);
    assert_eq!(ask(Scene::good(), flow), Some(DenyReason::ClaimMissing));
    let shadow = self::policy(|document| {
        requiring(document);
        document.spec.flows[0].mode = Some(Mode::Shadow);
    });
    let mut scene = Scene::good();
    let tls = scene.tls().clone();
    let let_in = LetIn {
        flow,
        ..LetIn::default()
    };
    let (connection, peer) = (&scene.connection, scene.peer.as_ref());
    let refused = refuses_to_go_on(&shadow, connection, &tls, let_in, peer, NOW);
    assert_eq!(refused, None, "a flow on trial ends nothing");
}

#[test]
fn both_kinds_are_required_where_both_are_asked() {
    let policy = policy(|document| {
        requiring(document);
        let artifacts = document.spec.artifacts.as_mut().unwrap();
        let mut image = artifacts.manifests[0].clone();
        image.name = "images".into();
        if let Some(verified) = &mut image.verified {
            verified.artifacts[0].kind = crate::policy::raw::ArtifactKind::Image;
        }
        artifacts.manifests.push(image);
        let requires = r#"{"model": {"manifest": "models"}, "image": {"manifest": "images"}}"#;
        document.spec.flows[0].requires = serde_json::from_str(requires).unwrap();
    });
    let with = |model: Option<u8>, image: Option<u8>| {
        let mut scene = bringing(model);
        if let Some(Ok(token)) = &mut scene.token {
            token.artifacts.image = image.map(|byte| ArtifactDigest::new([byte; 32]));
        }
        let verdict = scene.decide(&policy);
        (verdict.reason(), verdict.context().artifacts.len())
    };
    let expected: Vec<_> = vec![
        (None, 2),
        (Some(DenyReason::ArtifactNotAllowed), 2),
        (Some(DenyReason::ClaimMissing), 2),
        (Some(DenyReason::ClaimMissing), 1),
    ];
    let found = vec![
        with(Some(VETTED), Some(VETTED)),
        with(Some(VETTED), Some(OTHER)),
        with(Some(VETTED), None),
        with(None, Some(VETTED)),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_grant_asks_for_what_each_flow_between_its_segments_requires() {
    let policy = policy(|document| {
        requiring(document);
        let grants = r#"[{"name": "incident", "from": ["gateway"], "to": "inference",
            "notBefore": "2027-01-15T07:00:00Z", "notAfter": "2027-01-15T09:00:00Z",
            "reason": "a case", "approvedBy": "someone",
            "operations": [{"methods": ["POST"], "paths": ["/v1/granted"]}]}]"#;
        document.spec.grants = serde_json::from_str(grants).unwrap();
    });
    let cases = [
        (bringing(Some(VETTED)), None),
        (bringing(Some(OTHER)), Some(DenyReason::ArtifactNotAllowed)),
        (Scene::good(), Some(DenyReason::ClaimMissing)),
    ];
    for (number, (mut scene, expected)) in cases.into_iter().enumerate() {
        scene.path = "/v1/granted";
        assert_eq!(scene.denial(&policy), expected, "case {number}");
    }
}
