#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test shall panic"
)]

use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::facts::{KeyExchange, PeerCertificate, PeerValidation};
use crate::fixtures::{GATEWAY, HOUR_MS, NOW, credential, peer_after_distinct_denials};

const ASSURANCES: [Assurance; 4] = [
    Assurance::HybridProven,
    Assurance::Hybrid,
    Assurance::Classical,
    Assurance::Plaintext,
];
const VERSIONS: [TlsVersion; 3] = [TlsVersion::Tls13, TlsVersion::Tls12, TlsVersion::Other];

fn tls(version: TlsVersion) -> MutualTls {
    MutualTls {
        validation: PeerValidation::Validated,
        version,
        key_exchange: KeyExchange::Hidden,
        certificate_sha256: [7; 32],
        certificate: PeerCertificate::Unavailable,
    }
}

/// The score of a peer after `minutes` of the hour for which its certificate is valid.
fn score_of(assurance: Assurance, version: TlsVersion, minutes: u64, denials: usize) -> Score {
    let mut certificate = credential(GATEWAY, assurance);
    certificate.not_before = NOW;
    certificate.not_after = TimeMs(NOW.0 + HOUR_MS);
    let now = TimeMs(NOW.0 + minutes * 60_000);
    let peer = peer_after_distinct_denials(denials, now);
    let tls = tls(version);
    score(&known(&tls, &certificate, assurance), &peer, now)
}

fn known<'a>(
    tls: &'a MutualTls,
    certificate: &'a CredentialFacts,
    assurance: Assurance,
) -> Static<'a> {
    Static {
        prior: -4_600,
        tls,
        certificate,
        assurance,
        level: None,
        metadata: PeerMetadata::Absent,
    }
}

/// All scores over the terms, as (place in each term's order from good to bad, score).
fn all_scores() -> Vec<([usize; 4], Score)> {
    let mut scores = Vec::new();
    for (a, assurance) in ASSURANCES.into_iter().enumerate() {
        for (v, version) in VERSIONS.into_iter().enumerate() {
            for minutes in [0_usize, 30, 31, 45, 60] {
                for denials in 0..12 {
                    let age = u64::try_from(minutes).unwrap();
                    let score = score_of(assurance, version, age, denials);
                    scores.push(([a, v, minutes, denials], score));
                }
            }
        }
    }
    scores
}

#[test]
fn trust_has_its_published_values() {
    for (lambda, expected) in [
        (MilliNats::MIN, 99),
        (-4_596, 99),
        (-4_595, 98),
        (-2_198, 90),
        (-41, 51),
        (-40, 50),
        (-1, 50),
        (0, 50),
        (1, 49),
        (40, 49),
        (41, 48),
        (2_197, 10),
        (2_198, 9),
        (4_595, 1),
        (4_596, 0),
        (8_000, 0),
        (MilliNats::MAX, 0),
    ] {
        assert_eq!(trust(lambda), expected, "{lambda}");
    }
}

#[test]
fn trust_is_the_logistic_function_rounded_down() {
    for lambda in -15_000..=15_000 {
        let exact = 100.0 / (1.0 + (f64::from(lambda) / 1_000.0).exp());
        assert!(
            (f64::from(trust(lambda)) - exact.floor()).abs() < 0.5,
            "{lambda}: {exact}"
        );
    }
}

#[test]
fn thresholds_fall_strictly() {
    assert!(TRUST_THRESHOLDS.windows(2).all(|pair| pair[0] > pair[1]));
}

#[test]
fn more_log_odds_never_mean_more_trust() {
    for lambda in -10_000..10_000 {
        assert!(trust(lambda) >= trust(lambda + 1), "{lambda}");
    }
}

#[test]
fn the_terms_are_those_of_the_published_table() {
    for (assurance, version, minutes, denials, terms) in [
        (
            Assurance::Classical,
            TlsVersion::Tls12,
            0,
            0,
            [-4_600, 0, 0, 0, 0, 0, 0, 0],
        ),
        (
            Assurance::Classical,
            TlsVersion::Tls13,
            30,
            1,
            [-4_600, 0, 0, -200, 0, 0, 2_000, 500],
        ),
        (
            Assurance::Hybrid,
            TlsVersion::Tls13,
            45,
            3,
            [-4_600, -1_500, 0, -200, 250, 0, 6_000, 1_500],
        ),
        (
            Assurance::HybridProven,
            TlsVersion::Tls12,
            60,
            8,
            [-4_600, -2_000, 0, 0, 500, 0, 16_000, 4_000],
        ),
        (
            Assurance::Plaintext,
            TlsVersion::Other,
            60,
            11,
            [-4_600, 2_000, 0, 500, 500, 0, 20_000, 4_000],
        ),
    ] {
        let score = score_of(assurance, version, minutes, denials);
        let list = score.terms.list().map(|(_, term)| term);
        assert_eq!((&list[..8], &list[8..]), (&terms[..], &[0; 5][..]));
    }
}

#[test]
fn the_terms_of_an_explanation_sum_to_lambda() {
    for (place, score) in all_scores() {
        let sum: MilliNats = score.terms.list().iter().map(|(_, term)| *term).sum();
        assert_eq!((score.lambda, score.trust), (sum, trust(sum)), "{place:?}");
    }
}

