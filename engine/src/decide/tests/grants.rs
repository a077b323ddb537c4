//! Grants: when they count, what they ask for, and what they do not change.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::fixtures::grant;
use crate::policy::raw::{Grant, PolicyDocument, RequiredAssurance, WhenRestricted};

/// 2027-01-15T07:00:00Z and 09:00:00Z.
const BEGINS: u64 = NOW.0 - HOUR_MS;
const ENDS: u64 = NOW.0 + HOUR_MS;

/// The mesh with the grant, both changed.
fn granting(change: impl FnOnce(&mut Grant, &mut PolicyDocument)) -> Policy {
    policy(|document| {
        let mut grant = grant();
        change(&mut grant, document);
        document.spec.grants = Some(alloc::vec![grant]);
    })
}

/// The gateway deletes a model, with a credential that holds at all of these times.
fn deleting(change: impl FnOnce(&mut Scene)) -> Scene {
    let mut scene = Scene::with(|scene| {
        scene.method = "DELETE";
        scene.path = "/v1/models/llm-7b";
        let certificate = scene.certificate();
        certificate.not_before = TimeMs(0);
        certificate.not_after = TimeMs(u64::MAX);
    });
    change(&mut scene);
    scene
}

fn at(now: u64) -> Scene {
    deleting(|scene| scene.now = TimeMs(now))
}

#[test]
fn allows_from_its_first_to_its_last_millisecond() {
    let policy = granting(|_, _| {});
    let (expired, early) = (DenyReason::GrantExpired, DenyReason::GrantNotYetValid);
    let far = DenyReason::OperationNotAllowed;
    for (now, expected) in [
        (0, Some(far)),
        (BEGINS - HOUR_MS - 1, Some(far)),
        (BEGINS - HOUR_MS, Some(early)),
        (BEGINS - 1, Some(early)),
        (BEGINS, None),
        (BEGINS + 1, None),
        (NOW.0, None),
        (ENDS - 1, None),
        (ENDS, Some(expired)),
        (ENDS + 1, Some(expired)),
        (ENDS + HOUR_MS - 1, Some(expired)),
        (ENDS + HOUR_MS, Some(far)),
        (u64::MAX - 1, Some(far)),
    ] {
        assert_eq!(at(now).denial(&policy), expected, "{now}");
    }
}

#[test]
fn a_clock_that_goes_back_is_asked_like_any_other() {
    let policy = granting(|_, _| {});
    let answers = [ENDS - 1, ENDS, ENDS - 1].map(|now| at(now).denial(&policy));
    assert_eq!(answers, [None, Some(DenyReason::GrantExpired), None]);
}

#[test]
fn is_named_as_that_by_which_the_request_goes_on() {
    let verdict = at(NOW.0).decide(&granting(|_, _| {}));
    let Verdict::Allow(permit) = &verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!((permit.basis(), permit.would_deny()), (Basis::Grant, None));
    let context = verdict.context();
    let grant = context.grant.as_deref().unwrap();
    assert_eq!(
        (grant.name.as_str(), grant.reason.as_str()),
        ("incident", "incident 4711")
    );
    assert_eq!(context.flow, None);
    assert!(permit.rechecks(), "its streams are always looked at again");
}

#[test]
fn a_refusal_for_its_time_names_it_and_any_other_does_not() {
    let policy = granting(|_, _| {});
    let named = |scene: Scene| {
        let verdict = scene.decide(&policy);
        let grant = verdict.context().grant.as_deref();
        (verdict.reason(), grant.map(|grant| grant.name.clone()))
    };
    let name = || Some("incident".into());
    assert_eq!(named(at(ENDS)), (Some(DenyReason::GrantExpired), name()));
    assert_eq!(
        named(at(BEGINS - 1)),
        (Some(DenyReason::GrantNotYetValid), name())
    );
    assert_eq!(
        named(at(ENDS + HOUR_MS)),
        (Some(DenyReason::OperationNotAllowed), None)
    );
    assert_eq!(
        named(deleting(|scene| scene.path = "/v1/models")),
        (Some(DenyReason::OperationNotAllowed), None)
    );
    // In force, it is named whichever gate is shut.
    let isolated = deleting(|scene| scene.peer = Some(peer_after_distinct_denials(60, NOW)));
    assert_eq!(named(isolated), (Some(DenyReason::PeerIsolated), name()));
}

