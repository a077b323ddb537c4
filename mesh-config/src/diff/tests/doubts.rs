//! What is no narrowing, though less is written.

use super::{Difference, Effect, NOW, POLICY, between, diff, granting, load};

const CA: &str =
    include_str!("../../../../examples/istio/model-provenance/authority/istio-ca/ca.crt");

fn widens(old: &str, new: &str) -> bool {
    between(old, new).has(Effect::Widening)
}

fn with_part(difference: &Difference, text: &str) -> bool {
    let mut parts = difference.parts.iter();
    parts.any(|part| part.effect == Effect::Widening && part.change.contains(text))
}

/// `POLICY` with these flows and grants.
fn with_flows(flows: &str, more: &str) -> String {
    let (head, _) = POLICY.split_once("  flows:\n").unwrap();
    format!("{head}  flows:\n{flows}{more}")
}

/// The flow from the web to the orders with these operations.
fn with_operations(operations: &[&str]) -> String {
    let flow =
        "    - name: web-to-orders\n      from: [web]\n      to: orders\n      operations:\n";
    let operations = operations
        .iter()
        .map(|operation| format!("        - {operation}\n"));
    with_flows(&format!("{flow}{}", operations.collect::<String>()), "")
}

const LOCKED_DENY: &str =
    r#"{methods: [DELETE], paths: ["/v1/orders/locked"], ports: [8080], whenRestricted: deny}"#;
const LOCKED_ALLOW: &str =
    r#"{methods: [DELETE], paths: ["/v1/orders/locked"], ports: [8080], whenRestricted: allow}"#;
const ORDERS_ALLOW: &str =
    r#"{methods: [DELETE], paths: ["/v1/orders/{order}"], ports: [8080], whenRestricted: allow}"#;
const READS: &str = r#"{methods: [GET], paths: ["/v1/orders/{order}"], ports: [8080]}"#;

#[test]
fn the_first_operation_that_covers_a_request_says_what_restricted_callers_may_do() {
    let old = with_operations(&[LOCKED_DENY, ORDERS_ALLOW]);
    for new in [
        [ORDERS_ALLOW, LOCKED_DENY].as_slice(),
        &[ORDERS_ALLOW],
        &[LOCKED_ALLOW, LOCKED_DENY, ORDERS_ALLOW],
    ] {
        let difference = between(&old, &with_operations(new));
        assert!(
            with_part(&difference, "refused them"),
            "{new:?}: {difference:?}"
        );
    }
    // Refusing earlier, or saying the same twice, opens nothing.
    let allowing = with_operations(&[ORDERS_ALLOW]);
    for (before, after) in [
        (&allowing, &old),
        (&with_operations(&[ORDERS_ALLOW, LOCKED_DENY]), &old),
        (
            &old,
            &with_operations(&[LOCKED_DENY, LOCKED_ALLOW, ORDERS_ALLOW]),
        ),
        (&with_operations(&[ORDERS_ALLOW, LOCKED_DENY]), &allowing),
    ] {
        let difference = between(before, after);
        assert!(
            !with_part(&difference, "refused them"),
            "{after}: {difference:?}"
        );
    }
    // Without a word of the policy the method says it, except for upgrades.
    let reads = with_operations(&[READS]);
    let allow = READS.replace("ports: [8080]", "ports: [8080], whenRestricted: allow");
    assert!(widens(&reads, &with_operations(&[&allow])));
    let any = r#"{methods: ["*"], paths: ["/{**}"]}"#;
    let any_allow = r#"{methods: ["*"], paths: ["/{**}"], whenRestricted: allow}"#;
    assert!(widens(
        &with_operations(&[any]),
        &with_operations(&[any_allow])
    ));
    assert!(!widens(
        &with_operations(&[any_allow]),
        &with_operations(&[any])
    ));
}

#[test]
fn a_grant_admits_restricted_callers_where_an_operation_that_refused_them_goes() {
    let grant = "  grants:\n    - {name: g, from: [web], to: orders, reason: r, approvedBy: a,\n       \
         notBefore: \"2027-01-15T07:00:00Z\", notAfter: \"2027-01-15T09:00:00Z\",\n       \
         operations: [{methods: [DELETE], paths: [\"/v1/{**}\"], whenRestricted: allow}]}\n";
    let old = with_operations(&[READS, LOCKED_DENY]) + grant;
    let difference = between(&old, &(with_operations(&[READS]) + grant));
    assert!(with_part(&difference, "refused them"), "{difference:?}");
    // Also with the whole flow, or its caller.
    let other = with_flows("    []\n", grant).replace("flows:\n    []", "flows: []");
    assert!(with_part(&between(&old, &other), "refused them"));
}

