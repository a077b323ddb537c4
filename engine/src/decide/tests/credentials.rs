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
        CredentialFault::ProofMissing,
        CredentialFault::ProofInvalid,
    ] {
        // A bad token beside a certificate that would be enough without it.
        let bad_token = Scene::with(|scene| scene.token = Some(Err(fault.into())));
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
    scene.token = Some(Err(DenyReason::CredentialClaimsInvalid));
    assert_eq!(
        scene.denial(&policy),
        Some(DenyReason::CredentialClaimsInvalid)
    );
    scene.certificate().not_after = NOW;
    assert_eq!(scene.denial(&policy), Some(DenyReason::CredentialExpired));
}

#[test]
fn an_isolated_peer_is_refused_before_its_token_is_looked_at() {
    let policy = policy(|_| {});
    let mut scene = scene(Assurance::Classical, None);
    scene.peer = Some(peer_after_distinct_denials(8, NOW));
    scene.token = Some(Err(DenyReason::HybridSignatureInvalid));
    assert_eq!(scene.denial(&policy), Some(DenyReason::PeerIsolated));
    scene.certificate().not_after = NOW;
    assert_eq!(scene.denial(&policy), Some(DenyReason::CredentialExpired));
}

/// A policy with these revocations and floors.
fn taking_back(revocations: &str, floors: Option<&str>) -> crate::policy::Policy {
    policy(|document| {
        let authorities = r#"{
            "certificates": [{"name": "mesh-ca", "trustDomain": "ai.example", "caCertificate": {"file": "x"}}],
            "tokens": [{
                "name": "tokens", "trustDomain": "ai.example", "issuer": "i", "audience": "a",
                "classicalKey": {"kid": "c", "algorithm": "PS256", "publicKey": {"file": "x"}},
                "alternativeKey": {"kid": "a", "algorithm": "ML-DSA-65", "publicKey": {"file": "x"}}
            }]
        }"#;
        document.spec.authorities = Some(serde_json::from_str(authorities).unwrap());
        document.spec.revocations =
            (!revocations.is_empty()).then(|| serde_json::from_str(revocations).unwrap());
        document.spec.not_before_floors =
            floors.map(|floors| serde_json::from_str(floors).unwrap());
    })
}

fn hexadecimal(byte: u8) -> alloc::string::String {
    alloc::format!("{byte:02x}").repeat(32)
}

#[test]
fn a_revoked_credential_is_refused_and_its_neighbours_are_not() {
    use crate::facts::{CertifiedKeys, CredentialNumber};
    use alloc::sync::Arc;
    let certificate = alloc::format!(r#"[{{"certificate": "{}"}}]"#, hexadecimal(7));
    let other = alloc::format!(r#"[{{"certificate": "{}"}}]"#, hexadecimal(8));
    let key = |byte| alloc::format!(r#"[{{"key": "{}"}}]"#, hexadecimal(byte));
    let identity = |id: &str| alloc::format!(r#"[{{"identity": "{id}"}}]"#);
    let serial =
        |n: &str| alloc::format!(r#"[{{"serial": {{"authority": "mesh-ca", "number": "{n}"}}}}]"#);
    let revoked_token =
        |id: &str| alloc::format!(r#"[{{"token": {{"authority": "tokens", "jti": "{id}"}}}}]"#);
    for (revocations, is_revoked) in [
        (certificate, true),
        (other, false),
        (key(1), true),
        (key(2), true),
        (key(3), true),
        (key(4), false),
        (identity(GATEWAY), true),
        (identity(VECTORS), false),
        (serial("4f:0a"), true),
        (serial("4f:0b"), false),
        (revoked_token("one"), true),
        (revoked_token("two"), false),
    ] {
        let mut scene = scene(Assurance::Hybrid, Some(Assurance::Hybrid));
        scene.certificate().number = Some(CredentialNumber::Serial(Arc::from([0x4f, 0x0a])));
        scene.certificate().keys = CertifiedKeys {
            own: Some([1; 32]),
            alternative: Some([2; 32]),
        };
        let token = token(&mut scene);
        token.authority = Some(Arc::from("tokens"));
        token.number = Some(CredentialNumber::TokenId(Arc::from("one")));
        token.keys.alternative = Some([3; 32]);
        let denial = scene.denial(&taking_back(&revocations, None));
        let expected = is_revoked.then_some(DenyReason::CredentialRevoked);
        assert_eq!(denial, expected, "{revocations}");
    }
}

#[test]
fn a_serial_number_counts_for_its_authority_only() {
    use crate::facts::CredentialNumber;
    let serial = r#"[{"serial": {"authority": "mesh-ca", "number": "4f"}}]"#;
    let policy = taking_back(serial, None);
    let number = Some(CredentialNumber::Serial(alloc::sync::Arc::from([0x4f])));
    for (authority, denial) in [
        (Some("mesh-ca"), Some(DenyReason::CredentialRevoked)),
        (Some("other-ca"), None),
        (None, None),
    ] {
        let mut scene = Scene::good();
        scene.certificate().number.clone_from(&number);
        scene.certificate().authority = authority.map(alloc::sync::Arc::from);
        assert_eq!(scene.denial(&policy), denial, "{authority:?}");
    }
}

#[test]
fn a_floor_refuses_what_was_issued_before_it_and_accepts_a_fresh_credential() {
    // The good credential was issued ten minutes before this time.
    let now = "2027-01-15T08:00:00Z";
    assert_eq!(TimeMs::parse_rfc3339(now), Ok(NOW));
    let of = |who: &str, time: &str| alloc::format!(r#"[{{{who}, "notBefore": "{time}"}}]"#);
    let gateway = alloc::format!(r#""identity": "{GATEWAY}""#);
    let vectors = alloc::format!(r#""identity": "{VECTORS}""#);
    for (floor, is_refused) in [
        (of(&gateway, now), true),
        (of(&gateway, "2027-01-15T07:50:00Z"), false),
        (of(&gateway, "2027-01-15T07:50:01Z"), true),
        (of(&vectors, now), false),
        (of(r#""authority": "mesh-ca""#, now), true),
        (of(r#""authority": "tokens""#, now), false),
    ] {
        let policy = taking_back("", Some(&floor));
        let expected = is_refused.then_some(DenyReason::CredentialReissueRequired);
        assert_eq!(Scene::good().denial(&policy), expected, "{floor}");
        let mut fresh = Scene::good();
        fresh.certificate().issued = NOW;
        assert_eq!(fresh.denial(&policy), None, "{floor}");
    }
}
