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
            |scene| scene.peer = Some(peer_after_distinct_denials(2, scene.now)),
        ),
        gate(
            DenyReason::PeerQuarantined,
            |scene| scene.peer = Some(quarantined()),
            |scene| scene.peer = Some(peer_after_distinct_denials(0, scene.now)),
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
            |scene| {
                scene.connection.destination_port = 8081;
                scene.method = "POST";
                scene.path = "/v1/models/llm-7b/infer";
            },
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
            |scene| scene.peer = Some(peer_after_distinct_denials(2, scene.now)),
        ),
        gate(
            // With a hybrid certificate and 50 as the least trust, the score shuts first.
            DenyReason::TrustRestricted,
            |scene| {
                scene.peer = Some(restricted_but_trusted_enough());
                scene.method = "POST";
                scene.path = "/v1/models/llm-7b/infer";
            },
            reads_while_restricted,
        ),
        gate(
            DenyReason::RestrictedRateExceeded,
            |scene| {
                reads_while_restricted(scene);
                let waits = |peer| PeerView {
                    wait_seconds: Some(7),
                    ..peer
                };
                scene.peer = scene.peer.map(waits);
            },
            reads_while_restricted,
        ),
    ]
}

fn reads_while_restricted(scene: &mut Scene) {
    scene.peer = Some(restricted_but_trusted_enough());
    scene.method = "GET";
    scene.path = "/v1/models";
}

fn quarantined() -> PeerView {
    PeerView {
        is_quarantined: true,
        ..peer_after_distinct_denials(0, NOW)
    }
}

/// Restricted once, and since then recovered: 5 nats of evidence leave a hybrid peer a score of 78.
fn restricted_but_trusted_enough() -> PeerView {
    PeerView {
        standing: Behaviour::Restricted,
        ..peer_after_distinct_denials(2, NOW)
    }
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
    // These need a word of the policy, and have tests of their own: below, in artifacts.rs, grants.rs
    // and mesh.rs.
    let by_policy = [
        DenyReason::ArtifactManifestExpired,
        DenyReason::ClaimMissing,
        DenyReason::ArtifactNotAllowed,
        DenyReason::TrustUncertain,
        DenyReason::GrantExpired,
        DenyReason::GrantNotYetValid,
        DenyReason::KeyExchangeNotPostQuantum,
    ];
    let covered: BTreeSet<DenyReason> = gates()
        .iter()
        .map(|gate| gate.reason)
        .chain(before_facts)
        .chain(by_policy)
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
    for denials in 0..3 {
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

#[test]
fn a_peer_that_is_not_known_well_enough_has_what_a_restricted_one_has() {
    let policy = policy(|document| document.spec.flows[0].maximum_uncertainty = Some(40));
    let of = |uncertainty, method, path| {
        let scene = Scene::with(|scene| {
            let peer = scene.peer.unwrap();
            scene.peer = Some(PeerView {
                uncertainty,
                ..peer
            });
            scene.method = method;
            scene.path = path;
        });
        scene.denial(&policy)
    };
    let infer = "/v1/models/llm-7b/infer";
    assert_eq!(of(40, "POST", infer), None);
    assert_eq!(of(41, "POST", infer), Some(DenyReason::TrustUncertain));
    assert_eq!(of(100, "GET", "/v1/models"), None);
}

#[test]
fn what_restricted_peers_may_do_is_the_word_of_the_operation() {
    use crate::policy::raw::WhenRestricted;
    let restricted = |word: Option<WhenRestricted>, method, path| {
        let policy = policy(|document| {
            for operation in &mut document.spec.flows[0].operations {
                operation.when_restricted = word;
            }
        });
        let scene = Scene::with(|scene| {
            scene.peer = Some(restricted_but_trusted_enough());
            scene.method = method;
            scene.path = path;
        });
        scene.denial(&policy)
    };
    let refused = Some(DenyReason::TrustRestricted);
    let infer = "/v1/models/llm-7b/infer";
    assert_eq!(restricted(None, "POST", infer), refused);
    assert_eq!(restricted(Some(WhenRestricted::Allow), "POST", infer), None);
    assert_eq!(restricted(None, "GET", "/v1/models"), None);
    let denied = restricted(Some(WhenRestricted::Deny), "GET", "/v1/models");
    assert_eq!(denied, refused);
}

/// Where a term is named as the cause, the request passes without it.
#[test]
fn without_the_term_that_is_named_the_verdict_is_another() {
    let policy = policy(|_| {});
    let mut named = 0;
    for count in 0..12 {
        let scene = Scene::with(|scene| {
            scene.peer = Some(peer_after_distinct_denials(count, NOW));
        });
        let verdict = scene.decide(&policy);
        let Some(name) = verdict.context().decisive else {
            continue;
        };
        assert_eq!(name, crate::trust::TermName::Denial, "{count}");
        let mut without = scene.clone();
        let mut peer = without.peer.unwrap();
        (peer.evidence.denial, peer.evidence.distinct_denial) = (0, 0);
        // What is left of the evidence does not keep it in its state.
        peer.standing = Behaviour::Trusted;
        assert!(peer.evidence.sum() < 7_000);
        without.peer = Some(peer);
        assert_eq!(without.denial(&policy), None, "{count}");
        named += 1;
    }
    assert!(named >= 8, "{named}");
}

#[test]
fn a_caller_is_named_where_gates_before_its_own_refuse() {
    let refused = |change: fn(&mut Scene)| {
        let verdict = Scene::with(change).decide(&policy(|_| {}));
        let context = verdict.context();
        let source = context.source.clone();
        (verdict.reason(), source, context.assurance)
    };
    let foreign = "spiffe://other.example/ns/edge/sa/gateway";
    let (reason, source, assurance) = refused(|scene| {
        set_subject(scene, "spiffe://other.example/ns/edge/sa/gateway");
    });
    assert_eq!(reason, Some(DenyReason::TrustDomainUnknown));
    assert_eq!(
        (source, assurance),
        (Some(identity(foreign)), Assurance::Classical)
    );
    let (reason, source, assurance) = refused(|scene| scene.connection.own = None);
    assert_eq!(reason, Some(DenyReason::OwnIdentityUnknown));
    assert_eq!(
        (source, assurance),
        (Some(identity(GATEWAY)), Assurance::Classical)
    );
    // Nobody vouches for what such a certificate says.
    let (reason, source, assurance) = refused(|scene| {
        scene.tls().validation = PeerValidation::Failed;
    });
    assert_eq!(reason, Some(DenyReason::PeerUnvalidated));
    assert_eq!((source, assurance), (None, Assurance::Plaintext));
}