#[test]
fn is_for_its_callers_its_segment_and_its_operations_only() {
    type Change = fn(&mut Scene);
    let policy = granting(|_, _| {});
    let changes: [(Change, DenyReason); 7] = [
        (
            |scene| scene.set_source(VECTORS),
            DenyReason::FlowNotAllowed,
        ),
        (
            |scene| scene.set_source(STRANGER),
            DenyReason::FlowNotAllowed,
        ),
        (
            |scene| scene.connection.own = Some(identity(VECTORS)),
            DenyReason::FlowNotAllowed,
        ),
        (
            |scene| scene.method = "PUT",
            DenyReason::OperationNotAllowed,
        ),
        (
            |scene| scene.path = "/v1/models/llm-7b/x",
            DenyReason::OperationNotAllowed,
        ),
        (
            |scene| scene.path = "/v1//models/llm-7b",
            DenyReason::PathAmbiguous,
        ),
        (
            |scene| scene.connection.destination_port = 9090,
            DenyReason::OperationNotAllowed,
        ),
    ];
    for (change, reason) in changes {
        assert_eq!(deleting(change).denial(&policy), Some(reason));
    }
}

#[test]
fn leads_where_no_flow_leads() {
    let policy = granting(|grant, document| {
        document.spec.flows.clear();
        grant.from = alloc::vec!["vector-store".into(), "gateway".into()];
    });
    assert_eq!(at(NOW.0).denial(&policy), None);
    assert_eq!(at(ENDS).denial(&policy), Some(DenyReason::GrantExpired));
    let mut other = at(NOW.0);
    other.set_certificate(VECTORS, Ok(credential(VECTORS, Assurance::Hybrid)));
    assert_eq!(other.denial(&policy), None);
}

#[test]
fn asks_for_the_strictest_of_the_policy_and_the_flows_between() {
    let classical = || deleting(|scene| scene.certificate().assurance = Assurance::Classical);
    // The policy asks for less than the flow `infer`, which asks for hybrid and a trust of 50.
    let policy = granting(|_, document| {
        document.spec.minimum_assurance = RequiredAssurance::Classical;
    });
    assert_eq!(
        classical().denial(&policy),
        Some(DenyReason::AssuranceTooLow)
    );
    // The flow asks for less than the policy.
    let policy = granting(|_, document| {
        document.spec.minimum_assurance = RequiredAssurance::Hybrid;
        document.spec.flows[0].minimum_assurance = Some(RequiredAssurance::Classical);
    });
    assert_eq!(
        classical().denial(&policy),
        Some(DenyReason::AssuranceTooLow)
    );
    // Neither asks for it.
    let policy = granting(|_, document| {
        document.spec.flows[0].minimum_assurance = Some(RequiredAssurance::Classical);
    });
    assert_eq!(classical().denial(&policy), None);
    // A caller with a trust of 98.
    let doubtful = || deleting(|scene| scene.peer = Some(peer_after_distinct_denials(2, NOW)));
    let trust = |of_policy: u8, of_flow: u8| {
        granting(|_, document| {
            document.spec.minimum_trust = Some(of_policy);
            document.spec.flows[0].minimum_trust = Some(of_flow);
        })
    };
    let reached = doubtful()
        .decide(&trust(0, 0))
        .context()
        .score
        .unwrap()
        .trust;
    let above = reached + 1;
    assert_eq!(doubtful().denial(&trust(reached, reached)), None);
    for policy in [trust(above, 0), trust(0, above)] {
        assert_eq!(doubtful().denial(&policy), Some(DenyReason::TrustTooLow));
    }
}

