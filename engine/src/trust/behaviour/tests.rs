#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test shall panic"
)]

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::fixtures::{HOUR_MS, NOW, peer_after_distinct_denials};
use crate::trust::TargetHasher;

fn target(number: usize) -> Evidence {
    TargetHasher::new([0; 16]).denial("GET", format!("/target/{number}").as_bytes())
}

fn after(seconds: u64) -> TimeMs {
    TimeMs(NOW.0 + seconds * 1_000)
}

/// A peer that asked for the targets in this order, all at once.
fn peer(targets: impl IntoIterator<Item = usize>) -> PeerState {
    let mut peer = PeerState::new(NOW);
    for number in targets {
        peer.record(target(number), NOW);
    }
    peer
}

/// All that a state holds, to be compared.
fn content(peer: &PeerState) -> String {
    format!("{peer:?}")
}

#[test]
fn a_new_peer_is_trusted_and_carries_no_evidence() {
    let peer = PeerState::new(NOW);
    assert_eq!((peer.standing(), peer.denial()), (Behaviour::Trusted, 0));
}

#[test]
fn distinct_targets_restrict_at_the_fifth_and_isolate_at_the_eighth() {
    for (count, standing) in [
        (4, Behaviour::Trusted),
        (5, Behaviour::Restricted),
        (7, Behaviour::Restricted),
        (8, Behaviour::Isolated),
        (100, Behaviour::Isolated),
    ] {
        assert_eq!(peer(0..count).standing(), standing, "{count}");
    }
}

#[test]
fn evidence_stops_at_its_cap() {
    assert_eq!(peer(0..1_000).denial(), 20_000);
    assert_eq!(peer((0..1_000).chain(990..1_000)).denial(), 20_000);
}

#[test]
fn repeats_alone_restrict_and_never_isolate() {
    let repeats = |count: usize| peer((0..count).map(|_| 0));
    assert_eq!(repeats(32).standing(), Behaviour::Trusted);
    assert_eq!(repeats(33).standing(), Behaviour::Restricted);
    let many = repeats(100_000);
    assert_eq!(
        (many.standing(), many.denial()),
        (Behaviour::Restricted, 12_000)
    );
}

#[test]
fn isolation_needs_eight_nats_of_distinct_targets() {
    let with_repeats =
        |distinct| peer((0..distinct).chain((0..1_000).map(|number| number % distinct)));
    let three = with_repeats(3);
    assert_eq!(
        (three.standing(), three.denial()),
        (Behaviour::Restricted, 16_000)
    );
    let four = with_repeats(4);
    assert_eq!(
        (four.standing(), four.denial()),
        (Behaviour::Isolated, 18_000)
    );
}

#[test]
fn the_order_of_events_within_a_second_does_not_matter() {
    let events: Vec<usize> = (0..7).chain([0, 0, 3]).chain((0..6).map(|_| 5)).collect();
    let expected = peer(events.iter().copied());
    let mut rotated = events.clone();
    for turn in 0..events.len() {
        rotated.rotate_left(1);
        for order in [rotated.clone(), rotated.iter().rev().copied().collect()] {
            let mut peer = PeerState::new(NOW);
            for (place, number) in order.iter().enumerate() {
                let place = u64::try_from(place).unwrap();
                peer.record(target(*number), TimeMs(NOW.0 + place * 10));
            }
            assert_eq!(peer.denial(), expected.denial(), "turn {turn}");
            assert_eq!(peer.standing(), expected.standing(), "turn {turn}");
            // It also recovers alike.
            let mut later = expected.clone();
            peer.advance(after(40));
            later.advance(after(40));
            assert_eq!(
                (peer.denial(), peer.standing()),
                (later.denial(), later.standing())
            );
        }
    }
}

#[test]
fn a_clock_that_jumps_back_changes_nothing() {
    let mut state = peer(0..6);
    let before = content(&state);
    for back in [1, 999, 1_000, HOUR_MS, NOW.0] {
        state.advance(TimeMs(NOW.0 - back));
        assert_eq!(content(&state), before);
    }
    // Evidence counts at any time.
    state.record(target(6), TimeMs(0));
    state.record(target(7), TimeMs(0));
    assert_eq!(state.standing(), Behaviour::Isolated);
}

#[test]
fn a_clock_that_swings_does_not_speed_up_forgetting() {
    let mut steady = peer(0..8);
    steady.advance(after(10));
    let mut swinging = peer(0..8);
    for _ in 0..1_000 {
        swinging.advance(after(10));
        swinging.advance(after(0));
    }
    assert_eq!(content(&swinging), content(&steady));
}

