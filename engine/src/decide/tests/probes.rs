//! Health probes: exactly the request of the policy passes without an identity, nothing near it.

use core::net::IpAddr;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// The kubelet probes: no TLS, an address of the node's block.
fn probe() -> Scene {
    Scene::with(|scene| {
        scene.connection.transport = Transport::Plaintext;
        scene.source_ip = address("10.4.0.1");
        scene.method = "GET";
        scene.path = "/healthz";
        scene.peer = None;
    })
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn probe_with(change: impl FnOnce(&mut Scene)) -> Scene {
    let mut scene = probe();
    change(&mut scene);
    scene
}

fn is_exempt(scene: &Scene) -> bool {
    let verdict = scene.decide(&policy(|_| {}));
    let exempt = match &verdict {
        Verdict::Allow(permit) => {
            assert_eq!(permit.would_deny(), None);
            permit.basis() == Basis::Probe
        }
        Verdict::Deny(denial) => {
            assert_eq!(denial.reason(), DenyReason::PeerPlaintext);
            false
        }
    };
    assert_eq!(
        exempt,
        verdict.is_allowed(),
        "without TLS nothing else passes"
    );
    exempt
}

#[test]
fn the_probe_of_the_policy_needs_no_identity() {
    assert!(is_exempt(&probe()));
    let verdict = probe().decide(&policy(|_| {}));
    let context = verdict.context();
    assert_eq!(context.assurance, Assurance::Plaintext);
    assert_eq!(
        (context.source.as_ref(), context.score, context.standing),
        (None, None, None)
    );
}

#[test]
fn another_method_is_no_probe() {
    for method in ["HEAD", "POST", "get", "GET2", "*"] {
        assert!(
            !is_exempt(&probe_with(|scene| scene.method = method)),
            "{method}"
        );
    }
}

#[test]
fn another_path_is_no_probe() {
    for path in [
        "/",
        "/healthz/",
        "/Healthz",
        "/healthz2",
        "/health",
        "/healthz/x",
        "/%68ealthz",
        // Ambiguous ones, of which some server reads `/healthz`.
        "//healthz",
        "/x/../healthz",
        "/./healthz",
        "/healthz;x=1",
        "/healthz%00",
        "/healthz%2f",
        "\\healthz",
        "",
    ] {
        assert!(!is_exempt(&probe_with(|scene| scene.path = path)), "{path}");
    }
}

#[test]
fn another_port_is_no_probe() {
    for port in [0, 80, 8079, 8081, u16::MAX] {
        assert!(
            !is_exempt(&probe_with(|scene| scene.connection.destination_port = port)),
            "{port}"
        );
    }
}

#[test]
fn another_source_is_no_probe() {
    for (source, expected) in [
        ("10.0.0.0", true),
        ("10.255.255.255", true),
        ("9.255.255.255", false),
        ("11.0.0.0", false),
        ("192.0.2.7", false),
        ("127.0.0.1", false),
        ("fd00::", true),
        ("fdff:ffff::1", true),
        ("fc00::1", false),
        ("fe00::1", false),
        ("::1", false),
        // An IPv4 address in IPv6 clothes is not in an IPv4 block.
        ("::ffff:10.4.0.1", false),
    ] {
        let scene = probe_with(|scene| scene.source_ip = address(source));
        assert_eq!(is_exempt(&scene), expected, "{source}");
    }
}

#[test]
fn a_query_does_not_change_the_path_of_a_probe() {
    assert!(is_exempt(&probe_with(
        |scene| scene.path = "/healthz?verbose"
    )));
}

#[test]
fn a_probe_is_exempt_whatever_else_is_known_of_the_caller() {
    let policy = policy(|_| {});
    let changes: [fn(&mut Scene); 4] = [
        |scene| scene.tls().validation = PeerValidation::Failed,
        |scene| scene.certificate().not_after = NOW,
        |scene| scene.set_source("spiffe://other.example/ns/edge/sa/gateway"),
        |scene| scene.peer = Some(peer_after_distinct_denials(10, NOW)),
    ];
    for change in changes {
        let mut scene = Scene::with(change);
        scene.source_ip = address("10.4.0.1");
        scene.method = "GET";
        scene.path = "/healthz";
        let verdict = scene.decide(&policy);
        let Verdict::Allow(permit) = &verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(permit.basis(), Basis::Probe);
    }
}

#[test]
fn without_tls_a_probe_does_not_need_our_own_identity_and_with_tls_it_does() {
    let policy = policy(|_| {});
    let lost = probe_with(|scene| scene.connection.own = None);
    assert_eq!(
        lost.denial(&policy),
        None,
        "without TLS the proxy shows no identity of its own"
    );
    let with_tls = probe_with(|scene| {
        scene.connection.transport = Scene::good().connection.transport;
        scene.connection.own = None;
    });
    assert_eq!(
        with_tls.denial(&policy),
        Some(DenyReason::OwnIdentityUnknown)
    );
}

#[test]
fn without_probes_nothing_is_exempt() {
    let policy = policy(|document| document.spec.probes = None);
    assert_eq!(probe().denial(&policy), Some(DenyReason::PeerPlaintext));
}
