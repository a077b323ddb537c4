//! The decision beside a second, naive one (`model.rs`): random policies and requests, the same
//! answers. What the engine looks up in indexes, the model finds by asking everything in turn.
#![cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall panic"
)]

mod artifacts;
mod asked;
mod grants;
mod mesh;
mod model;

use proptest::prelude::*;
use sallyport_engine::decide;
use sallyport_engine::identity::Assurance;
use sallyport_engine::policy::{Mode, Policy};
use sallyport_engine::verdict::{Basis, DecisionId, Verdict};

use mesh::{Case, Mesh};

const DECISION: DecisionId = DecisionId {
    vm: [1; 8],
    counter: 2,
};

fn decide_case(policy: &Policy, case: &Case) -> Verdict {
    let (facts, peer) = (case.facts(), case.peer());
    decide(policy, &facts.as_facts(), Some(&peer), case.now(), DECISION)
}

/// The part of an answer that the model gives as well.
fn summary(verdict: &Verdict) -> model::Answer {
    let basis = match verdict {
        Verdict::Allow(permit) => Some(permit.basis()),
        Verdict::Deny(_) => None,
    };
    let flow = verdict.context().flow.as_deref().map(String::from);
    model::Answer {
        basis,
        reason: verdict.reason(),
        flow,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn decides_as_the_model_does(mesh in mesh::meshes(), case in mesh::cases()) {
        let (policy, mesh) = mesh.compiled();
        let expected = model::decide(&mesh, &case);
        prop_assert_eq!(summary(&decide_case(&policy, &case)), expected);
    }

    #[test]
    fn never_allows_what_the_model_denies(mesh in mesh::meshes(), case in mesh::likely_cases()) {
        let (policy, mesh) = mesh.compiled();
        let verdict = decide_case(&policy, &case);
        let expected = model::decide(&mesh, &case);
        prop_assert!(!verdict.is_allowed() || expected.basis.is_some());
        prop_assert_eq!(summary(&verdict), expected);
    }

    #[test]
    fn names_each_validated_caller_whatever_the_answer(
        mesh in mesh::meshes(), case in mesh::likely_cases()
    ) {
        let (policy, _) = mesh.compiled();
        let verdict = decide_case(&policy, &case);
        let context = verdict.context();
        let caller = model::caller(&case);
        prop_assert_eq!(context.source.as_ref().map(|source| source.as_str()), caller);
        prop_assert_eq!(context.assurance == Assurance::Plaintext, caller.is_none());
    }

    #[test]
    fn no_request_is_covered_by_two_flows(mesh in mesh::meshes(), case in mesh::likely_cases()) {
        let (_, mesh) = mesh.compiled();
        prop_assert!(model::covering_flows(&mesh, &case).len() <= 1);
    }

    #[test]
    fn flows_are_refused_together_only_when_some_request_belongs_to_both(
        one in mesh::flows("one"), other in mesh::flows("other")
    ) {
        let refused = Mesh::of([one.clone(), other.clone()]).compile().is_err();
        prop_assert_eq!(refused, model::share_a_request(&one, &other));
    }

    #[test]
    fn a_further_flow_takes_nothing_away_and_opens_its_own_requests_only(
        mesh in mesh::meshes(), more in mesh::flows("more"), case in mesh::likely_cases()
    ) {
        let (before, mesh) = mesh.compiled();
        let (after, with_more) = mesh.with(more).compiled();
        let was = summary(&decide_case(&before, &case));
        let is = summary(&decide_case(&after, &case));
        let belongs = model::covering_flows(&with_more, &case);
        match was.basis {
            // What a flow allowed stays allowed, by the same flow.
            Some(Basis::Flow | Basis::Grant | Basis::Probe) => prop_assert_eq!(is, was),
            // What was refused for want of a flow can only pass through the new one, or by a mode.
            Some(Basis::Shadow) | None => {
                if is.basis == Some(Basis::Flow) {
                    prop_assert_eq!(belongs, ["more"]);
                }
            }
        }
    }

    #[test]
    fn fewer_flows_never_allow_more(
        mesh in mesh::meshes(), dropped in any::<prop::sample::Index>(), case in mesh::likely_cases()
    ) {
        let (all, mesh) = mesh.compiled();
        let (fewer, _) = mesh.without(dropped).compiled();
        let allowed_by = |policy| summary(&decide_case(policy, &case)).basis;
        if allowed_by(&fewer) == Some(Basis::Flow) {
            prop_assert_eq!(allowed_by(&all), Some(Basis::Flow));
        }
    }

    #[test]
    fn the_order_of_flows_and_segments_in_the_document_does_not_matter(
        mesh in mesh::meshes(), case in mesh::likely_cases()
    ) {
        let (policy, mesh) = mesh.compiled();
        let turned = mesh.turned_around().compile().unwrap();
        let (a, b) = (decide_case(&policy, &case), decide_case(&turned, &case));
        prop_assert_eq!(summary(&a), summary(&b));
    }

    #[test]
    fn shadow_finds_the_same_reasons_and_lets_everything_pass(
        mesh in mesh::meshes(), case in mesh::likely_cases()
    ) {
        let (enforcing, mesh) = mesh.all_in(Mode::Enforce).compiled();
        let (shadow, _) = mesh.all_in(Mode::Shadow).compiled();
        let (enforced, passed) = (decide_case(&enforcing, &case), decide_case(&shadow, &case));
        prop_assert!(passed.is_allowed());
        prop_assert_eq!(enforced.is_allowed(), enforced.reason().is_none());
        prop_assert_eq!(passed.reason(), enforced.reason());
    }

    #[test]
    fn a_peer_with_more_evidence_is_never_allowed_more(
        mesh in mesh::meshes(), case in mesh::likely_cases(), more in 1_usize..6
    ) {
        let (policy, _) = mesh.all_in(Mode::Enforce).compiled();
        let worse = case.with_more_denials(more);
        if decide_case(&policy, &worse).is_allowed() {
            prop_assert!(decide_case(&policy, &case).is_allowed());
        }
    }

    #[test]
    fn what_the_mesh_asks_only_refuses_more_and_exactly_who_does_not_bring_it(
        mesh in mesh::meshes(), case in prop_oneof![mesh::cases(), mesh::likely_cases()],
        setting in asked::settings(), key_exchange in asked::key_exchanges(),
    ) {
        let case = case.with_key_exchange(key_exchange);
        let (without, mesh) = mesh.compiled();
        let with = mesh.asking(setting.clone()).compile().unwrap();
        let (before, after) = (decide_case(&without, &case), decide_case(&with, &case));
        let was = summary(&before);
        prop_assert_eq!(after.is_allowed(), asked::goes_on(&setting, &case, &was));
        // What is refused already keeps its reason, and what still goes on its basis and flow.
        if !before.is_allowed() {
            prop_assert_eq!(summary(&after), was);
        } else if after.is_allowed() {
            prop_assert_eq!(summary(&after).basis, was.basis);
            prop_assert_eq!(summary(&after).flow, was.flow);
        }
    }

    #[test]
    fn a_requirement_only_refuses_more_and_exactly_who_does_not_bring_it(
        mesh in mesh::meshes(), case in prop_oneof![1 => mesh::cases(), 4 => mesh::likely_cases()],
        asked in artifacts::asked(), claim in artifacts::claims(),
    ) {
        let case = case.claiming(claim);
        let (without, mesh) = mesh.compiled();
        let with = mesh.requiring(&asked).compile().unwrap();
        let was = summary(&decide_case(&without, &case));
        let is = summary(&decide_case(&with, &case));
        // It is asked where a flow covers the request and nothing before its trust refuses it.
        let reaches_trust = match was.reason {
            None => was.basis == Some(Basis::Flow),
            Some(reason) => reason.row().gate == 7,
        };
        let claim = claim.filter(|_| case.token.is_some());
        match asked.refuses(claim).filter(|_| reaches_trust) {
            None => prop_assert_eq!(is, was),
            Some(reason) => {
                let mut flows = mesh.flows.iter();
                let flow = flows.find(|flow| Some(&flow.name) == was.flow.as_ref()).unwrap();
                let basis = match flow.mode.unwrap_or(mesh.mode) {
                    Mode::Enforce => None,
                    Mode::Shadow => Some(Basis::Shadow),
                };
                let flow = was.flow;
                prop_assert_eq!(is, model::Answer { basis, reason: Some(reason), flow });
            }
        }
    }

    #[test]
    fn a_grant_opens_what_a_flow_that_asks_for_the_strictest_would_and_only_in_its_time(
        mesh in mesh::meshes(), case in prop_oneof![mesh::cases(), mesh::likely_cases()],
        granting in grants::grants(),
    ) {
        let (without, mesh) = mesh.compiled();
        let with = mesh.granting(granting.grant.clone()).compile().unwrap();
        let was = summary(&decide_case(&without, &case));
        let (_, expected) = grants::expected(&mesh, &granting, &case, was);
        prop_assert_eq!(summary(&decide_case(&with, &case)), expected);
    }

    #[test]
    fn more_assurance_never_denies_what_less_of_it_allows(
        mesh in mesh::meshes(), case in mesh::likely_cases()
    ) {
        let (policy, _) = mesh.all_in(Mode::Enforce).compiled();
        if decide_case(&policy, &case).is_allowed() {
            prop_assert!(decide_case(&policy, &case.with_hybrid_certificate()).is_allowed());
        }
    }
}

/// The random grants are of use only if they decide, at each time, and with each outcome.
#[test]
fn the_random_grants_decide() {
    use proptest::strategy::ValueTree;
    use std::collections::BTreeMap;

    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeMap<(grants::Time, bool), usize> = BTreeMap::new();
    for _ in 0..8_000 {
        let mesh = mesh::meshes().new_tree(&mut runner).unwrap().current();
        let case = mesh::likely_cases()
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let granting = grants::grants().new_tree(&mut runner).unwrap().current();
        let (policy, mesh) = mesh.compiled();
        let was = summary(&decide_case(&policy, &case));
        let (time, answer) = grants::expected(&mesh, &granting, &case, was);
        if let Some(time) = time {
            *seen
                .entry((time, answer.basis == Some(Basis::Grant)))
                .or_default() += 1;
        }
    }
    for time in grants::all_times() {
        assert!(
            seen.get(&(time, false)).is_some_and(|count| *count >= 20),
            "{seen:?}"
        );
    }
    assert!(
        seen.get(&(grants::Time::InForce, true))
            .is_some_and(|count| *count >= 20),
        "{seen:?}"
    );
}

/// The random requests are of use only if they reach all gates.
#[test]
fn the_random_requests_reach_every_gate() {
    use proptest::strategy::ValueTree;
    use std::collections::BTreeMap;

    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..8_000 {
        let mesh = mesh::meshes().new_tree(&mut runner).unwrap().current();
        let cases = if number % 2 == 0 {
            mesh::cases().boxed()
        } else {
            mesh::likely_cases().boxed()
        };
        let case = cases.new_tree(&mut runner).unwrap().current();
        let answer = summary(&decide_case(&mesh.compiled().0, &case));
        let basis = answer.basis.map_or("denied", Basis::as_str);
        let reason = answer.reason.map_or("", |reason| reason.code());
        *seen.entry(format!("{basis} {reason}")).or_default() += 1;
    }
    for answer in [
        "flow ",
        "probe ",
        "denied peer_plaintext",
        "denied own_identity_unknown",
        "denied peer_unvalidated",
        "denied trust_domain_unknown",
        "denied credential_expired",
        "denied credential_not_yet_valid",
        "denied credential_identity_mismatch",
        "denied assurance_too_low",
        "denied peer_isolated",
        "denied flow_not_allowed",
        "denied path_ambiguous",
        "denied operation_not_allowed",
        "denied trust_too_low",
        "denied trust_restricted",
        "shadow operation_not_allowed",
        "shadow flow_not_allowed",
        "shadow assurance_too_low",
        "shadow trust_too_low",
    ] {
        assert!(
            seen.get(answer).is_some_and(|count| *count >= 5),
            "{answer}: {seen:#?}"
        );
    }
}
