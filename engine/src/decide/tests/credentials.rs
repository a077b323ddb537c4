//! Several credentials at once, and the moments at which they begin and end.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::facts::CredentialFault;

/// The gateway with a certificate and, where one is given, a token.
fn scene(certificate: Assurance, token: Option<Assurance>) -> Scene {
    Scene::with(|scene| {
        scene.certificate().assurance = certificate;
        scene.token = token.map(|assurance| Ok(credential(GATEWAY, assurance)));
    })
}

fn token(scene: &mut Scene) -> &mut CredentialFacts {
    match &mut scene.token {
        Some(Ok(token)) => token,
        other => panic!("the scene has no good token but {other:?}"),
    }
}

#[test]
fn the_highest_assurance_of_the_credentials_counts() {
    use Assurance::{Classical, Hybrid, HybridProven};
    let policy = policy(|_| {});
    for (certificate, token, together) in [
        (Classical, None, Classical),
        (Classical, Some(Classical), Classical),
        (Classical, Some(Hybrid), Hybrid),
        (Classical, Some(HybridProven), HybridProven),
        (Hybrid, None, Hybrid),
        (Hybrid, Some(Classical), Hybrid),
        (Hybrid, Some(HybridProven), HybridProven),
        (HybridProven, Some(Hybrid), HybridProven),
    ] {
        let scene = scene(certificate, token);
        let verdict = scene.decide(&policy);
        assert_eq!(verdict.context().assurance, together);
        let too_low = (together < Hybrid).then_some(DenyReason::AssuranceTooLow);
        assert_eq!(verdict.reason(), too_low, "{certificate} and {token:?}");
    }
}

#[test]
fn each_credential_that_is_present_must_hold() {
    let policy = policy(|document| {
        document.spec.flows[0].minimum_assurance =
            Some(crate::policy::raw::RequiredAssurance::Classical);
    });
    for fault in [
        CredentialFault::Malformed,
        CredentialFault::HybridSignatureMissing,
        CredentialFault::HybridSignatureInvalid,
        CredentialFault::ClassicalSignatureInvalid,
        CredentialFault::AuthorityUnknown,
        CredentialFault::TrustDomainForeign,
        CredentialFault::AlgorithmRefused,
        CredentialFault::BindingMismatch,
        CredentialFault::ClaimsInvalid,
        CredentialFault::HeaderAmbiguous,
    ] {
        // A bad token beside a certificate that would be enough without it.
        let bad_token = Scene::with(|scene| scene.token = Some(Err(fault)));
        assert_eq!(bad_token.denial(&policy), Some(fault.into()), "{fault:?}");
        // A bad certificate beside a token that would be enough without it.
        let mut bad_certificate = scene(Assurance::Classical, Some(Assurance::HybridProven));
        bad_certificate.set_certificate(GATEWAY, Err(fault));
        assert_eq!(
            bad_certificate.denial(&policy),
            Some(fault.into()),
            "{fault:?}"
        );
    }
}

#[test]
fn a_token_of_another_identity_is_refused_whatever_it_is_worth() {
    for subject in [
        VECTORS,
        STRANGER,
        INFERENCE,
        "spiffe://ai.example/ns/edge/sa/Gateway",
    ] {
        let scene = Scene::with(|scene| {
            scene.token = Some(Ok(credential(subject, Assurance::HybridProven)));
        });
        assert_eq!(
            scene.denial(&policy(|_| {})),
            Some(DenyReason::CredentialIdentityMismatch)
        );
    }
}

#[test]
fn a_credential_is_valid_from_its_first_millisecond_to_the_one_before_its_end() {
    let policy = policy(|_| {});
    let (begin, end) = (NOW, TimeMs(NOW.0 + HOUR_MS));
    for (now, denial) in [
        (TimeMs(0), Some(DenyReason::CredentialNotYetValid)),
        (TimeMs(begin.0 - 1), Some(DenyReason::CredentialNotYetValid)),
        (begin, None),
        (TimeMs(end.0 - 1), None),
        (end, Some(DenyReason::CredentialExpired)),
        (TimeMs(end.0 + 1), Some(DenyReason::CredentialExpired)),
        (TimeMs(u64::MAX), Some(DenyReason::CredentialExpired)),
    ] {
        let mut by_certificate = Scene::good();
        by_certificate.certificate().not_before = begin;
        by_certificate.certificate().not_after = end;
        by_certificate.now = now;
        assert_eq!(
            by_certificate.denial(&policy),
            denial,
            "the certificate at {now:?}"
        );

        let mut by_token = scene(Assurance::Hybrid, Some(Assurance::Hybrid));
        by_token.certificate().not_before = TimeMs(0);
        by_token.certificate().not_after = TimeMs(u64::MAX);
        token(&mut by_token).not_before = begin;
        token(&mut by_token).not_after = end;
        by_token.now = now;
        // The certificate is past its end at the end of time, too.
        assert_eq!(by_token.denial(&policy), denial, "the token at {now:?}");
    }
}

#[test]
fn a_credential_that_ends_before_it_begins_is_never_valid() {
    let policy = policy(|_| {});
    for now in [NOW.0 - 10, NOW.0, NOW.0 + 10] {
        let mut scene = Scene::good();
        scene.certificate().not_before = TimeMs(NOW.0 + 5);
        scene.certificate().not_after = TimeMs(NOW.0 - 5);
        scene.now = TimeMs(now);
        assert!(scene.denial(&policy).is_some(), "{now}");
    }
}

#[test]
fn an_open_connection_is_denied_once_its_credential_has_expired() {
    let policy = policy(|_| {});
    let mut scene = Scene::good();
    assert_eq!(scene.denial(&policy), None);
    scene.now = scene.certificate().not_after;
    assert_eq!(scene.denial(&policy), Some(DenyReason::CredentialExpired));
}

#[test]
fn the_certificate_is_looked_at_before_the_token() {
    let policy = policy(|_| {});
    let mut scene = Scene::good();
    scene.token = Some(Err(CredentialFault::ClaimsInvalid));
    assert_eq!(
        scene.denial(&policy),
        Some(DenyReason::CredentialClaimsInvalid)
    );
    scene.certificate().not_after = NOW;
    assert_eq!(scene.denial(&policy), Some(DenyReason::CredentialExpired));
}
