use std::path::Path;

use super::*;
use crate::policy_file::from_text;

mod doubts;

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

/// The policy with a grant at the tests' time, changed at one place.
fn granting(old: &str, new: &str) -> String {
    let grant = "  grants:\n    - {name: incident-7, from: [web], to: orders, reason: r, approvedBy: a,\n       \
         notBefore: \"2027-01-15T07:00:00Z\", notAfter: \"2027-01-15T09:00:00Z\",\n       \
         operations: [{methods: [DELETE], paths: [\"/v1/orders/{order}\"]}]}\n";
    let text = format!("{POLICY}{grant}");
    assert!(text.contains(old), "{old}");
    text.replace(old, new)
}

#[test]
fn a_new_or_longer_grant_is_widening() {
    use Effect::{Narrowing, ReasonOnly, Widening};
    let (begin, end) = ("2027-01-15T07:00:00Z", "2027-01-15T09:00:00Z");
    let cases: [(&str, &str, &[Effect], &[Effect]); 9] = [
        (end, "2027-01-15T09:00:01Z", &[Widening], &[]),
        (end, "2027-01-15T08:00:00Z", &[Narrowing], &[Narrowing]),
        (begin, "2027-01-15T06:00:00Z", &[Widening], &[]),
        (begin, "2027-01-15T08:00:01Z", &[Narrowing], &[Narrowing]),
        ("approvedBy: a", "approvedBy: b", &[ReasonOnly], &[]),
        ("[DELETE]", "[DELETE, PUT]", &[Widening], &[Widening]),
        (
            "from: [web], to",
            "from: [web, orders], to",
            &[Widening],
            &[Widening],
        ),
        // The flow between the segments asked for more, and so did the grant.
        (
            "to: orders\n",
            "to: orders\n      minimumTrust: 9\n",
            &[Narrowing],
            &[],
        ),
        (
            "incident-7",
            "incident-8",
            &[Widening, Narrowing],
            &[ReasonOnly],
        ),
    ];
    for (old, new, parts, answers) in cases {
        let difference = between(&granting("", ""), &granting(old, new));
        let once = |effects: Vec<Effect>| {
            let effects: std::collections::BTreeSet<Effect> = effects.into_iter().collect();
            effects.into_iter().collect::<Vec<_>>()
        };
        let found = once(difference.parts.iter().map(|part| part.effect).collect());
        assert_eq!(found, parts, "{new}");
        let found = once(difference.answers.iter().map(|one| one.effect).collect());
        assert_eq!(found, answers, "{new}: {:?}", difference.answers);
    }
    let added = between(POLICY, &granting("", ""));
    assert!(added.has(Widening) && !added.has(Narrowing));
    let after: Vec<Option<&str>> = added
        .answers
        .iter()
        .map(|answer| answer.after.grant.as_deref())
        .collect();
    // At the port of the flow, and at another one.
    assert_eq!(after, [Some("incident-7"); 2]);
    assert!(between(&granting("", ""), POLICY).has(Narrowing));
}

#[test]
fn a_flow_that_goes_takes_what_it_asked_of_a_grant_with_it() {
    let strict = |text: String| text.replace("to: orders\n", "to: orders\n      minimumTrust: 9\n");
    let (_, flow) = POLICY.split_once("  flows:\n").unwrap();
    let flows = format!("  flows:\n{flow}");
    let without = granting("", "").replace(&flows, "  flows: []\n");
    let difference = between(&strict(granting("", "")), &without);
    let text = "least trust of callers of web: 9 -> 0";
    assert!(
        difference
            .parts
            .iter()
            .any(|part| part.part == "grant incident-7" && part.change == text),
        "{difference:?}"
    );
    assert!(difference.has(Effect::Widening));
}

/// A signal about a caller of the flow, changed at one place.
fn signalling(effect: &str, about: &str, times: (&str, &str)) -> String {
    let (issued, expires) = times;
    format!(
        "{POLICY}  signals:\n    - {{name: s, source: scanner, reason: r, author: a, effect: {effect}, \
         about: {{{about}}}, issued: \"{issued}\", expires: \"{expires}\"}}\n"
    )
}

const TIMES: (&str, &str) = ("2027-01-15T07:00:00Z", "2027-01-15T09:00:00Z");
const CALLER: &str = "identity: \"spiffe://d.example/ns/web/sa/never-sampled\"";

