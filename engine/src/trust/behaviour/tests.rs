use alloc::format;
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::time::TimeMs;
use crate::trust::baseline::{Baseline, Limits};
use crate::trust::{Pushed, TargetHasher};

const START: Moment = Moment(1_800_000_000);

fn target(number: usize) -> Evidence {
    TargetHasher::new([0; 16]).denial("GET", format!("/target/page-{number}").as_bytes())
}

fn token(number: usize) -> Evidence {
    TargetHasher::new([0; 16]).credential(&[format!("token-{number}").as_bytes()])
}

fn operation(number: usize) -> Evidence {
    TargetHasher::new([0; 16]).operation("flow", "GET", &format!("/op-{number}"))
}

/// A peer with these events, all at once.
fn peer(events: impl IntoIterator<Item = Evidence>) -> PeerState {
    let mut peer = PeerState::new(START);
    add(&mut peer, events, START);
    peer
}

fn add(peer: &mut PeerState, events: impl IntoIterator<Item = Evidence>, now: Moment) {
    let params = Params::default();
    for event in events {
        peer.record(event, &params, now);
        peer.settle(&Rules::plain(&params), now);
    }
}

fn settled(peer: &mut PeerState, now: Moment) -> Behaviour {
    peer.settle(&Rules::plain(&Params::default()), now);
    peer.standing()
}

fn totals(peer: &PeerState) -> Totals {
    peer.evidence(&Params::default())
}

fn with_params(change: impl FnOnce(&mut Params)) -> Params {
    let mut params = Params::default();
    change(&mut params);
    params
}

/// A peer that is known, with a baseline of `per_window` requests in each window. Says when.
fn known(per_window: u32, response_bytes: u64) -> (PeerState, Moment) {
    let params = Params::default();
    let mut peer = PeerState::new(START);
    let mut now = START;
    for _ in 0..120 {
        for _ in 0..per_window {
            peer.arrive(&params, now);
            peer.observe(&answer(200, response_bytes), &params, now);
        }
        now = now.plus(8);
        settled(&mut peer, now);
    }
    assert_eq!((peer.uncertainty(), totals(&peer).sum()), (0, 0));
    (peer, now)
}

fn answer(status: u16, response_bytes: u64) -> Outcome {
    Outcome {
        status,
        response_bytes,
        ..Outcome::default()
    }
}

#[test]
fn a_new_peer_is_trusted_unknown_and_clean() {
    let peer = PeerState::new(START);
    assert_eq!(peer.standing(), Behaviour::Trusted);
    assert_eq!((totals(&peer).sum(), peer.uncertainty()), (0, 100));
    assert!(peer.is_clean());
}

#[test]
fn distinct_targets_restrict_at_the_fourth_and_isolate_at_the_seventh() {
    for (count, standing) in [
        (3, Behaviour::Trusted),
        (4, Behaviour::Restricted),
        (6, Behaviour::Restricted),
        (7, Behaviour::Isolated),
        (100, Behaviour::Isolated),
    ] {
        assert_eq!(peer((0..count).map(target)).standing(), standing, "{count}");
    }
}

#[test]
fn families_stop_at_their_caps() {
    let peer = peer((0..1_000).map(target).chain((0..1_000).map(token)));
    let totals = totals(&peer);
    assert_eq!((totals.denial, totals.distinct_denial), (20_000, 20_000));
    assert_eq!((totals.credential, totals.novelty), (20_000, 4_000));
}

#[test]
fn repeats_restrict_and_never_isolate() {
    let repeats = |count| peer((0..count).map(|_| target(0)));
    assert_eq!(repeats(30).standing(), Behaviour::Trusted);
    assert_eq!(repeats(31).standing(), Behaviour::Restricted);
    assert_eq!(repeats(100_000).standing(), Behaviour::Restricted);
    assert_eq!(totals(&repeats(100_000)).denial, 12_000);
    // Nor do repeats of several targets: they isolate when the targets alone would.
    for distinct in 1..7 {
        let events = (0..distinct).chain((0..1_000).map(|number| number % distinct));
        assert_eq!(peer(events.map(target)).standing(), Behaviour::Restricted);
    }
}

