use std::path::Path;

use super::*;
use crate::policy_file::from_text;

const POLICY: &str = include_str!("../../tests/data/policy.yaml");
const NOW: TimeMs = TimeMs(1_800_000_000_000);

fn load(text: &str) -> LoadedPolicy {
    from_text(text, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}"))
}

fn between(old: &str, new: &str) -> Difference {
    diff(&load(old), &load(new), NOW, 100_000)
}

/// The effects of changing the policy at one place, each once: of parts, and of answers.
fn effects(old: &str, new: &str) -> (Vec<Effect>, Vec<Effect>) {
    assert!(POLICY.contains(old), "{old}");
    let difference = between(POLICY, &POLICY.replace(old, new));
    let once = |mut effects: Vec<Effect>| {
        effects.sort();
        effects.dedup();
        effects
    };
    (
        once(difference.parts.iter().map(|part| part.effect).collect()),
        once(
            difference
                .answers
                .iter()
                .map(|answer| answer.effect)
                .collect(),
        ),
    )
}

#[test]
fn a_policy_does_not_differ_from_itself() {
    let difference = between(POLICY, POLICY);
    assert!(difference.is_empty() && !difference.is_cut);
    // Two segments, one operation: its request, an undeclared method, path and port from the
    // caller, and from each of three to each of two; with each assurance.
    assert_eq!(difference.asked, (4 + 6) * 3);
}

#[test]
fn says_of_each_change_whether_more_or_less_passes() {
    use Effect::{Narrowing, ReasonOnly, Widening};
    type Case = (
        &'static str,
        &'static str,
        &'static [Effect],
        &'static [Effect],
    );
    let cases: [Case; 11] = [
        ("[GET]", "[GET, POST]", &[Widening], &[Widening]),
        ("{order}", "{**}", &[Widening, ReasonOnly], &[Widening]),
        (
            "orders/{order}",
            "orders/7",
            &[Narrowing, ReasonOnly],
            &[Narrowing],
        ),
        (
            "ports: [8080]",
            "ports: [8080, 9090]",
            &[Widening],
            &[Widening],
        ),
        ("mode: enforce", "mode: shadow", &[Widening], &[Widening]),
        (
            "from: [web]",
            "from: [orders]",
            &[Widening, Narrowing],
            &[Widening, Narrowing, ReasonOnly],
        ),
        (
            "minimumAssurance: classical",
            "minimumAssurance: hybrid",
            &[Narrowing],
            &[Narrowing, ReasonOnly],
        ),
        (
            "to: orders",
            "to: orders\n      minimumTrust: 99",
            &[Narrowing],
            &[],
        ),
        (
            "namespaces: [web]",
            "namespaces: [web, shop]",
            &[Widening],
            &[Widening, ReasonOnly],
        ),
        (
            "- name: web-to-orders",
            "- name: other",
            &[Widening, Narrowing],
            &[ReasonOnly],
        ),
        ("  name: shop", "  name: market", &[], &[]),
    ];
    for (old, new, parts, answers) in cases {
        assert_eq!(
            effects(old, new),
            (parts.to_vec(), answers.to_vec()),
            "{new}"
        );
    }
}

#[test]
fn an_example_names_the_request_and_both_answers() {
    let difference = between(POLICY, &POLICY.replace("[GET]", "[GET, DELETE]"));
    let [answer] = difference.answers.as_slice() else {
        panic!("{difference:?}")
    };
    assert_eq!(answer.request.method, "DELETE");
    assert_eq!(answer.request.path, "/v1/orders/order");
    assert_eq!(answer.assurances, ["classical", "hybrid", "hybridProven"]);
    assert_eq!(answer.before.reason, Some("operation_not_allowed"));
    assert_eq!(answer.after.verdict, "allow");
}

#[test]
fn what_no_request_shows_is_compared_as_a_part() {
    let probe = "  probes: [{method: GET, path: /healthz, port: 8080, ipBlocks: [10.0.0.0/8]}]\n";
    let with_probe = format!("{POLICY}{probe}");
    let added = between(POLICY, &with_probe);
    assert!(added.has(Effect::Widening) && added.answers.is_empty());
    let removed = between(&with_probe, POLICY);
    assert!(!removed.has(Effect::Widening) && removed.has(Effect::Narrowing));
    let revocation =
        format!("{POLICY}  revocations: [{{identity: \"spiffe://d.example/ns/web/sa/web\"}}]\n");
    assert!(between(&revocation, POLICY).has(Effect::Widening));
    assert!(!between(POLICY, &revocation).has(Effect::Widening));
}

#[test]
fn the_limit_is_kept_and_said() {
    let difference = diff(&load(POLICY), &load(POLICY), NOW, 7);
    assert_eq!((difference.asked, difference.is_cut), (7, true));
}
