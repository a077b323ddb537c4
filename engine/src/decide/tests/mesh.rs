//! What the whole mesh asks of credentials, beside what a flow asks, and break-glass.

use alloc::string::ToString;
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::facts::CredentialFault;
use crate::policy::KeyExchangeRule;
use crate::policy::raw::{BreakGlass, PolicyDocument, PostQuantumAuth, RequiredAssurance};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Allowed,
    Reported(DenyReason),
    Refused(DenyReason),
}

fn answer(verdict: &Verdict) -> Answer {
    match (verdict, verdict.reason()) {
        (Verdict::Deny(denial), _) => Answer::Refused(denial.reason()),
        (Verdict::Allow(_), Some(reason)) => Answer::Reported(reason),
        (Verdict::Allow(_), None) => Answer::Allowed,
    }
}

fn asks(json: &str) -> PostQuantumAuth {
    serde_json::from_str(json).unwrap()
}

/// The good request under a policy with this setting, with what this change makes of both.
fn ask(json: &str, change: impl Fn(&mut PolicyDocument, &mut Scene)) -> Answer {
    let mut scene = Scene::good();
    let policy = policy(|document| {
        document.spec.post_quantum_auth = Some(asks(json));
        change(document, &mut scene);
    });
    answer(&scene.decide(&policy))
}

/// One requirement: met, or not met where what asks for it is in this mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    Met,
    Unmet(Mode),
}

/// The table of docs/post-quantum-auth.md: the flow's own requirement down, the mesh's across.
#[test]
fn the_stricter_of_flow_and_mesh_decides() {
    use DenyReason::AssuranceTooLow as Low;
    let (enforce, shadow) = (Mode::Enforce, Mode::Shadow);
    let columns = [Own::Met, Own::Unmet(shadow), Own::Unmet(enforce)];
    let (allowed, reported, refused) =
        (Answer::Allowed, Answer::Reported(Low), Answer::Refused(Low));
    let table = [
        ((Own::Met, shadow), [allowed, reported, refused]),
        ((Own::Met, enforce), [allowed, reported, refused]),
        ((Own::Unmet(shadow), shadow), [reported, reported, refused]),
        ((Own::Unmet(enforce), enforce), [refused, refused, refused]),
    ];
    for ((flow, mode), row) in table {
        for (mesh, expected) in columns.into_iter().zip(row) {
            // A caller with a hybrid certificate, which is more than one of them asks and less than
            // the other.
            let floor = |own| match own {
                Own::Met => RequiredAssurance::Hybrid,
                Own::Unmet(_) => RequiredAssurance::HybridProven,
            };
            let mesh_mode = match mesh {
                Own::Met => enforce,
                Own::Unmet(mode) => mode,
            };
            let setting = alloc::format!(
                r#"{{"mode": "{}", "minimumAssurance": "{}"}}"#,
                mesh_mode.as_str(),
                if mesh == Own::Met {
                    "hybrid"
                } else {
                    "hybridProven"
                },
            );
            let found = ask(&setting, |document, _| {
                document.spec.flows[0].mode = Some(mode);
                document.spec.flows[0].minimum_assurance = Some(floor(flow));
            });
            assert_eq!(found, expected, "flow {flow:?} in {mode:?}, mesh {mesh:?}");
        }
    }
}