#[test]
fn leaves_restricted_and_unknown_callers_what_flows_leave_them() {
    let restricted = || {
        let peer = peer_after_distinct_denials(6, NOW);
        assert_eq!(peer.standing, Behaviour::Restricted);
        deleting(|scene| scene.peer = Some(peer))
    };
    let when = |rule| {
        granting(|grant, document| {
            document.spec.flows[0].minimum_trust = None;
            grant.operations[0].when_restricted = rule;
        })
    };
    assert_eq!(
        restricted().denial(&when(None)),
        Some(DenyReason::TrustRestricted)
    );
    assert_eq!(
        restricted().denial(&when(Some(WhenRestricted::Allow))),
        None
    );
    // A flow between the segments that leaves unknown callers less does so for the grant too.
    let unknown = granting(|_, document| {
        document.spec.flows[0].maximum_uncertainty = Some(0);
    });
    assert_eq!(at(NOW.0).denial(&unknown), Some(DenyReason::TrustUncertain));
}

#[test]
fn a_request_that_a_flow_covers_is_the_flows() {
    // The grant covers what `infer` covers, and the flow asks for more than anybody has.
    let policy = granting(|grant, document| {
        document.spec.flows[0].minimum_trust = Some(99);
        document.spec.flows[0].minimum_assurance = Some(RequiredAssurance::HybridProven);
        grant.operations[0].methods = alloc::vec!["*".into()];
        grant.operations[0].paths = alloc::vec!["/{**}".into()];
    });
    let verdict = Scene::good().decide(&policy);
    assert_eq!(verdict.reason(), Some(DenyReason::AssuranceTooLow));
    let context = verdict.context();
    assert_eq!(
        (context.flow.as_deref(), &context.grant),
        (Some("infer"), &None)
    );
}

#[test]
fn its_mode_is_that_of_requests_that_no_flow_covers() {
    let mode = |of_policy: Mode, of_flow: Option<Mode>| {
        let policy = granting(|_, document| {
            document.spec.mode = of_policy;
            document.spec.flows[0].mode = of_flow;
        });
        let low = deleting(|scene| scene.certificate().assurance = Assurance::Classical);
        let verdict = low.decide(&policy);
        assert_eq!(verdict.reason(), Some(DenyReason::AssuranceTooLow));
        (
            verdict.is_allowed(),
            at(NOW.0).decide(&policy).context().rechecks_streams,
        )
    };
    assert_eq!(mode(Mode::Enforce, None), (false, true));
    assert_eq!(mode(Mode::Enforce, Some(Mode::Shadow)), (false, true));
    assert_eq!(mode(Mode::Shadow, Some(Mode::Enforce)), (false, true));
    // What would pass without the grant too need not end with it.
    assert_eq!(mode(Mode::Shadow, None), (true, false));
}

#[test]
fn of_two_grants_the_one_that_is_in_force_decides() {
    let policy = policy(|document| {
        let second = Grant {
            name: "second".into(),
            not_before: "2027-01-15T09:00:00Z".into(),
            not_after: "2027-01-15T10:00:00Z".into(),
            ..grant()
        };
        let wide = Grant {
            name: "wide".into(),
            not_before: "2027-01-15T06:30:00Z".into(),
            not_after: "2027-01-15T07:00:00Z".into(),
            ..grant()
        };
        document.spec.grants = Some(alloc::vec![wide, second, grant()]);
    });
    let named = |now: u64| {
        let verdict = at(now).decide(&policy);
        let grant = verdict
            .context()
            .grant
            .as_deref()
            .map(|grant| grant.name.clone());
        (verdict.reason(), grant.unwrap_or_default())
    };
    assert_eq!(named(BEGINS - 1), (None, "wide".into()));
    assert_eq!(named(BEGINS), (None, "incident".into()));
    assert_eq!(named(ENDS - 1), (None, "incident".into()));
    assert_eq!(named(ENDS), (None, "second".into()));
    assert_eq!(
        named(ENDS + HOUR_MS),
        (Some(DenyReason::GrantExpired), "second".into())
    );
}