#[test]
fn a_fourth_credential_that_does_not_hold_isolates_and_the_same_one_does_not() {
    assert_eq!(peer((0..3).map(token)).standing(), Behaviour::Restricted);
    assert_eq!(peer((0..4).map(token)).standing(), Behaviour::Isolated);
    let stuck = peer((0..1_000).map(|_| token(0)));
    assert_eq!(
        (stuck.standing(), totals(&stuck).credential),
        (Behaviour::Trusted, 6_000)
    );
}

#[test]
fn a_fourth_credential_isolates_too_where_minutes_lie_between_them() {
    for pause in [1, 20, 240] {
        let mut peer = PeerState::new(START);
        for (number, seconds) in (0..4).zip((START.0..).step_by(pause)) {
            assert_ne!(peer.standing(), Behaviour::Isolated);
            add(&mut peer, [token(number)], Moment(seconds));
        }
        assert_eq!(peer.standing(), Behaviour::Isolated, "{pause} s");
    }
}

#[test]
fn what_is_merely_unusual_never_isolates() {
    let params = Params::default();
    let mut state = PeerState::new(START);
    state.rate = Level::of(60_000);
    state.volume = Level::of(60_000);
    state.repeated.error = Level::of(60_000);
    for number in 0..8 {
        state.novelties.insert(number, START);
    }
    assert!(totals(&state).sum() > 30_000);
    assert_eq!(settled(&mut state, START), Behaviour::Restricted);
    // With eight nats of what is deliberate it does.
    for number in 0..4 {
        state.record(target(number), &params, START);
    }
    assert_eq!(settled(&mut state, START), Behaviour::Isolated);
}

#[test]
fn the_order_of_events_within_a_second_does_not_matter() {
    let events: Vec<Evidence> = (0..6)
        .map(target)
        .chain([
            target(0),
            target(0),
            token(1),
            token(1),
            token(2),
            operation(3),
        ])
        .collect();
    let expected = peer(events.iter().copied());
    let mut rotated = events.clone();
    for turn in 0..events.len() {
        rotated.rotate_left(1);
        let backwards: Vec<Evidence> = rotated.iter().rev().copied().collect();
        for order in [rotated.clone(), backwards] {
            let mut other = peer(order);
            let mut expected = expected.clone();
            for later in [0, 40, 4_000] {
                let now = START.plus(later);
                assert_eq!(
                    settled(&mut other, now),
                    settled(&mut expected, now),
                    "turn {turn}"
                );
                assert_eq!(totals(&other), totals(&expected), "turn {turn}");
            }
        }
    }
}

#[test]
fn forgetting_does_not_depend_on_how_often_one_looks() {
    let mut once = peer((0..5).map(target).chain((0..9).map(|_| target(0))));
    let mut often = once.clone();
    for second in 1..=2_000 {
        often.advance(START.plus(second));
    }
    once.advance(START.plus(2_000));
    assert!(totals(&often).sum().abs_diff(totals(&once).sum()) <= 1);
    assert_eq!(
        totals(&often).distinct_denial,
        totals(&once).distinct_denial
    );
}

#[test]
fn only_time_lowers_evidence() {
    let params = Params::default();
    let mut state = peer((0..3).map(target));
    let before = totals(&state);
    for number in 0..200 {
        state.arrive(&params, START);
        state.record(operation(number), &params, START);
        state.observe(&answer(200, 100), &params, START);
    }
    assert_eq!(totals(&state), before, "good deeds do not help");
    state.advance(START.plus(60));
    assert!(totals(&state).sum() < before.sum());
}