#[test]
fn a_jump_forward_counts_for_an_hour_at_most() {
    let mut an_hour = peer(0..20);
    an_hour.advance(after(3_600));
    for seconds in [3_601, 86_400, 3_153_600_000] {
        let mut jumped = peer(0..20);
        jumped.advance(after(seconds));
        assert_eq!(jumped.denial(), an_hour.denial(), "{seconds}");
        assert!(jumped.denial() > 0);
    }
    let mut end_of_time = peer(0..20);
    end_of_time.advance(TimeMs(u64::MAX));
    assert_eq!(end_of_time.denial(), an_hour.denial());
    end_of_time.record(target(0), TimeMs(u64::MAX));
    end_of_time.record(target(30), TimeMs(0));
}

#[test]
fn forgetting_does_not_depend_on_how_often_one_looks() {
    let mut once = peer(0..8);
    once.advance(after(600));
    for step_ms in [7, 100, 333, 999, 1_000, 1_001, 60_000] {
        let mut often = peer(0..8);
        for time in (NOW.0..=after(600).0).step_by(step_ms) {
            often.advance(TimeMs(time));
        }
        often.advance(after(600));
        assert!(often.denial().abs_diff(once.denial()) <= 1, "{step_ms}");
        assert_eq!(often.standing(), once.standing());
    }
}

#[test]
fn less_than_a_second_forgets_nothing_and_is_carried_along() {
    let mut state = peer(0..5);
    for milliseconds in [1, 500, 999] {
        state.advance(TimeMs(NOW.0 + milliseconds));
        assert_eq!(state.denial(), 10_000);
    }
    state.advance(after(1));
    assert!(
        state.denial() < 10_000,
        "the milliseconds before count as well"
    );
}

#[test]
fn only_time_lowers_evidence() {
    let mut state = peer(0..3);
    for number in [0, 1, 2, 50, 51, 0, 50] {
        let before = state.denial();
        state.record(target(number), NOW);
        assert!(state.denial() > before);
    }
}

#[test]
fn a_restricted_peer_stays_so_until_well_below_the_threshold() {
    let mut state = peer(0..5);
    let mut left = None;
    for second in 1..600 {
        state.advance(after(second));
        if state.standing() == Behaviour::Trusted {
            left = Some((second, state.denial()));
            break;
        }
        assert_eq!(state.standing(), Behaviour::Restricted);
    }
    // 60 s * ln (10 / 6) is 30.65 s.
    let (second, evidence) = left.unwrap();
    assert_eq!(second, 31);
    assert!((5_900..6_000).contains(&evidence), "{evidence}");
    // Back at eight nats it is still trusted: the way in is another than the way out.
    state.record(target(90), after(second));
    assert_eq!(state.standing(), Behaviour::Trusted);
}

#[test]
fn an_isolated_peer_is_restricted_before_it_is_trusted() {
    let mut state = peer(0..8);
    let mut seen = alloc::vec![state.standing()];
    for second in 1..3_600 {
        state.advance(after(second));
        if seen.last() != Some(&state.standing()) {
            seen.push(state.standing());
        }
    }
    assert_eq!(
        seen,
        [
            Behaviour::Isolated,
            Behaviour::Restricted,
            Behaviour::Trusted
        ]
    );
}

#[test]
fn a_peer_at_a_threshold_does_not_flap() {
    // A new target every 6 to 13 seconds holds the evidence near each of the thresholds.
    for (period, first) in [(6, 16_000), (8, 16_000), (11, 10_000), (13, 10_000)] {
        let mut state = peer(0..(first / 2_000));
        let (mut changes, mut last) = (0, state.standing());
        for second in 1..1_200_u64 {
            state.advance(after(second));
            if second.is_multiple_of(period) {
                state.record(
                    target(usize::try_from(100 + second).unwrap()),
                    after(second),
                );
            }
            if state.standing() != last {
                last = state.standing();
                changes += 1;
            }
        }
        assert!(changes <= 1, "every {period} s: {changes} changes");
    }
}

#[test]
fn a_slow_scan_adds_up_at_the_slow_scale() {
    let mut state = PeerState::new(NOW);
    let mut reached = Vec::new();
    for minute in 0..60 {
        let now = after(minute * 60);
        state.record(target(usize::try_from(minute).unwrap()), now);
        if reached
            .last()
            .is_none_or(|(_, last)| *last != state.standing())
        {
            reached.push((minute, state.standing()));
        }
    }
    // (1 - e^(-n/60)) / (1 - e^(-1/60)) nats after n minutes, capped at 20.
    assert_eq!(
        reached,
        [
            (0, Behaviour::Trusted),
            (10, Behaviour::Restricted),
            (18, Behaviour::Isolated)
        ]
    );
}

#[test]
fn remembers_the_last_sixteen_targets() {
    let evidence = |repeated: usize| {
        // Long after the first sixteen, so that no cap hides what the last one adds.
        let mut state = peer(0..16);
        state.advance(after(1_800));
        let before = state.denial();
        state.record(target(repeated), after(1_800));
        state.denial() - before
    };
    assert_eq!(evidence(0), 250, "the oldest of sixteen is still a repeat");
    assert_eq!(evidence(15), 250);
    let mut state = peer(0..17);
    state.advance(after(3_600));
    let before = state.denial();
    state.record(target(0), after(3_600));
    assert_eq!(
        state.denial() - before,
        1_000,
        "the oldest of seventeen counts as new"
    );
}