#[test]
fn without_the_last_pin_of_a_trust_domain_any_certificate_authority_counts() {
    let certificate = serde_json::to_string(CA).unwrap();
    let authorities = format!(
        "  authorities:\n    certificates:\n      - {{name: istio-ca, trustDomain: d.example, \
         caCertificate: {{inline: {certificate}}}}}\n  segments:\n"
    );
    let pinned = POLICY.replace("  segments:\n", &authorities);
    assert_ne!(pinned, POLICY);
    let difference = between(&pinned, POLICY);
    assert!(
        with_part(&difference, "no certificate authority of d.example"),
        "{difference:?}"
    );
    assert!(!with_part(
        &between(POLICY, &pinned),
        "no certificate authority"
    ));
}

#[test]
fn a_flow_that_enforces_in_a_shadow_policy_opens_what_it_leaves() {
    let flow = |from: &str, mode: &str| {
        format!(
            "    - name: f\n      mode: {mode}\n      from: [{from}]\n      to: orders\n      \
             operations:\n        - {READS}\n"
        )
    };
    let shadow = |flows: &str, more: &str| {
        let policy = if flows.is_empty() {
            with_flows("", "").replace("flows:\n", "flows: []\n")
        } else {
            with_flows(flows, "")
        };
        policy.replace("  mode: enforce\n  trust", "  mode: shadow\n  trust") + more
    };
    let glass = "  breakGlass: {until: \"2027-01-15T09:00:00Z\", reason: r}\n";
    let old = shadow(&flow("web, orders", "enforce"), "");
    assert!(old.contains("  mode: shadow\n"), "{old}");
    for more in ["", glass] {
        let old = old.clone() + more;
        let gone = between(&old, &shadow("", more));
        assert!(
            gone.parts
                .iter()
                .any(|part| part.effect == Effect::Widening),
            "{gone:?}"
        );
        let caller = between(&old, &shadow(&flow("web", "enforce"), more));
        assert!(with_part(&caller, "caller removed"), "{caller:?}");
        // What an emergency hides is asked without it.
        assert!(
            gone.answers
                .iter()
                .any(|answer| answer.effect == Effect::Widening)
        );
        let account = |names: &str| {
            let orders = "namespaces: [orders]";
            let named = old.replace(
                orders,
                &format!("{orders}\n      serviceAccounts: [{names}]"),
            );
            assert_ne!(named, old);
            named
        };
        let names: Vec<String> = (10..40).map(|number| format!("a{number}")).collect();
        let (all, some) = (names.join(", "), names[..29].join(", "));
        let difference = between(&account(&all), &account(&some));
        assert!(
            with_part(&difference, "workloads removed"),
            "{difference:?}"
        );
        let mut answers = difference.answers.iter();
        assert!(answers.any(|answer| answer.effect == Effect::Widening));
    }
    // A flow that only reports refuses nothing, and one beside it that enforces goes on refusing.
    let reporting = shadow(&flow("web", "shadow"), "");
    assert!(!widens(&reporting, &shadow("", "")));
    let twice = flow("web", "enforce")
        + &flow("web", "enforce")
            .replace("name: f", "name: g")
            .replace("GET", "PUT");
    assert!(!widens(
        &shadow(&twice, ""),
        &shadow(&flow("web", "enforce"), "")
    ));
    // Where the policy enforces, less passes.
    assert!(!widens(
        POLICY,
        &with_flows("", "").replace("flows:\n", "flows: []\n")
    ));
}

#[test]
fn a_namespace_of_no_segment_gets_no_filter() {
    let more = POLICY.replace("[orders]", "[orders, archive]");
    assert_ne!(more, POLICY);
    let difference = between(&more, POLICY);
    assert!(
        with_part(&difference, "`archive` gets no filter"),
        "{difference:?}"
    );
    let difference = between(
        POLICY,
        &POLICY.replace("namespaces: [orders]", "namespaces: [elsewhere]"),
    );
    assert!(with_part(&difference, "`orders` gets no filter"));
    assert!(!with_part(&between(POLICY, &more), "no filter"));
}