#[test]
fn an_isolated_peer_is_restricted_before_it_is_trusted_and_stays_for_a_while() {
    let mut state = peer((0..7).map(target));
    let mut seen = alloc::vec![(0, state.standing())];
    for second in 1..20_000 {
        let standing = settled(&mut state, START.plus(second));
        if seen.last().is_none_or(|(_, last)| *last != standing) {
            seen.push((second, standing));
        }
    }
    // 17.5 nats fall below 12 after 2 h * ln (17.5 / 12), and below 7 after 2 h * ln (17.5 / 7),
    // less what novelty loses faster.
    assert_eq!(
        seen.iter().map(|step| step.1).collect::<Vec<_>>(),
        [
            Behaviour::Isolated,
            Behaviour::Restricted,
            Behaviour::Trusted
        ]
    );
    assert!((2_300..=2_720).contains(&seen[1].0), "{seen:?}");
    assert!((6_000..=6_600).contains(&seen[2].0), "{seen:?}");
}

#[test]
fn a_state_lasts_for_its_dwell_even_without_evidence() {
    let params = with_params(|params| params.isolated.dwell_seconds = 28_800);
    let rules = Rules::plain(&params);
    let mut state = PeerState::new(START);
    for number in 0..7 {
        state.record(target(number), &params, START);
    }
    state.settle(&rules, START);
    state.settle(&rules, START.plus(28_799));
    assert_eq!(state.standing(), Behaviour::Isolated);
    state.settle(&rules, START.plus(28_800));
    assert_eq!(state.standing(), Behaviour::Restricted);
}

#[test]
fn a_slow_scan_adds_up() {
    let reached = |every: u32| {
        let mut state = PeerState::new(START);
        let mut reached = Vec::new();
        for probe in 0..18 {
            add(
                &mut state,
                [target(usize::try_from(probe).unwrap())],
                START.plus(probe * every),
            );
            if reached.len()
                < usize::from(state.standing() >= Behaviour::Restricted)
                    + usize::from(state.standing() >= Behaviour::Isolated)
            {
                reached.push(probe * every / 60);
            }
        }
        reached
    };
    assert_eq!(reached(60), [4, 6], "minutes, one probe in a minute");
    assert_eq!(reached(600), [40, 90], "minutes, one probe in ten");
}

#[test]
fn a_clock_that_stands_still_or_goes_back_changes_nothing() {
    let mut state = peer((0..6).map(target));
    let before = state.clone();
    for back in [0, 1, 3_600, START.0] {
        state.advance(START.minus(back));
        assert_eq!(state, before);
    }
}

#[test]
fn the_first_use_of_an_operation_is_new_only_for_a_known_peer() {
    let params = Params::default();
    let (mut state, now) = known(2, 0);
    state.record(operation(1), &params, now);
    state.record(operation(1), &params, now);
    assert_eq!(totals(&state).novelty, 500);
    let mut unknown = PeerState::new(START);
    (0..20).for_each(|number| unknown.record(operation(number), &params, START));
    assert_eq!(totals(&unknown).novelty, 0);
}

#[test]
fn a_flood_of_ten_times_the_usual_restricts_within_thirty_seconds() {
    let params = Params::default();
    for per_window in [8, 40, 400] {
        for phase in 0..8 {
            let (mut state, start) = known(per_window, 1_000);
            let start = start.plus(phase);
            let reached = (0..60).find(|second| {
                let now = start.plus(*second);
                for _ in 0..per_window * 10 / 8 {
                    state.arrive(&params, now);
                }
                settled(&mut state, now) == Behaviour::Restricted
            });
            assert!(reached.is_some_and(|second| second <= 30), "{reached:?}");
        }
    }
}

#[test]
fn exfiltration_of_twenty_times_the_usual_restricts_within_a_minute() {
    let params = Params::default();
    for bytes in [4_000, 1_000_000] {
        let (mut state, start) = known(8, bytes);
        let reached = (0..60).find(|second| {
            let now = start.plus(*second);
            state.arrive(&params, now);
            state.observe(&answer(200, bytes * 20), &params, now);
            settled(&mut state, now) == Behaviour::Restricted
        });
        assert!(reached.is_some_and(|second| second <= 40), "{reached:?}");
    }
}