#[test]
fn a_target_is_forgotten_when_it_weighs_nothing_any_more() {
    let mut state = peer([0]);
    for hour in 1..=12 {
        state.advance(after(hour * 3_600));
    }
    assert_eq!(state.denial(), 0);
    state.record(target(0), after(12 * 3_600));
    assert_eq!(state.denial(), 2_000);
}

#[test]
fn standings_are_ordered_and_have_words() {
    assert!(Behaviour::Trusted < Behaviour::Restricted);
    assert!(Behaviour::Restricted < Behaviour::Isolated);
    for standing in [
        Behaviour::Trusted,
        Behaviour::Restricted,
        Behaviour::Isolated,
    ] {
        assert_eq!(serde_json::to_value(standing).unwrap(), standing.as_str());
    }
}

#[test]
fn the_state_of_a_peer_is_small() {
    assert!(size_of::<PeerState>() <= 256, "{}", size_of::<PeerState>());
    assert!(
        size_of_val(&peer_after_distinct_denials(100, NOW)) <= 256,
        "nothing grows"
    );
}

/// The same family in floating point, written down from its definition: targets as a list, sums
/// that decay by `e^(-t / tau)` at each whole second, standing by two pairs of thresholds.
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
mod against_a_model {
    #![expect(clippy::float_arithmetic, reason = "the model is the exact formula")]

    use super::*;

    #[derive(Default)]
    struct Model {
        fast: f64,
        slow: f64,
        repeated: f64,
        known: Vec<usize>,
        standing: usize,
    }

    impl Model {
        fn total(&self) -> f64 {
            (self.fast.max(self.slow) + self.repeated).min(20_000.0)
        }

        fn forget(&mut self, seconds: u32) {
            let seconds = f64::from(seconds);
            self.fast *= (-seconds / 60.0).exp();
            self.slow *= (-seconds / 3_600.0).exp();
            self.repeated *= (-seconds / 60.0).exp();
            self.settle();
        }

        fn record(&mut self, target: usize) {
            if self.known.contains(&target) {
                self.repeated = (self.repeated + 250.0).min(10_000.0);
            } else {
                self.known.push(target);
                self.fast = (self.fast + 2_000.0).min(20_000.0);
                self.slow = (self.slow + 1_000.0).min(20_000.0);
            }
            self.settle();
        }

        fn settle(&mut self) {
            let total = self.total();
            let isolates = total >= 16_000.0 && self.fast.max(self.slow) >= 8_000.0;
            self.standing = match self.standing {
                _ if isolates => 2,
                2 if total >= 10_000.0 => 2,
                _ if total >= 10_000.0 => 1,
                1 | 2 if total >= 6_000.0 => 1,
                _ => 0,
            };
        }

        /// Goes on from the same standing, where rounding decided on it.
        fn follow(&mut self, state: &PeerState) {
            self.standing = usize::from(state.standing() >= Behaviour::Restricted)
                + usize::from(state.standing() == Behaviour::Isolated);
        }

        /// Whether rounding may decide on the standing.
        fn is_near_a_threshold(&self) -> bool {
            let total = self.total();
            [6_000.0, 10_000.0, 16_000.0]
                .iter()
                .any(|limit| (total - limit).abs() < 3.0)
                || (self.fast.max(self.slow) - 8_000.0).abs() < 3.0
        }
    }

    proptest::proptest! {
        #[test]
        fn evidence_and_standing_are_those_of_the_model(
            // Sixteen targets, so that none is forgotten; up to ten minutes between events.
            events in proptest::collection::vec((0_usize..16, 0_u32..600, 0_u32..3), 1..60)
        ) {
            let (mut state, mut model, mut now) = (PeerState::new(NOW), Model::default(), NOW);
            for (number, seconds, often) in events {
                let seconds = if often == 0 { seconds } else { seconds % 5 };
                now = TimeMs(now.0 + u64::from(seconds) * 1_000);
                state.advance(now);
                model.forget(seconds);
                if model.is_near_a_threshold() {
                    model.follow(&state);
                }
                state.record(target(number), now);
                model.record(number);
                let evidence = f64::from(state.denial());
                proptest::prop_assert!((evidence - model.total()).abs() < 3.0);
                if model.is_near_a_threshold() {
                    model.follow(&state);
                } else {
                    let expected =
                        [Behaviour::Trusted, Behaviour::Restricted, Behaviour::Isolated];
                    proptest::prop_assert_eq!(state.standing(), expected[model.standing]);
                }
            }
        }
    }
}
