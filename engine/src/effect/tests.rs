use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::fixtures::{
    NOW, STRANGER, Scene, credential, grant, peer_after_distinct_denials, policy,
};
use crate::headers::{TOKEN, TOKEN_SIGNATURE};
use crate::identity::Assurance;
use crate::policy::Mode;
use crate::reason::DenyReason;
use crate::verdict::DecisionId;

fn head<'a>(headers: &[(&'a str, &'a [u8])]) -> RequestHead<'a> {
    RequestHead::read(
        headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), *value)),
    )
}

fn changes<'a>(scene: &Scene, headers: &[(&'a str, &'a [u8])], tell: bool) -> HeaderChanges<'a> {
    match RequestEffect::of(scene.decide(&policy(|_| {})), &head(headers), tell) {
        RequestEffect::Continue(changes) => changes,
        RequestEffect::Reply(reply) => panic!("{reply:?}"),
    }
}

fn reply(change: impl FnOnce(&mut Scene)) -> LocalReply {
    match RequestEffect::of(
        Scene::with(change).decide(&policy(|_| {})),
        &head(&[]),
        false,
    ) {
        RequestEffect::Reply(reply) => reply,
        RequestEffect::Continue(changes) => panic!("{changes:?}"),
    }
}

fn not_configured() -> LocalReply {
    let id = DecisionId {
        vm: [0; 8],
        counter: 0,
    };
    match RequestEffect::of(
        Verdict::not_configured(Mode::Enforce, id),
        &head(&[]),
        false,
    ) {
        RequestEffect::Reply(reply) => reply,
        RequestEffect::Continue(changes) => panic!("{changes:?}"),
    }
}

// === Replies ===

#[test]
fn a_refusal_names_policy_flow_and_reason_in_istios_brackets() {
    let uncovered = reply(|scene| scene.method = "DELETE");
    assert_eq!(
        uncovered.details,
        "sallyport_denied[policy[mesh]-flow[infer]-reason[operation_not_allowed]]"
    );
    let strange = reply(|scene| scene.set_source(STRANGER));
    assert_eq!(
        strange.details,
        "sallyport_denied[policy[mesh]-flow[none]-reason[flow_not_allowed]]"
    );
    assert_eq!(
        not_configured().details,
        "sallyport_denied[policy[none]-flow[none]-reason[not_configured]]"
    );
}

#[test]
fn a_refusal_names_the_grant_that_is_over_and_no_more_of_it() {
    let ended = crate::policy::raw::Grant {
        not_after: "2027-01-15T08:00:00Z".into(),
        ..grant()
    };
    let policy = policy(|document| document.spec.grants = Some(alloc::vec![ended]));
    let scene = Scene::with(|scene| {
        scene.method = "DELETE";
        scene.path = "/v1/models/llm-7b";
    });
    let RequestEffect::Reply(reply) = RequestEffect::of(scene.decide(&policy), &head(&[]), false)
    else {
        panic!("it is over")
    };
    assert_eq!(
        reply.details,
        "sallyport_denied[policy[mesh]-flow[infer]-grant[incident]-reason[grant_expired]]"
    );
    assert_eq!(
        (reply.status, reply.grpc_status, reply.challenge),
        (403, 7, None)
    );
    assert_eq!(
        reply.body,
        "denied by sallyport: grant_expired (decision abababababababab-ff)"
    );
}

#[test]
fn a_refusal_has_the_statuses_of_its_reason() {
    let statuses = |change: fn(&mut Scene)| {
        let reply = reply(change);
        (reply.status, reply.grpc_status, reply.challenge.is_some())
    };
    assert_eq!(statuses(|scene| scene.method = "DELETE"), (403, 7, false));
    assert_eq!(
        statuses(|scene| scene.certificate().not_after = NOW),
        (401, 16, true)
    );
    assert_eq!(
        statuses(|scene| scene.connection.own = None),
        (503, 14, false)
    );
    assert_eq!(
        statuses(|scene| scene.peer = Some(peer_after_distinct_denials(8, NOW))),
        (403, 7, false)
    );
    assert_eq!(
        (not_configured().status, not_configured().grpc_status),
        (503, 14)
    );
}