#[test]
fn three_times_the_usual_is_no_evidence() {
    let params = Params::default();
    let (mut state, start) = known(8, 4_000);
    for second in 0..600 {
        let now = start.plus(second);
        for _ in 0..3 {
            state.arrive(&params, now);
            state.observe(&answer(200, 4_000), &params, now);
        }
        assert_eq!(settled(&mut state, now), Behaviour::Trusted);
    }
    assert_eq!(totals(&state).sum(), 0);
}

#[test]
fn a_baseline_follows_slowly_and_does_not_learn_from_what_is_suspicious() {
    let params = Params::default();
    let (mut state, start) = known(8, 0);
    // For an hour four times as much as usual: just not suspicious.
    for second in 0..3_500 {
        let now = start.plus(second);
        (0..4).for_each(|_| state.arrive(&params, now));
        settled(&mut state, now);
    }
    // The baseline rose by a factor of 1.35 at most (twice, over a turn of the hour): ten times the
    // first one is still a flood.
    let now = start.plus(3_504);
    for second in 0..=40 {
        (0..15).for_each(|_| state.arrive(&params, now.plus(second)));
    }
    assert_eq!(settled(&mut state, now.plus(40)), Behaviour::Restricted);
}

/// A second of a caller that asks so often, as far as its state lets it: reads at a capped rate while
/// it is restricted.
fn ask(state: &mut PeerState, params: &Params, requests: u32, now: Moment) -> Behaviour {
    for _ in 0..requests {
        let standing = settled(state, now);
        if standing == Behaviour::Restricted {
            if state.wait_seconds(params, now).is_some() {
                state.exceed_share(params, now);
                continue;
            }
            state.use_share(now);
        }
        state.arrive(params, now);
    }
    settled(state, now)
}

#[test]
fn a_job_of_each_hour_is_restricted_at_first_and_becomes_a_habit() {
    let params = Params::default();
    let (mut state, start) = known(8, 0);
    let restricted: Vec<u32> = (0..12)
        .map(|hour| {
            let mut restricted = 0;
            for second in 0..3_600 {
                let now = start.plus(hour * 3_600 + second);
                let requests = if second < 300 { 20 } else { 1 };
                let standing = ask(&mut state, &params, requests, now);
                restricted += u32::from(standing != Behaviour::Trusted);
            }
            restricted
        })
        .collect();
    // Not much longer than the job itself takes.
    assert!((1..400).contains(&restricted[0]), "{restricted:?}");
    assert!(
        restricted[8..].iter().all(|seconds| *seconds == 0),
        "{restricted:?}"
    );
}

#[test]
fn a_flood_that_goes_on_never_becomes_a_habit() {
    let params = Params::default();
    let (mut state, start) = known(8, 0);
    let mut passed = 0;
    for second in 0..24 * 3_600 {
        let now = start.plus(second);
        if ask(&mut state, &params, 20, now) == Behaviour::Trusted && second >= 20 * 3_600 {
            passed += 1;
        }
    }
    // Now and then it is tried again, and floods for as long as it takes to see that.
    assert!(passed < 4 * 3_600 / 10, "{passed} seconds of 4 hours");
}

#[test]
fn a_habit_fades_when_its_bursts_stop() {
    let limits = Limits {
        floor: 4,
        least: 1_500,
        most: 1_900,
    };
    let mut baseline = Baseline::default();
    (0..60).for_each(|windows| baseline.learn(8, &limits, windows));
    assert!(baseline.excess(80, &limits).is_some());
    let bursts = (1..10).find(|_| {
        baseline.excuse(&limits);
        baseline.excess(80, &limits).is_none()
    });
    assert_eq!(bursts, Some(3));
    (0..24 * 7).for_each(|_| baseline.turn_hour());
    assert!(baseline.excess(80, &limits).is_some(), "a week later");
    assert!(baseline.excess(30, &limits).is_none());
}