const MODES: [Mode; 2] = [Mode::Enforce, Mode::Shadow];
const FLOORS: [RequiredAssurance; 3] = [
    RequiredAssurance::Classical,
    RequiredAssurance::Hybrid,
    RequiredAssurance::HybridProven,
];
const SETTINGS: [Option<&str>; 13] = [
    None,
    Some(r#"{"mode": "enforce"}"#),
    Some(r#"{"mode": "enforce", "keyExchange": "required"}"#),
    Some(r#"{"mode": "enforce", "keyExchange": "ignored"}"#),
    Some(r#"{"mode": "enforce", "minimumAssurance": "hybridProven"}"#),
    Some(r#"{"mode": "enforce", "minimumAssurance": "hybridProven", "keyExchange": "required"}"#),
    Some(r#"{"mode": "enforce", "keyExchange": "required", "exemptNamespaces": ["ml"]}"#),
    Some(r#"{"mode": "enforce", "keyExchange": "required", "exemptNamespaces": ["edge"]}"#),
    Some(r#"{"mode": "shadow"}"#),
    Some(r#"{"mode": "shadow", "keyExchange": "required"}"#),
    Some(r#"{"mode": "shadow", "minimumAssurance": "hybridProven"}"#),
    Some(r#"{"mode": "shadow", "minimumAssurance": "hybridProven", "keyExchange": "required"}"#),
    Some(r#"{"mode": "shadow", "keyExchange": "required", "exemptNamespaces": ["ml"]}"#),
];
const KEY_EXCHANGES: [KeyExchange; 3] = [
    KeyExchange::Hidden,
    KeyExchange::Other,
    KeyExchange::PostQuantum,
];
type Change = fn(&mut Scene);
/// Callers, and what their credentials amount to; none where one does not hold.
const CALLERS: [(Change, Result<Assurance, DenyReason>); 9] = [
    (
        |s| s.certificate().assurance = Assurance::Classical,
        Ok(Assurance::Classical),
    ),
    (|_| {}, Ok(Assurance::Hybrid)),
    (
        |s| s.certificate().assurance = Assurance::HybridProven,
        Ok(Assurance::HybridProven),
    ),
    (
        |s| {
            s.certificate().assurance = Assurance::Classical;
            s.token = Some(Ok(credential(GATEWAY, Assurance::Hybrid)));
        },
        Ok(Assurance::Hybrid),
    ),
    (
        |s| s.token = Some(Err(DenyReason::ClassicalSignatureInvalid)),
        Err(DenyReason::ClassicalSignatureInvalid),
    ),
    (
        |s| {
            s.certificate().assurance = Assurance::Classical;
            s.token = Some(Err(DenyReason::VerificationBudgetExceeded));
        },
        Err(DenyReason::VerificationBudgetExceeded),
    ),
    (
        |s| s.certificate().not_after = NOW,
        Err(DenyReason::CredentialExpired),
    ),
    (
        |s| s.set_certificate(GATEWAY, Err(CredentialFault::HybridSignatureMissing)),
        Err(DenyReason::HybridSignatureMissing),
    ),
    (
        |s| s.tls().validation = PeerValidation::Failed,
        Err(DenyReason::PeerUnvalidated),
    ),
];
/// What else is wrong with the request, if anything.
const OTHERS: [(Change, Option<DenyReason>); 4] = [
    (|_| {}, None),
    (
        |s| s.method = "DELETE",
        Some(DenyReason::OperationNotAllowed),
    ),
    (
        |s| s.peer = Some(peer_after_distinct_denials(40, NOW)),
        Some(DenyReason::PeerIsolated),
    ),
    (
        |s| s.peer.as_mut().unwrap().is_quarantined = true,
        Some(DenyReason::PeerQuarantined),
    ),
];

/// What a reader of docs/post-quantum-auth.md would expect.
fn expected(
    mode: Mode,
    floor: RequiredAssurance,
    asked: Option<&PostQuantumAuth>,
    key_exchange: KeyExchange,
    brought: Result<Assurance, DenyReason>,
    other: Option<DenyReason>,
) -> Answer {
    let is_shut_out = matches!(
        other,
        Some(DenyReason::PeerIsolated | DenyReason::PeerQuarantined)
    );
    // What no flow covers has the policy's least assurance.
    let floor = match other {
        Some(DenyReason::OperationNotAllowed) => RequiredAssurance::Classical,
        _ => floor,
    };
    let own = match brought {
        Err(reason) => Some(reason),
        Ok(_) if is_shut_out => other,
        Ok(assurance) if assurance < floor.into() => Some(DenyReason::AssuranceTooLow),
        Ok(_) => other,
    };
    let asked = asked.filter(|asked| !asked.exempt_namespaces().any(|name| name == "ml"));
    let mesh = asked.and_then(|asked| {
        let unmet = if let Err(reason @ DenyReason::PeerUnvalidated) = brought {
            Some(reason)
        } else if asked.key_exchange() == KeyExchangeRule::Required
            && key_exchange != KeyExchange::PostQuantum
        {
            Some(DenyReason::KeyExchangeNotPostQuantum)
        } else {
            match brought {
                Err(reason) => Some(reason),
                Ok(assurance) if assurance < asked.minimum_assurance().into() => {
                    Some(DenyReason::AssuranceTooLow)
                }
                Ok(_) => None,
            }
        };
        Some((asked.mode(), unmet?))
    });
    match (own, mode, mesh) {
        (Some(reason), Mode::Enforce, _) => Answer::Refused(reason),
        (_, _, Some((Mode::Enforce, reason))) => Answer::Refused(reason),
        (Some(reason), Mode::Shadow, _) => Answer::Reported(reason),
        (None, _, Some((Mode::Shadow, reason))) => Answer::Reported(reason),
        (None, _, None) => Answer::Allowed,
    }
}

#[test]
fn each_combination_is_answered_as_documented() {
    let mut count = 0;
    for mode in MODES {
        for floor in FLOORS {
            for setting in SETTINGS {
                let asked = setting.map(asks);
                let build = |asked: Option<PostQuantumAuth>| {
                    policy(|document| {
                        document.spec.mode = mode;
                        document.spec.flows[0].minimum_assurance = Some(floor);
                        document.spec.post_quantum_auth = asked;
                    })
                };
                let (with, without) = (build(asked.clone()), build(None));
                for key_exchange in KEY_EXCHANGES {
                    for (caller, brought) in CALLERS {
                        for (change, other) in OTHERS {
                            let mut scene = Scene::with(caller);
                            scene.tls().key_exchange = key_exchange;
                            change(&mut scene);
                            // An invalid token of a peer that is shut out is never looked at.
                            let shut_out = matches!(
                                other,
                                Some(DenyReason::PeerIsolated | DenyReason::PeerQuarantined)
                            );
                            if shut_out && scene.token.is_some() {
                                continue;
                            }
                            let found = answer(&scene.decide(&with));
                            let asked = asked.as_ref();
                            let wanted = expected(mode, floor, asked, key_exchange, brought, other);
                            assert_eq!(
                                found, wanted,
                                "{mode:?} {floor:?} {setting:?} {key_exchange:?} {brought:?} {other:?}"
                            );
                            // The mesh never admits what the policy refuses, nor changes why.
                            let before = answer(&scene.decide(&without));
                            if let Answer::Refused(_) = before {
                                assert_eq!(found, before);
                            }
                            count += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(count > 6_000, "{count}");
}

#[test]
fn a_report_of_the_mesh_leaves_the_request_what_its_flow_makes_of_it() {
    let policy = policy(|document| {
        document.spec.post_quantum_auth = Some(asks(
            r#"{"mode": "shadow", "minimumAssurance": "hybridProven"}"#,
        ));
        document.spec.flows[0].recheck_streams = Some(true);
    });
    let verdict = Scene::good().decide(&policy);
    let Verdict::Allow(permit) = &verdict else {
        panic!("{verdict:?}")
    };
    // Otherwise a restricted caller would not use up its share, and the stream not be looked at.
    assert_eq!(permit.basis(), Basis::Flow);
    assert_eq!(permit.would_deny(), Some(DenyReason::AssuranceTooLow));
    assert!(permit.rechecks());
    assert_eq!(verdict.context().mode, Mode::Enforce);
    assert_eq!(verdict.context().post_quantum_auth, Some(Mode::Shadow));
}

#[test]
fn tells_what_refuses_a_request_of_a_flow_in_shadow() {
    let policy = policy(|document| {
        document.spec.mode = Mode::Shadow;
        document.spec.post_quantum_auth = Some(asks(r#"{"minimumAssurance": "hybridProven"}"#));
    });
    let verdict = Scene::good().decide(&policy);
    assert_eq!(
        answer(&verdict),
        Answer::Refused(DenyReason::AssuranceTooLow)
    );
    assert_eq!(verdict.context().mode, Mode::Enforce);
    assert_eq!(verdict.context().post_quantum_auth, Some(Mode::Enforce));
    assert_eq!(verdict.context().flow.as_deref(), Some("infer"));
}

#[test]
fn who_has_no_identity_does_not_bring_what_the_mesh_asks() {
    let shadow = |document: &mut PolicyDocument| document.spec.mode = Mode::Shadow;
    let without: [(Change, DenyReason); 4] = [
        (
            |s| s.connection.transport = Transport::Plaintext,
            DenyReason::PeerPlaintext,
        ),
        (
            |s| s.tls().certificate = PeerCertificate::Unavailable,
            DenyReason::PeerCertificateUnavailable,
        ),
        (
            |s| s.tls().certificate = PeerCertificate::Unreadable,
            DenyReason::PeerIdentityInvalid,
        ),
        (
            |s| s.set_source("spiffe://other.example/ns/edge/sa/gateway"),
            DenyReason::TrustDomainUnknown,
        ),
    ];
    for (change, reason) in without {
        for (setting, expected) in [
            (r#"{"mode": "enforce"}"#, Answer::Refused(reason)),
            (r#"{"mode": "shadow"}"#, Answer::Reported(reason)),
        ] {
            let found = ask(setting, |document, scene| {
                shadow(document);
                change(scene);
            });
            assert_eq!(found, expected, "{setting}");
        }
    }
    // A plaintext connection does not say who was called, so no exemption holds there.
    let exempt = r#"{"exemptNamespaces": ["ml"]}"#;
    let found = ask(exempt, |document, scene| {
        shadow(document);
        scene.connection.own = None;
        scene.connection.transport = Transport::Plaintext;
    });
    assert_eq!(found, Answer::Refused(DenyReason::PeerPlaintext));
}

#[test]
fn a_workload_of_no_segment_asks_too() {
    let found = |own: &str| {
        ask(r#"{"exemptNamespaces": ["sandbox"]}"#, |document, scene| {
            document.spec.mode = Mode::Shadow;
            scene.connection.own = Some(identity(own));
            scene.certificate().assurance = Assurance::Classical;
        })
    };
    let elsewhere = "spiffe://ai.example/ns/elsewhere/sa/x";
    assert_eq!(
        found(elsewhere),
        Answer::Refused(DenyReason::AssuranceTooLow)
    );
    assert_eq!(
        found(STRANGER),
        Answer::Reported(DenyReason::OwnIdentityUnknown)
    );
}

#[test]
fn probes_need_no_credentials() {
    let found = ask(r#"{"keyExchange": "required"}"#, |_, scene| {
        (scene.method, scene.path) = ("GET", "/healthz");
        scene.source_ip = "10.0.0.1".parse().unwrap();
        scene.connection.transport = Transport::Plaintext;
    });
    assert_eq!(found, Answer::Allowed);
}

#[test]
fn a_token_that_was_not_looked_at_proves_nothing() {
    let found = |assurance| {
        ask("{}", |document, scene| {
            document.spec.mode = Mode::Shadow;
            scene.certificate().assurance = assurance;
            scene.token = Some(Err(DenyReason::PeerIsolated));
            scene.peer = Some(peer_after_distinct_denials(40, NOW));
        })
    };
    let low = DenyReason::AssuranceTooLow;
    assert_eq!(found(Assurance::Classical), Answer::Refused(low));
    // Isolation is not the mesh's to enforce.
    let isolated = DenyReason::PeerIsolated;
    assert_eq!(found(Assurance::Hybrid), Answer::Reported(isolated));
}

#[test]
fn without_facts_nobody_brings_anything() {
    let reason = DenyReason::VerificationBudgetExceeded;
    let found = |setting: &str, own: Option<&str>| {
        let policy = policy(|document| {
            document.spec.mode = Mode::Shadow;
            document.spec.post_quantum_auth = Some(asks(setting));
        });
        let own = own.map(identity);
        answer(&deny_without_facts(
            &policy,
            own.as_ref(),
            reason,
            NOW,
            DECISION,
        ))
    };
    let exempt = r#"{"exemptNamespaces": ["ml"]}"#;
    assert_eq!(found("{}", Some(INFERENCE)), Answer::Refused(reason));
    assert_eq!(
        found(r#"{"mode": "shadow"}"#, None),
        Answer::Reported(reason)
    );
    assert_eq!(found(exempt, Some(INFERENCE)), Answer::Reported(reason));
    assert_eq!(found(exempt, None), Answer::Refused(reason));
}

#[test]
fn the_list_of_hybrid_groups_is_closed() {
    for (name, expected) in [
        ("X25519MLKEM768", KeyExchange::PostQuantum),
        ("SecP256r1MLKEM768", KeyExchange::PostQuantum),
        ("SecP384r1MLKEM1024", KeyExchange::PostQuantum),
        ("", KeyExchange::Hidden),
        ("-", KeyExchange::Hidden),
        ("X25519", KeyExchange::Other),
        ("P-256", KeyExchange::Other),
        ("MLKEM1024", KeyExchange::Other),
        ("X25519Kyber768Draft00", KeyExchange::Other),
        ("x25519mlkem768", KeyExchange::Other),
        (" X25519MLKEM768", KeyExchange::Other),
        ("X25519MLKEM768,X25519", KeyExchange::Other),
    ] {
        assert_eq!(KeyExchange::of_group(name.as_bytes()), expected, "{name}");
    }
}

/// The tests' time is 2027-01-15T08:00:00Z.
fn glass(until: &str, segments: Option<&[&str]>) -> BreakGlass {
    BreakGlass {
        until: until.to_string(),
        reason: "incident 7".to_string(),
        segments: segments.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>()),
    }
}

#[test]
fn break_glass_turns_flow_and_mesh_to_shadow_while_it_lasts() {
    let cases: [(&str, Option<&[&str]>, bool); 8] = [
        ("2027-01-15T09:00:00Z", None, true),
        ("2027-01-15T10:30:00+02:00", None, true),
        ("2027-01-22T08:00:00Z", None, true),
        (
            "2027-01-15T08:00:01Z",
            Some(&["vector-store", "inference"]),
            true,
        ),
        ("2027-01-15T09:00:00Z", Some(&["vector-store"]), false),
        ("2027-01-15T08:00:00Z", None, false),
        ("2027-01-15T07:00:00Z", None, false),
        // The clock is wrong, or somebody wrote what `sallyport check` refuses.
        ("2027-01-22T08:00:01Z", None, false),
    ];
    let scenes: [(Change, DenyReason); 4] = [
        (|s| s.method = "DELETE", DenyReason::OperationNotAllowed),
        (
            |s| s.certificate().not_after = NOW,
            DenyReason::CredentialExpired,
        ),
        (
            |s| s.certificate().assurance = Assurance::Classical,
            DenyReason::AssuranceTooLow,
        ),
        (
            |s| s.peer.as_mut().unwrap().is_quarantined = true,
            DenyReason::PeerQuarantined,
        ),
    ];
    for (until, segments, lasts) in cases {
        for setting in [None, Some("{}")] {
            let policy = policy(|document| {
                document.spec.post_quantum_auth = setting.map(asks);
                document.spec.break_glass = Some(glass(until, segments));
            });
            for (change, reason) in scenes {
                let verdict = Scene::with(change).decide(&policy);
                let expected = if lasts {
                    Answer::Reported(reason)
                } else {
                    Answer::Refused(reason)
                };
                assert_eq!(answer(&verdict), expected, "{until} {segments:?}");
                let text = verdict.context().break_glass.as_deref();
                assert_eq!(
                    text.map(|text| text.reason.as_str()),
                    lasts.then_some("incident 7")
                );
            }
        }
    }
}

#[test]
fn break_glass_of_a_segment_opens_nothing_for_who_does_not_know_its_own() {
    for (segments, expected) in [
        (None, Answer::Reported(DenyReason::PeerPlaintext)),
        (
            Some(&["inference"][..]),
            Answer::Refused(DenyReason::PeerPlaintext),
        ),
    ] {
        let policy = policy(|document| {
            document.spec.break_glass = Some(glass("2027-01-15T09:00:00Z", segments));
        });
        let scene = Scene::with(|scene| {
            scene.connection.own = None;
            scene.connection.transport = Transport::Plaintext;
        });
        assert_eq!(answer(&scene.decide(&policy)), expected);
    }
}
