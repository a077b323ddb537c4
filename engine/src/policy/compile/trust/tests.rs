use alloc::string::{String, ToString};
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixtures::{GATEWAY, VECTORS, document, identity, policy};
use crate::policy::compile;
use crate::policy::raw::{Callers, Families, FleetGuard, Trust, TrustNumbers, TrustThreshold};
use crate::time::TimeMs;
use crate::trust::Params;

fn errors(change: impl FnOnce(&mut TrustNumbers)) -> Vec<String> {
    let mut numbers = TrustNumbers::default();
    change(&mut numbers);
    let mut document = document();
    document.spec.trust = Some(Trust {
        defaults: Some(numbers),
        ..Trust::default()
    });
    let errors = compile(&document).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

fn threshold(enter: u32, exit: u32, dwell_seconds: u32) -> Option<TrustThreshold> {
    Some(TrustThreshold {
        enter: Some(enter),
        exit: Some(exit),
        dwell_seconds: Some(dwell_seconds),
    })
}

/// A change of the default numbers, and the error that it leads to.
type Change = (fn(&mut TrustNumbers), &'static str);

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let changes: [Change; 14] = [
        (|n| n.prior = Some(1), "prior: is outside of -9000 to 0"),
        (
            |n| n.prior = Some(-9_001),
            "prior: is outside of -9000 to 0",
        ),
        (
            |n| n.restricted_requests_per_minute = Some(0),
            "restrictedRequestsPerMinute: is outside of 1 to 65535",
        ),
        (
            |n| n.restricted = threshold(10_000, 10_000, 60),
            "restricted: a peer at the threshold would flap",
        ),
        (
            |n| n.isolated = threshold(16_000, 17_000, 60),
            "isolated: a peer at the threshold would flap",
        ),
        (
            |n| n.isolated = threshold(10_000, 8_000, 60),
            "isolated: isolation must not come before restriction",
        ),
        (
            |n| n.isolated = threshold(16_000, 6_999, 60),
            "isolated: isolation must not come before restriction",
        ),
        (
            |n| n.restricted = threshold(10_000, 7_000, 0),
            "restricted.dwellSeconds: is outside of 1 to 28800",
        ),
        (
            |n| n.isolated = threshold(16_000, 12_000, 28_801),
            "isolated.dwellSeconds: is outside of 1 to 28800",
        ),
        (
            |n| n.isolated = threshold(60_001, 12_000, 300),
            "isolated.enter: is outside of 1 to 60000",
        ),
        (
            |n| {
                n.caps = Some(Families {
                    denial: Some(4_000),
                    credential: Some(3_999),
                    ..Families::default()
                });
            },
            "caps: no evidence could isolate anyone",
        ),
        (|n| n.isolated = threshold(60_000, 59_000, 300), ""),
        (
            |n| {
                n.weights = Some(Families {
                    error: Some(6_001),
                    ..Families::default()
                });
            },
            "weights.error: weighs more than the cap of its family",
        ),
        (
            |n| {
                n.weights = Some(Families {
                    denial: Some(0),
                    ..Families::default()
                });
            },
            "weights.denial: is outside of 1 to 60000",
        ),
    ];
    for (change, expected) in changes {
        let errors = errors(change);
        if expected.is_empty() {
            assert_eq!(errors, Vec::<String>::new());
            continue;
        }
        let expected = alloc::format!("spec.trust.defaults.{expected}");
        assert!(
            errors.iter().any(|error| error.starts_with(&expected)),
            "{expected}: {errors:?}"
        );
    }
}

#[test]
fn a_segment_overrides_what_it_names_and_keeps_the_rest() {
    let policy = policy(|document| {
        document.spec.trust = Some(Trust {
            defaults: Some(TrustNumbers {
                prior: Some(-3_000),
                isolated: threshold(20_000, 15_000, 600),
                ..TrustNumbers::default()
            }),
            fleet_guard: Some(FleetGuard {
                minimum_peers: Some(9),
                share_percent: None,
            }),
            ..Trust::default()
        });
        let gateway = &mut document.spec.segments[0];
        gateway.callers = Some(Callers::Aggregator);
        gateway.trust = Some(TrustNumbers {
            isolated: Some(TrustThreshold {
                dwell_seconds: Some(60),
                ..TrustThreshold::default()
            }),
            ..TrustNumbers::default()
        });
    });
    let of = |caller: &str| policy.trust_rules(&identity(caller), &[7; 32], None, TimeMs(0));
    let (gateway, vectors) = (of(GATEWAY), of(VECTORS));
    assert_eq!(gateway.params.prior, -3_000);
    let isolated = gateway.params.isolated;
    assert_eq!(
        (isolated.enter, isolated.exit, isolated.dwell_seconds),
        (20_000, 15_000, 60)
    );
    assert!(gateway.params.aggregator && !vectors.params.aggregator);
    assert_eq!(vectors.params.isolated.dwell_seconds, 600);
    assert_eq!(vectors.params.restricted, Params::default().restricted);
    let guard = vectors.fleet_guard;
    assert_eq!((guard.minimum_peers, guard.share_percent), (9, 20));
}

#[test]
fn the_fleet_guard_and_fresh_starts_are_checked() {
    let errors = |trust: Trust| -> Vec<String> {
        let mut document = document();
        document.spec.trust = Some(trust);
        let errors = compile(&document).err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect()
    };
    let guard = |minimum_peers, share_percent| Trust {
        fleet_guard: Some(FleetGuard {
            minimum_peers: Some(minimum_peers),
            share_percent: Some(share_percent),
        }),
        ..Trust::default()
    };
    for (trust, expected) in [
        (
            guard(1, 20),
            "spec.trust.fleetGuard.minimumPeers: is outside of 2 to 64",
        ),
        (
            guard(65, 20),
            "spec.trust.fleetGuard.minimumPeers: is outside of 2 to 64",
        ),
        (
            guard(5, 0),
            "spec.trust.fleetGuard.sharePercent: is outside of 1 to 100",
        ),
        (
            guard(5, 101),
            "spec.trust.fleetGuard.sharePercent: is outside of 1 to 100",
        ),
        (
            Trust {
                fresh_start_authorities: Some(alloc::vec!["nobody".into()]),
                ..Trust::default()
            },
            "spec.trust.freshStartAuthorities[0]: no pinned authority of this kind",
        ),
    ] {
        let errors = errors(trust);
        assert!(
            errors.len() == 1 && errors[0].starts_with(expected),
            "{errors:?}"
        );
    }
}

#[test]
fn an_uncertainty_is_at_most_a_hundred() {
    let mut document = document();
    document.spec.flows[0].maximum_uncertainty = Some(101);
    let errors = compile(&document).unwrap_err();
    assert_eq!(errors[0].path, "spec.flows[0].maximumUncertainty");
}