#[test]
fn refusals_of_the_application_count_and_failures_of_the_callee_do_not() {
    let params = Params::default();
    let mut state = PeerState::new(START);
    for status in [200, 302, 400, 418, 429, 500, 502, 503, 504, 599, 0] {
        (0..100).for_each(|_| state.observe(&answer(status, 10), &params, START));
    }
    assert!(state.is_clean());
    (0..5).for_each(|_| state.observe(&answer(404, 10), &params, START));
    assert_eq!(totals(&state).error, 1_000);
    (0..500).for_each(|_| state.observe(&answer(403, 10), &params, START));
    assert_eq!(totals(&state).error, 6_000);
    assert_eq!(settled(&mut state, START), Behaviour::Trusted);
}

#[test]
fn an_aggregator_is_alarmed_about_and_acted_on_for_its_own_certificate_only() {
    let params = with_params(|params| params.aggregator = true);
    let rules = Rules::plain(&params);
    let mut state = PeerState::new(START);
    (0..50).for_each(|number| state.record(target(number), &params, START));
    state.settle(&rules, START);
    assert_eq!(
        (state.standing(), state.is_alarming()),
        (Behaviour::Trusted, true)
    );
    assert_eq!(state.acting(&params).sum(), 0);
    (0..4).for_each(|number| state.record(token(number), &params, START));
    state.settle(&rules, START);
    assert_eq!(state.standing(), Behaviour::Isolated);
}

#[test]
fn signals_weigh_and_release() {
    let params = Params::default();
    let weighing = Rules {
        pushed: Pushed {
            milli_nats: 16_000,
            ..Pushed::default()
        },
        ..Rules::plain(&params)
    };
    let mut state = PeerState::new(START);
    state.settle(&weighing, START);
    assert_eq!(state.standing(), Behaviour::Isolated, "at once");

    let mut state = peer((0..9).map(target));
    let release = |at: Moment| Rules {
        pushed: Pushed {
            released_before: Some(TimeMs::from_seconds(at.0.into())),
            ..Pushed::default()
        },
        ..Rules::plain(&params)
    };
    state.settle(&release(START), START.plus(10));
    assert_eq!(state.standing(), Behaviour::Isolated, "not before it began");
    state.settle(&release(START.plus(5)), START.plus(10));
    assert_eq!(state.standing(), Behaviour::Trusted);
    assert!(state.is_clean());
    // What it does from then on counts again.
    for number in 0..9 {
        state.record(target(number), &params, START.plus(20));
    }
    state.settle(&release(START.plus(5)), START.plus(20));
    assert_eq!(state.standing(), Behaviour::Isolated);
}

#[test]
fn a_peer_becomes_known_by_time_and_requests() {
    let params = Params::default();
    let mut hasty = PeerState::new(START);
    (0..1_000).for_each(|_| hasty.arrive(&params, START.plus(60)));
    assert_eq!(hasty.uncertainty(), 90);
    let mut idle = PeerState::new(START);
    (0..10).for_each(|_| idle.arrive(&params, START.plus(86_400)));
    assert_eq!(idle.uncertainty(), 90);
    (0..90).for_each(|_| idle.arrive(&params, START.plus(86_400)));
    assert_eq!(idle.uncertainty(), 0);
}

#[test]
fn the_share_of_a_restricted_peer_comes_back_with_the_next_minute() {
    let params = with_params(|params| params.restricted_requests_per_minute = 3);
    let minute = Moment(START.0 / 60 * 60);
    let mut state = PeerState::new(minute);
    for _ in 0..3 {
        assert_eq!(state.wait_seconds(&params, minute.plus(10)), None);
        state.use_share(minute.plus(10));
    }
    assert_eq!(state.wait_seconds(&params, minute.plus(10)), Some(50));
    assert_eq!(state.wait_seconds(&params, minute.plus(59)), Some(1));
    assert_eq!(state.wait_seconds(&params, minute.plus(60)), None);
}

#[test]
fn the_state_of_a_peer_is_small() {
    assert!(size_of::<PeerState>() <= 256, "{}", size_of::<PeerState>());
    assert!(
        !core::mem::needs_drop::<PeerState>(),
        "nothing hangs outside of it"
    );
}

#[test]
fn words_of_the_states() {
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
