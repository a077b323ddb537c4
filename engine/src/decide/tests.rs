#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::facts::{KeyExchange, PeerValidation};
use crate::fixtures::{
    DECISION, GATEWAY, HOUR_MS, INFERENCE, NOW, STRANGER, Scene, VECTORS, credential, identity,
    peer_after_distinct_denials, policy,
};
use crate::verdict::Basis;

mod artifacts;
mod credentials;
mod gates;
mod grants;
mod mesh;
mod probes;
mod selection;

#[test]
fn allows_the_good_request_and_says_on_what_grounds() {
    let verdict = Scene::good().decide(&policy(|_| {}));
    let Verdict::Allow(permit) = &verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!((permit.basis(), permit.would_deny()), (Basis::Flow, None));
    let context = verdict.context();
    assert_eq!(context.decision_id, DECISION);
    assert_eq!(context.mode, Mode::Enforce);
    assert_eq!(context.policy.as_deref(), Some("mesh"));
    assert_eq!(context.flow.as_deref(), Some("infer"));
    assert_eq!(context.destination_segment.as_deref(), Some("inference"));
    assert_eq!(context.source, Some(identity(GATEWAY)));
    assert_eq!(context.assurance, Assurance::Hybrid);
    assert_eq!(context.standing, Some(Behaviour::Trusted));
    // Prior -4600, hybrid -1500, TLS 1.3 -200.
    assert_eq!(
        context.score.map(|score| (score.lambda, score.trust)),
        Some((-6_300, 99))
    );
}

#[test]
fn the_same_inputs_give_the_same_answer() {
    let policy = policy(|_| {});
    let scene = Scene::with(|scene| scene.path = "/v1/secrets");
    let once = alloc::format!("{:?}", scene.decide(&policy));
    assert_eq!(alloc::format!("{:?}", scene.decide(&policy)), once);
}

#[test]
fn a_denial_names_what_was_known_when_the_gate_shut() {
    let policy = policy(|_| {});
    let context = |scene: Scene| scene.decide(&policy).context().clone();

    let lost = context(Scene::with(|scene| scene.connection.own = None));
    assert_eq!(
        (lost.destination_segment, lost.source, lost.flow),
        (None, Some(identity(GATEWAY)), None)
    );

    let plaintext = context(Scene::with(|scene| {
        scene.connection.transport = Transport::Plaintext
    }));
    assert_eq!(
        (plaintext.source, plaintext.assurance),
        (None, Assurance::Plaintext)
    );

    let unvalidated = context(Scene::with(|scene| {
        scene.tls().validation = PeerValidation::Failed
    }));
    assert_eq!(
        unvalidated.destination_segment.as_deref(),
        Some("inference")
    );
    assert_eq!(
        (unvalidated.source, unvalidated.assurance),
        (None, Assurance::Plaintext)
    );

    let expired = context(Scene::with(|scene| scene.certificate().not_after = NOW));
    assert_eq!(expired.source, Some(identity(GATEWAY)));
    assert_eq!(
        expired.assurance,
        Assurance::Classical,
        "a credential that fails proves nothing"
    );
    // A standing without a score would read as if whoever presented it were trusted.
    assert_eq!((expired.standing, expired.score), (None, None));

    let strange = context(Scene::with(|scene| scene.set_source(STRANGER)));
    assert_eq!((strange.flow, strange.assurance), (None, Assurance::Hybrid));
    assert!(strange.score.is_some());

    let uncovered = context(Scene::with(|scene| scene.method = "DELETE"));
    assert_eq!(uncovered.flow.as_deref(), Some("infer"));
}

#[test]
fn denies_without_facts_as_the_policys_mode_says() {
    for reason in [
        DenyReason::HostReadFailed,
        DenyReason::RequestMalformed,
        DenyReason::ListenerNotInbound,
    ] {
        let enforced = deny_without_facts(&policy(|_| {}), None, reason, NOW, DECISION);
        assert!(!enforced.is_allowed());
        assert_eq!(enforced.reason(), Some(reason));
        let shadow = policy(|document| {
            document.spec.mode = Mode::Shadow;
            document.spec.flows[0].mode = Some(Mode::Enforce);
        });
        let passed = deny_without_facts(&shadow, None, reason, NOW, DECISION);
        let Verdict::Allow(permit) = &passed else {
            panic!("{passed:?}")
        };
        assert_eq!(
            (permit.basis(), permit.would_deny()),
            (Basis::Shadow, Some(reason))
        );
    }
}

#[test]
fn only_an_explicit_shadow_lets_pass_while_nothing_is_configured() {
    let denied = Verdict::not_configured(Mode::Enforce, DECISION);
    assert!(!denied.is_allowed());
    assert_eq!(denied.reason(), Some(DenyReason::NotConfigured));
    let passed = Verdict::not_configured(Mode::Shadow, DECISION);
    assert!(passed.is_allowed());
    assert_eq!(passed.reason(), Some(DenyReason::NotConfigured));
    assert_eq!(passed.context().policy, None);
}

#[test]
fn attributes_a_connection_to_a_validated_identity_only() {
    let peer = |change: fn(&mut Scene)| {
        let scene = Scene::with(change);
        scene.connection.peer()
    };
    let gateway = Some(crate::trust::PeerKey::new(&identity(GATEWAY), [7; 32]));
    assert_eq!(peer(|_| {}), gateway);
    assert_eq!(
        peer(|scene| scene.tls().validation = PeerValidation::Assumed),
        gateway
    );
    assert_eq!(
        peer(|scene| scene.set_certificate(GATEWAY, Err(crate::facts::CredentialFault::Malformed))),
        gateway,
        "who presents a credential that fails is still who Envoy validated"
    );
    assert_eq!(
        peer(|scene| scene.tls().validation = PeerValidation::Failed),
        None
    );
    assert_eq!(
        peer(|scene| scene.tls().certificate = PeerCertificate::Unavailable),
        None
    );
    assert_eq!(
        peer(|scene| scene.tls().certificate = PeerCertificate::Unreadable),
        None
    );
    assert_eq!(
        peer(|scene| scene.connection.transport = Transport::Plaintext),
        None
    );
}