#[test]
fn a_grant_loses_what_the_flow_beside_it_required() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let artifacts = format!(
        "  artifacts:\n    manifests:\n      - name: models\n        verified: {{serial: 1, sha256: \"{}\", \
         signedBy: r, notBefore: \"2027-01-01T00:00:00Z\", notAfter: \"2028-01-01T00:00:00Z\", \
         artifacts: [{{kind: model, digest: \"{digest}\", name: llm}}]}}\n",
        "cd".repeat(32)
    );
    let requiring = |requires: &str| {
        let text = granting("2027-01-15T07:00:00Z", "2027-01-15T08:30:00Z");
        text.replace("to: orders\n", &format!("to: orders\n{requires}"))
            .replace("  segments:\n", &format!("{artifacts}  segments:\n"))
    };
    let wide = "      requires: {model: {manifest: models}}\n";
    let narrow = "      requires: {model: {manifest: models, names: [llm]}}\n";
    let part = |old: &str, new: &str, text: &str| {
        let difference = between(old, new);
        let mut parts = difference.parts.iter();
        let of_grant = parts.find(|part| part.part == "grant incident-7");
        let part = of_grant.unwrap_or_else(|| panic!("{difference:?}"));
        assert!(part.change.contains(text), "{part:?}");
        part.effect
    };
    let (old, flow) = (
        requiring(narrow),
        "no more of callers of web: requires.model",
    );
    assert_eq!(part(&old, &requiring(""), flow), Effect::Widening);
    assert_eq!(part(&old, &requiring(wide), flow), Effect::Widening);
    let more = "also of callers of web: requires.model";
    assert_eq!(part(&requiring(wide), &old, more), Effect::Narrowing);
    assert_eq!(part(&requiring(""), &old, more), Effect::Narrowing);
    // It has not begun, so it is asked when it does.
    let (head, _) = old.split_once("  flows:\n").unwrap();
    let (_, grants) = old.split_once("  grants:\n").unwrap();
    let gone = between(&old, &format!("{head}  flows: []\n  grants:\n{grants}"));
    let widened = gone
        .answers
        .iter()
        .find(|answer| answer.effect == Effect::Widening);
    let request = &widened.unwrap_or_else(|| panic!("{gone:?}")).request;
    assert_eq!(request.at.as_deref(), Some("2027-01-15T08:30:00Z"));
    // An earlier begin of a manifest lets more pass.
    let earlier = old.replace("notBefore: \"2027-01-01", "notBefore: \"2026-12-01");
    assert_ne!(earlier, old);
    let begins = between(&old, &earlier);
    assert!(
        with_part(&begins, "notBefore: 2027-01-01T00:00:00Z -> 2026"),
        "{begins:?}"
    );
    assert!(!widens(&earlier, &old));
}

#[test]
fn callers_with_a_model_that_only_one_manifest_lists_are_asked() {
    let policy = |digits: &[&str]| {
        let artifacts = digits.iter().map(|digits| {
            let digest = digits.repeat(32);
            format!("{{kind: model, digest: \"sha256:{digest}\", name: llm}}")
        });
        let artifacts: Vec<String> = artifacts.collect();
        let manifests = format!(
            "  artifacts:\n    manifests:\n      - name: models\n        verified: {{serial: 1, sha256: \"{}\", \
             signedBy: r, notBefore: \"2027-01-01T00:00:00Z\", notAfter: \"2028-01-01T00:00:00Z\", \
             artifacts: [{}]}}\n  segments:\n",
            "cd".repeat(32),
            artifacts.join(", ")
        );
        POLICY.replace("  segments:\n", &manifests).replace(
            "to: orders\n",
            "to: orders\n      requires: {model: {manifest: models}}\n",
        )
    };
    let (one, two) = (policy(&["aa"]), policy(&["aa", "bb"]));
    let difference = between(&one, &two);
    let widened: Vec<_> = difference
        .answers
        .iter()
        .filter(|answer| answer.effect == Effect::Widening)
        .collect();
    let digest = format!("sha256:{}", "bb".repeat(32));
    assert_eq!(widened.len(), 1, "{difference:?}");
    assert_eq!(widened[0].request.model_digest, Some(digest));
    assert_eq!(widened[0].before.reason, Some("artifact_not_allowed"));
    assert!(!widens(&two, &one));
    // Who is listed in both passes in both.
    assert!(between(&one, &one).is_empty());
}

#[test]
fn what_only_the_old_policy_has_is_asked_first() {
    let many: String = (0..50)
        .map(|number| {
            format!(
                "    - name: f{number}\n      from: [web]\n      to: orders\n      operations:\n        \
                 - {{methods: [GET], paths: [\"/v{number}\"], ports: [8080]}}\n"
            )
        })
        .collect();
    let last = "    - name: last\n      from: [web]\n      to: orders\n      operations:\n        \
         - {methods: [GET], paths: [\"/last\"], ports: [8080]}\n";
    let (old, new) = (with_flows(&many, last), with_flows(&many, ""));
    let difference = diff(&load(&old), &load(&new), NOW, 12);
    assert!(difference.is_cut);
    assert!(
        difference
            .answers
            .iter()
            .any(|answer| answer.request.path == "/last"),
        "{difference:?}"
    );
}
