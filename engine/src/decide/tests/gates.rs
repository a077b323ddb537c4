//! Each gate: what shuts it, the nearest thing that does not, and that the first shut gate is the
//! one that is reported.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test shall panic"
)]

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::facts::CredentialFault as Fault;

/// A way to shut one gate, and a change like it that leaves all gates open.
struct Gate {
    reason: DenyReason,
    shut: fn(&mut Scene),
    open: fn(&mut Scene),
}

/// Works on scenes without TLS too, so that each gate can be shut after each other one.
fn certificate_fault(scene: &mut Scene, fault: Fault) {
    if let Transport::Mutual(tls) = &mut scene.connection.transport
        && let PeerCertificate::Read { credential, .. } = &mut tls.certificate
    {
        *credential = Err(fault);
    }
}

fn with_certificate(scene: &mut Scene, change: impl FnOnce(&mut CredentialFacts)) {
    if let Transport::Mutual(tls) = &mut scene.connection.transport
        && let PeerCertificate::Read {
            credential: Ok(credential),
            ..
        } = &mut tls.certificate
    {
        change(credential);
    }
}

fn with_tls(scene: &mut Scene, change: impl FnOnce(&mut MutualTls)) {
    if let Transport::Mutual(tls) = &mut scene.connection.transport {
        change(tls);
    }
}

/// Another source, with the credential that the scene has.
fn set_subject(scene: &mut Scene, id: &str) {
    with_tls(scene, |tls| {
        if let PeerCertificate::Read {
            subject,
            credential,
        } = &mut tls.certificate
        {
            *subject = identity(id);
            if let Ok(credential) = credential {
                credential.subject = identity(id);
            }
        }
    });
}

const fn gate(reason: DenyReason, shut: fn(&mut Scene), open: fn(&mut Scene)) -> Gate {
    Gate { reason, shut, open }
}

/// A fault of the certificate; its neighbour is a certificate without it.
macro_rules! fault_gate {
    ($reason:ident, $fault:ident) => {
        gate(
            DenyReason::$reason,
            |scene| certificate_fault(scene, Fault::$fault),
            |scene| scene.set_certificate(GATEWAY, Ok(credential(GATEWAY, Assurance::Hybrid))),
        )
    };
}

/// A token that does not count; its neighbour is one that does.
macro_rules! token_gate {
    ($reason:ident) => {
        gate(
            DenyReason::$reason,
            |scene| scene.token = Some(Err(DenyReason::$reason)),
            |scene| scene.token = Some(Ok(credential(GATEWAY, Assurance::Hybrid))),
        )
    };
}

