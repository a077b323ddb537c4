//! Each limit: as many as allowed are a policy, one more is an error at the list's own path.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test shall panic"
)]

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// `fill` puts a number of entries into a list that may hold `maximum`.
#[track_caller]
fn holds_at_most(maximum: usize, path: &str, fill: impl Fn(&mut PolicyDocument, usize)) {
    assert_eq!(
        errors(|document| fill(document, maximum)),
        [],
        "{path}: {maximum}"
    );
    let too_many = PolicyError {
        path: text(path),
        cause: Cause::TooMany(maximum),
    };
    assert_eq!(
        errors(|document| fill(document, maximum + 1)),
        [too_many],
        "{path}"
    );
}

#[test]
fn bounds_trust_domains() {
    holds_at_most(64, "spec.trustDomains", |document, count| {
        for segment in &mut document.spec.segments {
            segment.trust_domains = Some(vec![text("ai.example")]);
        }
        document.spec.trust_domains = numbered("d#.example", count - 1);
        document.spec.trust_domains.push(text("ai.example"));
    });
}

#[test]
fn bounds_authorities_of_both_kinds_together() {
    holds_at_most(64, "spec.authorities", |document, count| {
        let names = |kind: &str, count| numbered::<String>(&format!("{kind}-#"), count);
        document.spec.authorities = Some(raw::Authorities {
            certificates: Some(
                names("ca", 30)
                    .iter()
                    .map(|name| certificate_authority(name))
                    .collect(),
            ),
            tokens: Some(
                names("sts", count - 30)
                    .iter()
                    .map(|name| token_authority(name))
                    .collect(),
            ),
            ..raw::Authorities::default()
        });
    });
}

#[test]
fn bounds_segments_and_their_workloads() {
    holds_at_most(2_000, "spec.segments", |document, count| {
        for name in numbered::<String>("s-#", count - 3) {
            document.spec.segments.push(segment(&name, &[&name]));
        }
    });
    holds_at_most(1_000, "spec.segments[0].namespaces", |document, count| {
        document.spec.segments[0].namespaces = numbered("ns-#", count);
    });
    holds_at_most(
        1_000,
        "spec.segments[1].serviceAccounts",
        |document, count| {
            document.spec.segments[1].service_accounts = Some(numbered("sa-#", count));
        },
    );
}

#[test]
fn bounds_flows() {
    holds_at_most(20_000, "spec.flows", |document, count| {
        // 200 segments have more pairs than there are flows, so each flow has a pair of its own.
        document.spec.segments = (0..200_usize)
            .map(|number| segment(&format!("s-{number}"), &[&*format!("ns-{number}")]))
            .collect();
        document.spec.flows = (0..count)
            .map(|number| {
                let (from, to) = (format!("s-{}", number / 200), format!("s-{}", number % 200));
                let all = operation(&["*"], &["/{**}"], None);
                flow(&format!("f-{number}"), &[&*from], &to, vec![all])
            })
            .collect();
    });
}

#[test]
fn bounds_flows_between_the_same_segments() {
    let fill = |document: &mut PolicyDocument, count: usize| {
        document.spec.flows = numbered::<String>("f-#", count)
            .iter()
            .map(|name| {
                let own_path = operation(&["GET"], &[&*format!("/{name}")], None);
                flow(name, &["gateway"], "inference", vec![own_path])
            })
            .collect();
    };
    assert_eq!(errors(|document| fill(document, 256)), []);
    let too_many = PolicyError {
        path: text("spec.flows[256]"),
        cause: Cause::TooManyParallelFlows(256),
    };
    assert_eq!(errors(|document| fill(document, 257)), [too_many]);
}

#[test]
fn bounds_operations_and_what_is_in_them() {
    holds_at_most(64, "spec.flows[0].operations", |document, count| {
        document.spec.flows[0].operations = vec![operation(&["GET"], &["/"], None); count];
    });
    holds_at_most(
        32,
        "spec.flows[0].operations[0].methods",
        |document, count| {
            document.spec.flows[0].operations[0].methods = numbered("M#", count);
        },
    );
    holds_at_most(
        256,
        "spec.flows[0].operations[0].paths",
        |document, count| {
            document.spec.flows[0].operations[0].paths = numbered("/p#", count);
        },
    );
    holds_at_most(
        64,
        "spec.flows[0].operations[0].ports",
        |document, count| {
            let count = u16::try_from(count).unwrap();
            document.spec.flows[0].operations[0].ports = Some((1..=count).collect());
        },
    );
}

#[test]
fn bounds_probes_and_their_address_blocks() {
    holds_at_most(64, "spec.probes", |document, count| {
        let probe = document.spec.probes.as_ref().unwrap()[0].clone();
        document.spec.probes = Some(vec![probe; count]);
    });
    holds_at_most(64, "spec.probes[0].ipBlocks", |document, count| {
        document.spec.probes.as_mut().unwrap()[0].ip_blocks = numbered("10.#.0.0/16", count);
    });
}

/// 20 segments of 1000 namespaces, and two flows from all of them with 8 times 256 paths each, took
/// seconds while each namespace and each pair of segments was compared anew.
#[test]
fn compiles_a_wide_document_and_refuses_one_that_takes_too_long() {
    let wide = |document: &mut PolicyDocument| {
        for (number, name) in numbered::<String>("wide-#", 20).iter().enumerate() {
            let mut segment = document.spec.segments[0].clone();
            segment.name.clone_from(name);
            segment.namespaces = numbered(&format!("n{number}-#"), 1000);
            segment.service_accounts = None;
            document.spec.segments.push(segment);
        }
    };
    let crossed = |document: &mut PolicyDocument, operations: usize| {
        wide(document);
        let from = numbered::<String>("wide-#", 20);
        let from: Vec<&str> = from.iter().map(String::as_str).collect();
        for side in ["a", "b"] {
            let paths = numbered::<String>(&format!("/{side}/#"), 256);
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            let operations = (0..operations)
                .map(|_| operation(&["GET"], &paths, None))
                .collect();
            document
                .spec
                .flows
                .push(flow(side, &from, "inference", operations));
        }
    };
    assert_eq!(errors(wide), []);
    assert_eq!(errors(|document| crossed(document, 4)), []);
    let found = errors(|document| crossed(document, 16));
    assert!(
        found
            .iter()
            .any(|error| matches!(error.cause, Cause::TooManyTemplates(_))),
        "{found:?}"
    );
}