#[test]
fn the_body_says_the_reason_and_which_decision_it_was() {
    let body = reply(|scene| scene.method = "DELETE").body;
    assert_eq!(
        body.trim_end(),
        "denied by sallyport: operation_not_allowed (decision abababababababab-ff)"
    );
}

#[test]
fn a_401_says_what_would_help() {
    let expired = reply(|scene| scene.certificate().not_after = NOW);
    assert_eq!(
        expired.challenge.as_deref(),
        Some("HybridIdentity realm=\"mesh\", error=\"credential_expired\"")
    );
}

/// Every reply is built from the table, so its grammar is checked for each reason, with and
/// without a policy.
#[test]
fn every_reply_is_in_the_grammar() {
    let id = DecisionId {
        vm: [0xff; 8],
        counter: u64::MAX,
    };
    let policy = policy(|_| {});
    for reason in DenyReason::ALL {
        let verdict = crate::decide::deny_without_facts(&policy, None, reason, NOW, id);
        let RequestEffect::Reply(reply) = RequestEffect::of(verdict, &head(&[]), true) else {
            panic!("{reason:?} continued");
        };
        let inner = reply
            .details
            .strip_prefix("sallyport_denied[policy[mesh]-flow[none]-reason[");
        let code = inner.and_then(|rest| rest.strip_suffix("]]")).unwrap();
        assert_eq!(code, reason.code());
        assert!(
            code.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{code}"
        );
        assert_eq!(reply.challenge.is_some(), reply.status == 401, "{code}");
        assert_eq!(reply.status, reason.row().status);
        for text in [&reply.details, &reply.body] {
            let printable = text
                .trim_end()
                .bytes()
                .all(|byte| (0x20..0x7f).contains(&byte));
            assert!(printable && text.len() < 256, "{text}");
        }
    }
}

#[test]
fn a_refusal_shows_nothing_that_the_caller_wrote() {
    let refused = reply(|scene| {
        scene.method = "BREW";
        scene.path = "/secret-of-the-caller?x=1";
    });
    let shown = format!("{refused:?}");
    assert!(
        !shown.contains("BREW") && !shown.contains("secret"),
        "{shown}"
    );
}

// === Requests that go on ===

#[test]
fn a_plain_request_goes_on_as_it_came() {
    let changes = changes(
        &Scene::good(),
        &[("accept", b"*/*"), (":path", b"/")],
        false,
    );
    assert!(changes.is_empty());
    assert_eq!(changes, HeaderChanges::default());
}

#[test]
fn the_application_never_sees_credentials_or_headers_in_our_name() {
    let sent: &[(&str, &[u8])] = &[
        (TOKEN, b"jwt"),
        (TOKEN_SIGNATURE, b"jws"),
        ("x-sallyport-trust", b"99"),
        ("x-sallyport-anything", b"1"),
        ("authorization", b"Bearer x"),
    ];
    let changes = changes(&Scene::good(), sent, false);
    let expected: [&[u8]; 4] = [
        TOKEN.as_bytes(),
        TOKEN_SIGNATURE.as_bytes(),
        b"x-sallyport-trust",
        b"x-sallyport-anything",
    ];
    assert_eq!(changes.remove, expected);
    assert_eq!(changes.set, []);
}

#[test]
fn shadow_and_probes_strip_the_same_headers() {
    let sent: &[(&str, &[u8])] = &[(TOKEN, b"jwt"), ("x-sallyport-state", b"TRUSTED")];
    let shadow = policy(|document| document.spec.mode = Mode::Shadow);
    let denied = Scene::with(|scene| scene.method = "DELETE").decide(&shadow);
    let probe = Scene::with(|scene| {
        scene.source_ip = [10, 0, 0, 1].into();
        scene.method = "GET";
        scene.path = "/healthz";
    });
    let unconfigured = Verdict::not_configured(
        Mode::Shadow,
        DecisionId {
            vm: [0; 8],
            counter: 0,
        },
    );
    for verdict in [denied, probe.decide(&shadow), unconfigured] {
        let effect = RequestEffect::of(verdict, &head(sent), false);
        let RequestEffect::Continue(changes) = effect else {
            panic!("{effect:?}")
        };
        assert_eq!(changes.remove, [TOKEN.as_bytes(), b"x-sallyport-state"]);
    }
}

