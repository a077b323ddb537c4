//! The scenario corpus on the engine, called directly.

use std::collections::BTreeSet;

use sallyport_e2e::drivers::DriverKind;
use sallyport_e2e::drivers::native::NativeDriver;
use sallyport_e2e::exceptions::Exceptions;
use sallyport_e2e::play::play;
use sallyport_e2e::scenario::Scenario;
use sallyport_e2e::world::{TRUST_DOMAIN, World};
use sallyport_engine::reason::DenyReason;

#[test]
fn every_scenario_comes_out_as_expected() {
    let world = World::new(TRUST_DOMAIN).unwrap();
    let exceptions = Exceptions::load().unwrap();
    let mut differences = Vec::new();
    let mut used = Vec::new();
    for scenario in Scenario::load_corpus().unwrap() {
        let mut driver = NativeDriver::start(&world, &scenario).unwrap();
        let outcome = play(&scenario, &mut driver, &exceptions).unwrap();
        differences.extend(outcome.differences);
        used.extend(outcome.exceptions);
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    assert_eq!(
        exceptions.stale(DriverKind::Native, &used),
        [""; 0],
        "stale exceptions"
    );
}

/// Reasons that no scenario can lead to, and what covers them instead.
const ELSEWHERE: [(&str, &str); 10] = [
    ("not_configured", "tests/configuration.rs"),
    ("listener_not_inbound", "tests/configuration.rs"),
    (
        "artifact_manifest_expired",
        "render refuses such a manifest: tests of the engine and the filter",
    ),
    (
        "host_read_failed",
        "needs a host that fails: unit tests of the filter",
    ),
    ("internal_bug", "should be impossible"),
    ("key_exchange_not_post_quantum", "tests/key_exchange.rs"),
    (
        "request_malformed",
        "Envoy refuses such requests first: unit tests of the engine",
    ),
    (
        "proof_quota_exceeded",
        "needs hundreds of proofs: tests of the engine and the filter",
    ),
    (
        "verification_budget_exceeded",
        "needs a flood of new credentials: tests of the filter",
    ),
    (
        "peer_certificate_unavailable",
        "needs an Envoy before 1.38: unit tests of the filter",
    ),
];

#[test]
fn each_reason_is_met_in_the_corpus_or_known_to_be_met_elsewhere() {
    let corpus = Scenario::load_corpus().unwrap();
    let steps = corpus.iter().flat_map(|scenario| &scenario.steps);
    let met: BTreeSet<&str> = steps
        .filter_map(|step| step.expect.reason.as_deref())
        .collect();
    for reason in DenyReason::ALL {
        let elsewhere = ELSEWHERE.iter().any(|(code, _)| *code == reason.code());
        assert_ne!(met.contains(reason.code()), elsewhere, "{}", reason.code());
    }
}
