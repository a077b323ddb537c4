//! Which flow a request belongs to, and whose settings apply to it.

use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::policy::raw::{self, RequiredAssurance};

fn reading_flow(name: &str, path: &str) -> raw::Flow {
    raw::Flow {
        name: name.into(),
        from: alloc::vec!["gateway".into()],
        to: "inference".into(),
        mode: None,
        minimum_assurance: None,
        minimum_trust: None,
        maximum_uncertainty: None,
        recheck_streams: None,
        requires: None,
        operations: alloc::vec![raw::Operation {
            methods: alloc::vec!["GET".into()],
            paths: alloc::vec![path.into()],
            ports: None,
            when_restricted: None,
        }],
    }
}

/// Three flows from the gateway to the model server, each with other settings.
fn three_flows() -> Policy {
    policy(|document| {
        document.spec.minimum_trust = Some(7);
        let mut metrics = reading_flow("metrics", "/metrics");
        metrics.mode = Some(Mode::Shadow);
        metrics.minimum_assurance = Some(RequiredAssurance::Hybrid);
        let mut version = reading_flow("version", "/version");
        version.minimum_trust = Some(99);
        document.spec.flows.extend([metrics, version]);
    })
}

fn reading(path: &'static str, change: impl FnOnce(&mut Scene)) -> Verdict {
    let mut scene = Scene::with(|scene| {
        scene.method = "GET";
        scene.path = path;
    });
    change(&mut scene);
    scene.decide(&three_flows())
}

#[test]
fn each_request_belongs_to_the_flow_that_covers_it() {
    for (path, flow) in [
        ("/v1/models", Some("infer")),
        ("/metrics", Some("metrics")),
        ("/version", Some("version")),
        ("/other", None),
        ("//metrics", None),
    ] {
        let verdict = reading(path, |_| {});
        assert_eq!(verdict.context().flow.as_deref(), flow, "{path}");
        assert_eq!(verdict.reason().is_none(), flow.is_some(), "{path}");
    }
}

#[test]
fn each_flow_has_its_own_assurance_trust_and_mode() {
    let classical = |scene: &mut Scene| scene.certificate().assurance = Assurance::Classical;
    // A distinct denial leaves a hybrid peer 97 and a classical one 90.
    let suspicious = |scene: &mut Scene| scene.peer = Some(peer_after_distinct_denials(2, NOW));
    let outcome = |verdict: &Verdict| (verdict.is_allowed(), verdict.reason());

    assert_eq!(
        outcome(&reading("/v1/models", classical)),
        (false, Some(DenyReason::AssuranceTooLow))
    );
    assert_eq!(
        outcome(&reading("/metrics", classical)),
        (true, Some(DenyReason::AssuranceTooLow)),
        "in shadow"
    );
    assert_eq!(
        outcome(&reading("/version", classical)),
        (true, None),
        "the policy's classical"
    );
    assert_eq!(
        outcome(&reading("/metrics", suspicious)),
        (true, None),
        "the policy's 7"
    );
    assert_eq!(
        outcome(&reading("/version", suspicious)),
        (false, Some(DenyReason::TrustTooLow))
    );
}

#[test]
fn among_several_flows_an_uncovered_request_goes_by_the_policy() {
    let verdict = reading("/other", |_| {});
    assert!(
        !verdict.is_allowed(),
        "one of the flows is in shadow, the policy is not"
    );
    assert_eq!(verdict.reason(), Some(DenyReason::OperationNotAllowed));
    assert_eq!(
        (verdict.context().mode, verdict.context().flow.as_deref()),
        (Mode::Enforce, None)
    );
    // The policy asks for less assurance than two of the flows.
    let classical = |scene: &mut Scene| scene.certificate().assurance = Assurance::Classical;
    assert_eq!(
        reading("/other", classical).reason(),
        Some(DenyReason::OperationNotAllowed)
    );
}

#[test]
fn the_port_is_part_of_the_operation() {
    let at_port = |port, method, path| {
        let scene = Scene::with(|scene| {
            scene.connection.destination_port = port;
            scene.method = method;
            scene.path = path;
        });
        scene.denial(&policy(|_| {}))
    };
    assert_eq!(at_port(8080, "POST", "/v1/models/a/infer"), None);
    assert_eq!(
        at_port(9090, "POST", "/v1/models/a/infer"),
        Some(DenyReason::OperationNotAllowed)
    );
    assert_eq!(
        at_port(9090, "GET", "/v1/models"),
        None,
        "an operation without ports"
    );
}

#[test]
fn methods_of_one_operation_do_not_open_paths_of_another() {
    let denial = |method, path| {
        let scene = Scene::with(|scene| {
            scene.method = method;
            scene.path = path;
        });
        scene.denial(&policy(|_| {}))
    };
    let refused = Some(DenyReason::OperationNotAllowed);
    assert_eq!(denial("GET", "/v1/models/a"), None);
    assert_eq!(denial("POST", "/v1/models/a/infer"), None);
    assert_eq!(denial("POST", "/v1/models/a"), refused);
    assert_eq!(denial("GET", "/v1/models/a/infer"), refused);
    assert_eq!(denial("HEAD", "/v1/models"), refused, "HEAD is not GET");
}

#[test]
fn a_flow_leads_one_way_and_not_back() {
    let back = Scene::with(|scene| {
        scene.connection.own = Some(identity(GATEWAY));
        scene.set_source(INFERENCE);
    });
    assert_eq!(
        back.denial(&policy(|_| {})),
        Some(DenyReason::FlowNotAllowed)
    );
    let to_itself = Scene::with(|scene| scene.set_source(INFERENCE));
    assert_eq!(
        to_itself.denial(&policy(|_| {})),
        Some(DenyReason::FlowNotAllowed)
    );
}

#[test]
fn a_flow_from_several_segments_serves_each_of_them() {
    let policy = policy(|document| document.spec.flows[0].from.push("vector-store".into()));
    let from = |id: &str| Scene::with(|scene| scene.set_source(id)).denial(&policy);
    let answers: Vec<Option<DenyReason>> = [GATEWAY, VECTORS, STRANGER].map(from).to_vec();
    assert_eq!(answers, [None, None, Some(DenyReason::FlowNotAllowed)]);
}

#[test]
fn a_known_identity_without_a_segment_has_no_flow() {
    for id in [STRANGER, "spiffe://ai.example/not/a/workload"] {
        let scene = Scene::with(|scene| scene.set_source(id));
        assert_eq!(
            scene.denial(&policy(|_| {})),
            Some(DenyReason::FlowNotAllowed),
            "{id}"
        );
    }
}