#[test]
fn tells_the_application_about_the_decision_when_asked_to() {
    let mut scene = Scene::good();
    scene.token = Some(Ok(credential(crate::fixtures::GATEWAY, Assurance::Hybrid)));
    let told = changes(&scene, &[], true);
    let expected: [(&str, &[u8]); 4] = [
        ("x-sallyport-assurance", b"hybrid"),
        ("x-sallyport-decision-id", b"abababababababab-ff"),
        ("x-sallyport-trust", b"99"),
        ("x-sallyport-state", b"TRUSTED"),
    ];
    assert_eq!(
        told.set,
        expected.map(|(name, value)| (name, value.to_vec()))
    );
    assert!(told.remove.is_empty() && !told.is_empty());
}

#[test]
fn what_we_set_replaces_what_a_client_wrote_and_the_rest_goes() {
    let sent: &[(&str, &[u8])] = &[
        ("x-sallyport-trust", b"1"),
        ("x-sallyport-trust", b"2"),
        ("x-sallyport-role", b"admin"),
    ];
    let told = changes(&Scene::good(), sent, true);
    assert_eq!(told.remove, [b"x-sallyport-role"]);
    let trust: Vec<&[u8]> = told
        .set
        .iter()
        .filter(|(name, _)| *name == "x-sallyport-trust")
        .map(|(_, value)| value.as_slice())
        .collect();
    assert_eq!(trust, [b"99"]);
}

#[test]
fn what_is_not_known_is_not_told_and_cannot_be_spoofed() {
    let sent: &[(&str, &[u8])] = &[
        ("x-sallyport-trust", b"99"),
        ("x-sallyport-state", b"TRUSTED"),
    ];
    let probe = Scene::with(|scene| {
        scene.source_ip = [10, 0, 0, 1].into();
        scene.method = "GET";
        scene.path = "/healthz";
    });
    let told = changes(&probe, sent, true);
    let expected: [&[u8]; 2] = [b"x-sallyport-trust", b"x-sallyport-state"];
    assert_eq!(told.remove, expected);
    let names: Vec<&str> = told.set.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["x-sallyport-assurance", "x-sallyport-decision-id"]);
}

#[test]
fn certificates_in_xfcc_are_taken_out_or_the_header_goes() {
    fn of<'a>(values: &[&'a [u8]]) -> HeaderChanges<'a> {
        let sent: Vec<(&str, &[u8])> = values.iter().map(|value| (XFCC, *value)).collect();
        changes(&Scene::good(), &sent, false)
    }
    assert!(of(&[b"By=spiffe://a/b;Hash=00"]).is_empty());

    let replaced = of(&[b"Hash=00;Cert=\"-----BEGIN\";URI=spiffe://a/b"]);
    assert_eq!(replaced.set, [(XFCC, b"Hash=00;URI=spiffe://a/b".to_vec())]);
    assert!(replaced.remove.is_empty());

    for values in [
        &[&b"Hash=00"[..], b"Hash=01"][..],
        &[b"Hash=00;Cert=\"cut off"],
    ] {
        let removed = of(values);
        assert_eq!(removed.remove, [XFCC.as_bytes()]);
        assert!(removed.set.is_empty());
    }
}

#[test]
fn no_header_is_both_removed_and_set() {
    let sent: &[(&str, &[u8])] = &[
        (TOKEN, b"a"),
        (XFCC, b"Hash=a;Cert=b"),
        ("x-sallyport-trust", b"99"),
        ("x-sallyport-assurance", b"hybrid"),
        ("x-sallyport-x", b""),
    ];
    for tell in [false, true] {
        let changes = changes(&Scene::good(), sent, tell);
        for (name, _) in &changes.set {
            assert!(!changes.remove.contains(&name.as_bytes()), "{name}");
        }
    }
}
