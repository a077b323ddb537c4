use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixtures::{document, grant};
use crate::policy::compile;
use crate::policy::raw::{Grant, Operation, PolicyDocument};

fn errors_of(change: impl FnOnce(&mut PolicyDocument)) -> Vec<String> {
    let mut document = document();
    change(&mut document);
    let errors = compile(&document).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

fn errors(grants: Vec<Grant>) -> Vec<String> {
    errors_of(|document| document.spec.grants = Some(grants))
}

fn with(change: impl FnOnce(&mut Grant)) -> Grant {
    let mut grant = grant();
    change(&mut grant);
    grant
}

/// A change of a good grant, and the error that it leads to.
type Change = (fn(&mut Grant), &'static str);

#[test]
fn each_broken_rule_is_named_with_its_path() {
    assert_eq!(errors(alloc::vec![grant()]), Vec::<String>::new());
    let changes: [Change; 17] = [
        (
            |g| g.name = "Incident 7".into(),
            ".name: `Incident 7` is no DNS label",
        ),
        (
            |g| g.name = "infer".into(),
            ".name: `infer` is already used",
        ),
        (|g| g.from = Vec::new(), ".from: is empty"),
        (
            |g| g.from[0] = "gatewy".into(),
            ".from[0]: there is no segment `gatewy`",
        ),
        (
            |g| g.from.push("gateway".into()),
            ".from[1]: `gateway` is already used",
        ),
        (
            |g| g.to = "nowhere".into(),
            ".to: there is no segment `nowhere`",
        ),
        (|g| g.operations = Vec::new(), ".operations: is empty"),
        (
            |g| g.operations[0].methods = alloc::vec!["get".into()],
            ".operations[0].methods[0]: `get` is not in upper case",
        ),
        (
            |g| g.operations[0].paths[0] = "/v1//x".into(),
            ".operations[0].paths[0]: `/v1//x`",
        ),
        (
            |g| g.not_before = "now".into(),
            ".notBefore: `now` is no time",
        ),
        (
            |g| g.not_after = "2027-01-15".into(),
            ".notAfter: `2027-01-15` is no time",
        ),
        (
            |g| g.not_after = g.not_before.clone(),
            ".notAfter: is not after `notBefore`",
        ),
        (
            |g| g.not_after = "2027-01-22T07:00:01Z".into(),
            ".notAfter: is more than 7 days after `notBefore`",
        ),
        (
            |g| g.reason = String::new(),
            ".reason: needs a text of 1 to 256 bytes",
        ),
        (
            |g| g.reason = "x".repeat(257),
            ".reason: needs a text of 1 to 256 bytes",
        ),
        (
            |g| g.reason = "a\u{1b}[2J".into(),
            ".reason: has a control character",
        ),
        (
            |g| g.approved_by = "ok\u{202e}".into(),
            ".approvedBy: has a control character",
        ),
    ];
    for (change, expected) in changes {
        let found = errors(alloc::vec![with(change)]);
        let expected = format!("spec.grants[0]{expected}");
        assert!(
            found.len() == 1 && found[0].starts_with(&expected),
            "{expected}: {found:?}"
        );
    }
    assert!(errors(Vec::new())[0].starts_with("spec.grants: is empty"));
}

#[test]
fn texts_are_plain_and_of_256_bytes_at_most() {
    let reason = |text: &str| errors(alloc::vec![with(|grant| grant.reason = text.into())]);
    for text in [
        "x",
        &"x".repeat(256),
        "J\u{fc}rgen: incident `4711`, \u{2603}",
    ] {
        assert_eq!(reason(text), Vec::<String>::new(), "{text}");
    }
    for mark in [
        '\0', '\n', '\r', '\t', '\u{7f}', '\u{85}', '\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}',
        '\u{2029}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}',
    ] {
        assert_eq!(reason(&format!("a{mark}b")).len(), 1, "{mark:?}");
    }
}

#[test]
fn the_longest_grant_lasts_seven_days() {
    let longest = with(|grant| grant.not_after = "2027-01-22T07:00:00Z".into());
    assert_eq!(errors(alloc::vec![longest]), Vec::<String>::new());
}

#[test]
fn no_two_cover_the_same_request_at_the_same_time() {
    type Change = fn(&mut Grant);
    let second = |change: fn(&mut Grant)| {
        let mut second = with(|grant| grant.name = "second".into());
        change(&mut second);
        errors(alloc::vec![grant(), second])
    };
    let overlap = second(|_| {});
    assert!(
        overlap[0].starts_with("spec.grants[1]: covers requests that grant `incident` covers"),
        "{overlap:?}"
    );
    let changes: [(Change, bool); 10] = [
        // One begins when the other ends.
        (
            |grant| {
                grant.not_before = "2027-01-15T09:00:00Z".into();
                grant.not_after = "2027-01-15T10:00:00Z".into();
            },
            false,
        ),
        (
            |grant| {
                grant.not_before = "2027-01-15T08:59:59Z".into();
                grant.not_after = "2027-01-15T10:00:00Z".into();
            },
            true,
        ),
        (
            |grant| grant.from = alloc::vec!["vector-store".into()],
            false,
        ),
        (
            |grant| grant.from = alloc::vec!["vector-store".into(), "gateway".into()],
            true,
        ),
        (|grant| grant.to = "vector-store".into(), false),
        (
            |grant| grant.operations[0].methods = alloc::vec!["PUT".into()],
            false,
        ),
        (
            |grant| grant.operations[0].methods = alloc::vec!["*".into()],
            true,
        ),
        (
            |grant| grant.operations[0].paths[0] = "/v2/other".into(),
            false,
        ),
        (|grant| grant.operations[0].paths[0] = "/{**}".into(), true),
        (
            |grant| grant.operations[0].ports = Some(alloc::vec![9090]),
            false,
        ),
    ];
    for (change, overlaps) in changes {
        let found = second(change);
        assert_eq!(!found.is_empty(), overlaps, "{found:?}");
    }
}

#[test]
fn a_flow_that_covers_the_same_is_no_error() {
    let same = with(|grant| {
        grant.operations[0].methods = alloc::vec!["POST".into()];
        grant.operations[0].paths[0] = "/v1/models/{model}/infer".into();
    });
    assert_eq!(errors(alloc::vec![same]), Vec::<String>::new());
}

#[test]
fn bounds_their_number() {
    let many = |count: u32| -> Vec<Grant> {
        (0..count)
            .map(|number| {
                with(|grant| {
                    grant.name = format!("g-{number}");
                    grant.operations[0].paths[0] = format!("/g/{number}");
                })
            })
            .collect()
    };
    assert_eq!(errors(many(256)), Vec::<String>::new());
    assert_eq!(
        errors(many(257)),
        ["spec.grants: has more than 256 entries"]
    );
}

#[test]
fn bounds_the_work_of_comparing_them() {
    let wide = |name: &str, start: &str| {
        with(|grant| {
            grant.name = name.into();
            let paths = |operation: usize| {
                (0..256)
                    .map(|path| format!("/{start}/{operation}/{path}"))
                    .collect()
            };
            grant.operations = (0..64)
                .map(|operation| Operation {
                    methods: alloc::vec!["GET".into()],
                    paths: paths(operation),
                    ports: None,
                    when_restricted: None,
                })
                .collect();
        })
    };
    let found = errors(alloc::vec![wide("a", "a"), wide("b", "b")]);
    assert!(
        found.len() == 1 && found[0].starts_with("spec.grants[1]: has so many paths"),
        "{found:?}"
    );
}