/// All reasons that `decide` itself can come to, in the order in which it looks.
fn gates() -> Vec<Gate> {
    alloc::vec![
        // Before gate 0, which would need an identity that the proxy shows with mutual TLS only.
        gate(
            DenyReason::PeerPlaintext,
            |scene| scene.connection.transport = Transport::Plaintext,
            |_| {},
        ),
        gate(
            DenyReason::OwnIdentityUnknown,
            |scene| scene.connection.own = Some(identity(STRANGER)),
            |scene| scene.connection.own = Some(identity(INFERENCE)),
        ),
        gate(
            DenyReason::PeerUnvalidated,
            |scene| with_tls(scene, |tls| tls.validation = PeerValidation::Failed),
            |scene| scene.tls().validation = PeerValidation::Assumed,
        ),
        gate(
            DenyReason::PeerCertificateUnavailable,
            |scene| with_tls(scene, |tls| tls.certificate = PeerCertificate::Unavailable),
            |_| {},
        ),
        gate(
            DenyReason::PeerIdentityInvalid,
            |scene| with_tls(scene, |tls| tls.certificate = PeerCertificate::Unreadable),
            |_| {},
        ),
        gate(
            DenyReason::TrustDomainUnknown,
            |scene| set_subject(scene, "spiffe://other.example/ns/edge/sa/gateway"),
            |scene| set_subject(scene, "spiffe://ai.example/ns/edge/sa/other"),
        ),
        fault_gate!(CredentialMalformed, Malformed),
        fault_gate!(CredentialHeaderAmbiguous, HeaderAmbiguous),
        fault_gate!(CredentialAuthorityUnknown, AuthorityUnknown),
        fault_gate!(CredentialTrustDomainForeign, TrustDomainForeign),
        fault_gate!(CredentialAlgorithmRefused, AlgorithmRefused),
        fault_gate!(HybridSignatureMissing, HybridSignatureMissing),
        fault_gate!(HybridSignatureInvalid, HybridSignatureInvalid),
        fault_gate!(ClassicalSignatureInvalid, ClassicalSignatureInvalid),
        fault_gate!(CredentialBindingMismatch, BindingMismatch),
        fault_gate!(CredentialClaimsInvalid, ClaimsInvalid),
        gate(
            DenyReason::CredentialNotYetValid,
            |scene| {
                let now = scene.now;
                with_certificate(scene, |certificate| {
                    certificate.not_before = TimeMs(now.0 + 1)
                });
            },
            |scene| scene.certificate().not_before = scene.now,
        ),
        gate(
            DenyReason::CredentialExpired,
            |scene| {
                let now = scene.now;
                with_certificate(scene, |certificate| certificate.not_after = now);
            },
            |scene| scene.certificate().not_after = TimeMs(scene.now.0 + 1),
        ),
        gate(
            DenyReason::CredentialRevoked,
            |scene| {
                with_certificate(scene, |certificate| certificate.keys.own = Some([0xee; 32]));
            },
            |scene| scene.certificate().keys.own = Some([0xef; 32]),
        ),
        gate(
            DenyReason::CredentialReissueRequired,
            |scene| with_certificate(scene, |certificate| certificate.issued = TimeMs(0)),
            |scene| scene.certificate().issued = scene.now,
        ),
        // The adapter forgot the state of a peer that it should have.
        gate(DenyReason::InternalBug, |scene| scene.peer = None, |_| {}),
        // Before the token, which is not verified for an isolated peer.
        gate(
            DenyReason::PeerIsolated,
            |scene| scene.peer = Some(peer_after_distinct_denials(8, scene.now)),
            |scene| scene.peer = Some(peer_after_distinct_denials(3, scene.now)),
        ),
        gate(
            DenyReason::CredentialIdentityMismatch,
            |scene| scene.token = Some(Ok(credential(INFERENCE, Assurance::Hybrid))),
            |scene| scene.token = Some(Ok(credential(GATEWAY, Assurance::Hybrid))),
        ),
        token_gate!(ProofMissing),
        token_gate!(ProofInvalid),
        token_gate!(ProofReplayed),
        token_gate!(ProofQuotaExceeded),
        token_gate!(VerificationBudgetExceeded),
        gate(
            DenyReason::AssuranceTooLow,
            |scene| {
                with_certificate(scene, |certificate| {
                    certificate.assurance = Assurance::Classical
                });
            },
            |scene| scene.certificate().assurance = Assurance::HybridProven,
        ),
        gate(
            DenyReason::FlowNotAllowed,
            |scene| set_subject(scene, VECTORS),
            |scene| set_subject(scene, "spiffe://ai.example/ns/edge/sa/vectors"),
        ),
        gate(
            DenyReason::PathAmbiguous,
            |scene| scene.path = "/v1/models/llm-7b%2f/infer",
            |scene| scene.path = "/v1/models/llm-7b%20/infer?a=%2f",
        ),
        gate(
            DenyReason::OperationNotAllowed,
            |scene| scene.connection.destination_port = 8081,
            |scene| {
                // The other operation names no port.
                scene.connection.destination_port = 8081;
                scene.method = "GET";
                scene.path = "/v1/models";
            },
        ),
        gate(
            DenyReason::TrustTooLow,
            |scene| scene.peer = Some(peer_after_distinct_denials(4, scene.now)),
            |scene| scene.peer = Some(peer_after_distinct_denials(3, scene.now)),
        ),
        gate(
            // With a hybrid certificate and 50 as the least trust, the score shuts first.
            DenyReason::TrustRestricted,
            |scene| scene.peer = Some(restricted_but_trusted_enough()),
            |scene| {
                scene.peer = Some(restricted_but_trusted_enough());
                scene.method = "GET";
                scene.path = "/v1/models";
            },
        ),
    ]
}

/// Restricted once, and since then recovered to a little above the exit: 6 nats of evidence leave
/// a hybrid peer a score of 57.
fn restricted_but_trusted_enough() -> PeerState {
    let began = TimeMs(NOW.0 - 900_000);
    let mut peer = peer_after_distinct_denials(8, began);
    peer.advance(NOW);
    assert_eq!(peer.standing(), Behaviour::Restricted);
    assert!(
        (6_000..=6_300).contains(&peer.denial()),
        "{}",
        peer.denial()
    );
    peer
}

#[test]
fn each_gate_denies_with_its_reason_and_its_neighbour_passes() {
    let policy = policy(|_| {});
    for Gate { reason, shut, open } in gates() {
        assert_eq!(Scene::with(shut).denial(&policy), Some(reason));
        assert_eq!(
            Scene::with(open).denial(&policy),
            None,
            "the neighbour of {reason:?}"
        );
    }
}

#[test]
fn the_table_has_every_reason_that_facts_can_lead_to() {
    // These are found before there are facts, by the adapter.
    let before_facts = [
        DenyReason::NotConfigured,
        DenyReason::HostReadFailed,
        DenyReason::RequestMalformed,
        DenyReason::ListenerNotInbound,
    ];
    let covered: BTreeSet<DenyReason> = gates()
        .iter()
        .map(|gate| gate.reason)
        .chain(before_facts)
        .collect();
    assert_eq!(covered, DenyReason::ALL.into_iter().collect());
}

#[test]
fn when_two_gates_are_shut_the_earlier_is_reported() {
    // Who has no flow needs the policy's assurance: let it be the flow's, so that the gate stands.
    let policy = policy(|document| {
        document.spec.minimum_assurance = crate::policy::raw::RequiredAssurance::Hybrid;
    });
    let gates = gates();
    for (place, earlier) in gates.iter().enumerate() {
        for later in &gates[place + 1..] {
            // Some of them exclude each other: the change that is made last stands.
            let mut scene = Scene::good();
            (later.shut)(&mut scene);
            (earlier.shut)(&mut scene);
            let reported = scene.denial(&policy);
            assert_eq!(reported, Some(earlier.reason), "before {:?}", later.reason);
        }
    }
}