#[test]
fn the_names_of_the_terms_are_those_in_records() {
    for (name, _) in Terms::default().list() {
        assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
    }
}

#[test]
fn every_term_lowers_trust_or_leaves_it() {
    let scores = all_scores();
    let mut compared = 0;
    for (better, high) in &scores {
        for (worse, low) in &scores {
            if better.iter().zip(worse).all(|(a, b)| a <= b) {
                assert!(high.lambda <= low.lambda, "{better:?} {worse:?}");
                assert!(high.trust >= low.trust, "{better:?} {worse:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 50_000);
}

#[test]
fn the_score_is_bounded() {
    for (place, score) in all_scores() {
        assert!(score.trust <= 99, "{place:?}");
        assert!((-6_800..=22_400).contains(&score.lambda), "{place:?}");
    }
}

#[test]
fn a_sum_at_the_end_of_the_range_stays_there() {
    let most = Terms {
        prior: MilliNats::MAX,
        denial: MilliNats::MAX,
        ..Terms::default()
    };
    assert_eq!(most.sum(), MilliNats::MAX);
    let least = Terms {
        prior: MilliNats::MIN,
        assurance: MilliNats::MIN,
        ..Terms::default()
    };
    assert_eq!(least.sum(), MilliNats::MIN);
}

/// Without the term that is blamed the trust suffices, and where none is blamed, no single one is to
/// blame: taking the greatest away is not enough.
#[test]
fn without_the_term_that_is_blamed_the_trust_would_suffice() {
    let (mut blamed, mut nobody) = (0, 0);
    for (place, score) in all_scores() {
        for minimum in [1, 20, 50, 80, 99] {
            let greatest = score.terms.list().into_iter().map(|(_, term)| term).max();
            let without = trust(score.lambda - greatest.unwrap());
            match score.decisive(minimum) {
                Some(name) => {
                    let term = score
                        .terms
                        .list()
                        .into_iter()
                        .find(|(other, _)| *other == name);
                    assert_eq!(term.map(|(_, term)| term), greatest, "{place:?}");
                    assert!(score.trust < minimum && without >= minimum, "{place:?}");
                    blamed += 1;
                }
                None => {
                    assert!(score.trust >= minimum || without < minimum, "{place:?}");
                    nobody += usize::from(score.trust < minimum);
                }
            }
        }
    }
    assert!(blamed > 500 && nobody > 20, "{blamed} {nobody}");
}

#[test]
fn levels_and_contradicting_metadata_count() {
    let certificate = credential(GATEWAY, Assurance::Hybrid);
    let tls = tls(TlsVersion::Tls13);
    let peer = peer_after_distinct_denials(0, NOW);
    let plain = known(&tls, &certificate, Assurance::Hybrid);
    let of = |known: &Static<'_>| score(known, &peer, NOW).lambda;
    for (level, term) in [
        (AlternativeAlgorithm::MlDsa44, 200),
        (AlternativeAlgorithm::MlDsa65, 0),
        (AlternativeAlgorithm::MlDsa87, -200),
    ] {
        let level = Some(level);
        assert_eq!(of(&Static { level, ..plain }), of(&plain) + term);
    }
    for (metadata, term) in [
        (PeerMetadata::Agrees, 0),
        (PeerMetadata::Contradicts, 2_000),
    ] {
        assert_eq!(of(&Static { metadata, ..plain }), of(&plain) + term);
    }
}

#[test]
fn a_credential_ages_from_the_middle_of_its_life() {
    let term = |minutes| {
        score_of(Assurance::Hybrid, TlsVersion::Tls13, minutes, 0)
            .terms
            .credential_age
    };
    assert_eq!([0, 29, 30].map(term), [0, 0, 0]);
    assert_eq!([36, 45, 54, 60].map(term), [100, 250, 400, 500]);
    assert_eq!(
        [61, 600, 60_000].map(term),
        [500; 3],
        "it ends at its maximum"
    );
    assert!((0..120).all(|minutes| term(minutes) <= term(minutes + 1)));
}

#[test]
fn odd_lifetimes_give_a_bounded_age() {
    let times = [0, 1, 2, NOW.0 - 1, NOW.0, NOW.0 + 1, u64::MAX - 1, u64::MAX].map(TimeMs);
    for not_before in times {
        for not_after in times {
            for now in times {
                let mut certificate = credential(GATEWAY, Assurance::Hybrid);
                certificate.not_before = not_before;
                certificate.not_after = not_after;
                let term = age_term(&certificate, now);
                assert!(
                    (0..=500).contains(&term),
                    "{not_before:?} {not_after:?} {now:?}"
                );
            }
        }
    }
}

#[test]
fn nobody_is_above_the_ceiling_and_the_best_peer_reaches_it() {
    for assurance in ASSURANCES {
        let best = score_of(assurance, TlsVersion::Tls13, 0, 0).trust;
        assert_eq!(ceiling(-4_600, assurance, None), best);
    }
    assert!(
        all_scores()
            .iter()
            .all(|(_, score)| score.trust <= ceiling(-4_600, Assurance::HybridProven, None))
    );
    let strongest = Some(AlternativeAlgorithm::MlDsa87);
    assert!(
        ceiling(-2_000, Assurance::Hybrid, strongest) > ceiling(-2_000, Assurance::Hybrid, None)
    );
}