#[test]
fn a_signal_against_callers_is_narrowing_and_a_release_widening() {
    use Effect::{Narrowing, ReasonOnly, Widening};
    let quarantine = signalling("quarantine", CALLER, TIMES);
    let weigh = |weight| signalling(&format!("weigh, milliNats: {weight}"), CALLER, TIMES);
    let release = signalling("release", CALLER, TIMES);
    let (issued, expires) = TIMES;
    let longer = signalling("quarantine", CALLER, (issued, "2027-01-16T09:00:00Z"));
    let other = signalling("quarantine", "segment: web", TIMES);
    let releases_more = signalling("release", CALLER, ("2027-01-15T07:30:00Z", expires));
    let reworded = quarantine.replace("reason: r", "reason: another");
    let none = POLICY.to_owned();
    let cases: [(&str, &String, &String, Effect); 16] = [
        ("added", &none, &quarantine, Narrowing),
        ("removed", &quarantine, &none, Widening),
        ("weight added", &none, &weigh(1), Narrowing),
        ("weight removed", &weigh(1), &none, Widening),
        ("release added", &none, &release, Widening),
        ("release removed", &release, &none, Narrowing),
        ("longer", &quarantine, &longer, Narrowing),
        ("shorter", &longer, &quarantine, Widening),
        ("heavier", &weigh(1), &weigh(2), Narrowing),
        ("lighter", &weigh(2), &weigh(1), Widening),
        (
            "from weight to quarantine",
            &weigh(1),
            &quarantine,
            Narrowing,
        ),
        (
            "from quarantine to weight",
            &quarantine,
            &weigh(20_000),
            Widening,
        ),
        ("about others", &quarantine, &other, Widening),
        ("released until later", &release, &releases_more, Widening),
        (
            "released until earlier",
            &releases_more,
            &release,
            Narrowing,
        ),
        ("in other words", &quarantine, &reworded, ReasonOnly),
    ];
    for (what, old, new, expected) in cases {
        let difference = between(old, new);
        let effects: Vec<Effect> = difference.parts.iter().map(|part| part.effect).collect();
        assert_eq!(effects, [expected], "{what}: {:?}", difference.parts);
        assert_eq!(difference.parts[0].part, "signal s", "{what}");
    }
}

#[test]
fn whom_and_what_a_signal_or_revocation_names_is_asked() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let revoked = format!("{POLICY}  revocations: [{{{CALLER}}}]\n");
    for (new, reason) in [
        (signalling("quarantine", CALLER, TIMES), "peer_quarantined"),
        (
            signalling("quarantine", &format!("modelDigest: \"{digest}\""), TIMES),
            "peer_quarantined",
        ),
        (
            signalling("quarantine", &format!("imageDigest: \"{digest}\""), TIMES),
            "peer_quarantined",
        ),
        (revoked, "credential_revoked"),
    ] {
        let difference = between(POLICY, &new);
        let narrowed = difference.answers.iter().find(|answer| {
            answer.effect == Effect::Narrowing && answer.after.reason == Some(reason)
        });
        let request = &narrowed
            .unwrap_or_else(|| panic!("{new}: {difference:?}"))
            .request;
        let is_named = request.from.ends_with("never-sampled")
            || request.model_digest.as_ref() == Some(&digest)
            || request.image_digest.as_ref() == Some(&digest);
        assert!(is_named, "{request:?}");
        assert!(!difference.has(Effect::Widening), "{:?}", difference.parts);
    }
}

#[test]
fn an_emergency_is_widening_and_its_end_narrowing() {
    let glass =
        |until: &str| format!("{POLICY}  breakGlass: {{until: \"{until}\", reason: incident}}\n");
    let (short, long) = (glass("2027-01-15T09:00:00Z"), glass("2027-01-16T09:00:00Z"));
    assert!(between(POLICY, &short).has(Effect::Widening));
    let ended = between(&short, POLICY);
    assert!(!ended.has(Effect::Widening) && ended.has(Effect::Narrowing));
    for (old, new) in [(&short, &long), (&long, &short)] {
        assert!(
            between(old, new).has(Effect::Widening),
            "it may be shorter for other segments"
        );
    }
}

#[test]
fn what_the_mesh_asks_only_ever_refuses_more() {
    use Effect::{Narrowing, ReasonOnly, Widening};
    let asks = |what: &str| format!("{POLICY}  postQuantumAuth: {{{what}}}\n");
    let none = POLICY.to_owned();
    let cases: [(&String, &String, Effect); 11] = [
        (&none, &asks(""), Narrowing),
        (&asks(""), &none, Widening),
        (&asks(""), &asks("mode: shadow"), Widening),
        (&asks("mode: shadow"), &asks(""), Narrowing),
        (&none, &asks("mode: shadow"), ReasonOnly),
        (&asks("mode: shadow"), &none, ReasonOnly),
        (
            &asks(""),
            &asks("minimumAssurance: hybridProven"),
            Narrowing,
        ),
        (&asks("keyExchange: required"), &asks(""), Widening),
        (&asks(""), &asks("keyExchange: ignored"), ReasonOnly),
        (&asks(""), &asks("exemptNamespaces: [shop]"), Widening),
        (&asks("exemptNamespaces: [shop]"), &asks(""), Narrowing),
    ];
    for (old, new, expected) in cases {
        let parts = between(old, new).parts;
        let effects: Vec<Effect> = parts.iter().map(|part| part.effect).collect();
        assert_eq!(effects, [expected], "{parts:?}");
    }
}