#[test]
fn shadow_lets_pass_and_reports_what_enforce_would_deny() {
    let enforcing = policy(|_| {});
    let shadow = policy(|document| document.spec.mode = Mode::Shadow);
    for Gate { reason, shut, open } in gates() {
        let scene = Scene::with(shut);
        let verdict = scene.decide(&shadow);
        let Verdict::Allow(permit) = &verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(
            (permit.basis(), permit.would_deny()),
            (Basis::Shadow, Some(reason))
        );
        assert_eq!(verdict.reason(), scene.decide(&enforcing).reason());

        let verdict = Scene::with(open).decide(&shadow);
        let Verdict::Allow(permit) = &verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!((permit.basis(), permit.would_deny()), (Basis::Flow, None));
    }
}

#[test]
fn the_mode_of_a_flow_is_for_requests_that_reach_it() {
    let flow_in_shadow = policy(|document| document.spec.flows[0].mode = Some(Mode::Shadow));
    let flow_enforced = policy(|document| {
        document.spec.mode = Mode::Shadow;
        document.spec.flows[0].mode = Some(Mode::Enforce);
    });
    for Gate { reason, shut, .. } in gates() {
        // The gates before the flow is looked up, and the lack of a flow, go by the policy.
        let by_policy = reason.row().gate < 3 && reason != DenyReason::InternalBug
            || reason == DenyReason::FlowNotAllowed;
        // What no flow covers is refused where policy or flow enforces.
        let uncovered = matches!(
            reason,
            DenyReason::PathAmbiguous | DenyReason::OperationNotAllowed
        );
        let scene = Scene::with(shut);
        assert_eq!(
            scene.decide(&flow_in_shadow).is_allowed(),
            !by_policy && !uncovered,
            "{reason:?}"
        );
        assert_eq!(
            scene.decide(&flow_enforced).is_allowed(),
            by_policy,
            "{reason:?}"
        );
    }
}

#[test]
fn no_trust_opens_a_closed_gate() {
    let policy = policy(|document| {
        document.spec.flows[0].minimum_trust = Some(0);
    });
    for Gate { reason, shut, .. } in gates() {
        if reason.row().gate < 7 {
            let mut scene = Scene::with(shut);
            with_certificate(&mut scene, |certificate| {
                if certificate.assurance == Assurance::Hybrid {
                    certificate.assurance = Assurance::HybridProven;
                }
            });
            assert_eq!(scene.denial(&policy), Some(reason));
        }
    }
}

#[test]
fn trust_equal_to_the_minimum_is_enough() {
    for denials in 0..4 {
        let scene = Scene::with(|scene| {
            scene.peer = Some(peer_after_distinct_denials(denials, NOW));
        });
        let verdict = scene.decide(&policy(|_| {}));
        let trust = verdict.context().score.map(|score| score.trust).unwrap();
        let needs = |trust| policy(|document| document.spec.flows[0].minimum_trust = Some(trust));
        assert_eq!(scene.denial(&needs(trust)), None, "{trust}");
        if trust < 99 {
            let denial = scene.denial(&needs(trust + 1));
            assert_eq!(denial, Some(DenyReason::TrustTooLow), "{trust}");
        }
    }
}

#[test]
fn a_restricted_peer_may_read_and_nothing_else() {
    let policy = policy(|document| {
        let operation = &mut document.spec.flows[0].operations[0];
        operation.methods = alloc::vec!["*".into()];
    });
    for (method, denial) in [
        ("GET", None),
        ("HEAD", None),
        ("POST", Some(DenyReason::TrustRestricted)),
        ("PUT", Some(DenyReason::TrustRestricted)),
        ("DELETE", Some(DenyReason::TrustRestricted)),
        ("OPTIONS", Some(DenyReason::TrustRestricted)),
        ("get", Some(DenyReason::TrustRestricted)),
        ("GETX", Some(DenyReason::TrustRestricted)),
    ] {
        let scene = Scene::with(|scene| {
            scene.peer = Some(restricted_but_trusted_enough());
            scene.path = "/v1/models";
            scene.method = method;
        });
        assert_eq!(scene.denial(&policy), denial, "{method}");
    }
}

#[test]
fn a_restricted_peer_may_not_turn_a_read_into_an_open_channel() {
    let policy = policy(|document| {
        let operation = &mut document.spec.flows[0].operations[0];
        operation.methods = alloc::vec!["*".into()];
    });
    let restricted = |is_upgrade| {
        Scene::with(|scene| {
            scene.method = "GET";
            scene.path = "/v1/models";
            scene.is_upgrade = is_upgrade;
            scene.peer = Some(restricted_but_trusted_enough());
        })
    };
    assert_eq!(restricted(false).denial(&policy), None);
    assert_eq!(
        restricted(true).denial(&policy),
        Some(DenyReason::TrustRestricted)
    );
}
