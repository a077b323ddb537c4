//! What the score promises, for random histories.

use proptest::prelude::*;
use sallyport_engine::trust::Behaviour;
use sallyport_engine::verdict::Verdict;

use crate::mesh::{Caller, Worker};

/// What a caller does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// An allowed request, answered with this status.
    Good(u16),
    /// A refused request for one of some words.
    Bad(usize),
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => prop::sample::select(vec![200, 404, 500, 503]).prop_map(Deed::Good),
        2 => (0_usize..12).prop_map(Deed::Bad),
    ]
}

fn do_deed(worker: &mut Worker, caller: &Caller, deed: Deed, ms: u64) {
    match deed {
        Deed::Good(status) => {
            worker.serve(caller, ("GET", "/v1/items/7"), (status, 500), ms);
        }
        Deed::Bad(word) => {
            let path = format!("/admin/{}", (b'a' + word as u8) as char);
            let _: Verdict = worker.ask(caller, "GET", &path, ms);
        }
    }
}

/// The evidence, as of a time after all deeds.
fn evidence(worker: &mut Worker, caller: &Caller, ms: u64) -> (Behaviour, i32) {
    let verdict = worker.ask(caller, "GET", "/v1/items", ms);
    let score = verdict.context().score.unwrap();
    (verdict.context().standing.unwrap(), score.behaviour())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn monotone_a_further_bad_deed_never_raises_trust(
        history in prop::collection::vec((deeds(), 0_u64..20_000), 0..60), word in 0_usize..20
    ) {
        let (mut one, mut two) = (Worker::new(8), Worker::new(8));
        let caller = Caller::client(1);
        let mut ms = 0;
        for (deed, wait) in history {
            ms += wait;
            do_deed(&mut one, &caller, deed, ms);
            do_deed(&mut two, &caller, deed, ms);
        }
        let _: Verdict = two.ask(&caller, "PUT", &format!("/more/{}", (b'a' + word as u8) as char), ms);
        let (less, more) = (evidence(&mut one, &caller, ms), evidence(&mut two, &caller, ms));
        prop_assert!(more.0 >= less.0 && more.1 >= less.1, "{less:?} {more:?}");
    }

    #[test]
    fn bounded_whatever_is_done(
        history in prop::collection::vec((deeds(), 0_u64..100), 0..300)
    ) {
        let mut worker = Worker::new(8);
        let caller = Caller::client(1);
        let mut ms = 0;
        for (deed, wait) in history {
            ms += wait;
            do_deed(&mut worker, &caller, deed, ms);
        }
        let (_, behaviour) = evidence(&mut worker, &caller, ms);
        prop_assert!((0..=76_000).contains(&behaviour));
    }

    #[test]
    fn the_order_of_events_inside_a_second_does_not_matter(
        mut words in prop::collection::vec(0_usize..6, 1..30), turn in 0_usize..30, later in 0_u64..100
    ) {
        let run = |words: &[usize]| {
            let mut worker = Worker::new(8);
            let caller = Caller::client(1);
            for (place, word) in words.iter().enumerate() {
                do_deed(&mut worker, &caller, Deed::Bad(*word), place as u64 * 30);
            }
            evidence(&mut worker, &caller, 1_000 + later * 1_000)
        };
        let before = run(&words);
        let turn = turn % words.len();
        words.rotate_left(turn);
        prop_assert_eq!(run(&words), before);
        words.reverse();
        prop_assert_eq!(run(&words), before);
    }

    #[test]
    fn no_trust_banking_no_benign_history_raises_trust(
        history in prop::collection::vec(0_u64..60_000, 0..200)
    ) {
        let mut worker = Worker::new(8);
        let (old, new) = (Caller::client(1), Caller::client(2));
        let mut ms = 0;
        for wait in history {
            ms += wait;
            worker.serve(&old, ("GET", "/v1/items/7"), (200, 500), ms);
        }
        prop_assert!(worker.trust(&old, ms) <= worker.trust(&new, ms));
        // Nor does it soften what comes then.
        for word in 0..8 {
            do_deed(&mut worker, &old, Deed::Bad(word), ms);
            do_deed(&mut worker, &new, Deed::Bad(word), ms);
        }
        let (old, new) = (evidence(&mut worker, &old, ms), evidence(&mut worker, &new, ms));
        prop_assert!(old.0 >= new.0 && old.1 >= new.1);
    }

    #[test]
    fn one_peer_changes_no_other(
        history in prop::collection::vec((deeds(), 0_u64..5_000), 0..100)
    ) {
        let mut worker = Worker::new(64);
        let (rogue, other) = (Caller::client(1), Caller::client(2));
        let sibling = Caller::new("clients/sa/client-1", 77);
        worker.standing(&other, 0);
        worker.standing(&sibling, 0);
        let mut ms = 0;
        for (deed, wait) in history {
            ms += wait;
            do_deed(&mut worker, &rogue, deed, ms);
        }
        // A healthy replica stays allowed.
        for healthy in [&other, &sibling] {
            let (standing, behaviour) = evidence(&mut worker, healthy, ms);
            prop_assert_eq!((standing, behaviour), (Behaviour::Trusted, 0));
            prop_assert!(worker.ask(healthy, "POST", "/v1/items", ms).is_allowed());
        }
    }

    #[test]
    fn failures_of_the_callee_never_lower_a_caller(
        statuses in prop::collection::vec(500_u16..600, 0..300), wait in 0_u64..2_000
    ) {
        let mut worker = Worker::new(8);
        let caller = Caller::client(1);
        let before = worker.trust(&caller, 0);
        let mut ms = 0;
        for status in statuses {
            ms += wait;
            worker.serve(&caller, ("GET", "/v1/items/7"), (status, 100), ms);
        }
        prop_assert_eq!(worker.trust(&caller, ms), before);
    }

    #[test]
    fn a_gateway_is_never_refused_for_what_it_forwards(
        history in prop::collection::vec((deeds(), 0_u64..2_000), 0..200)
    ) {
        let mut worker = Worker::new(8);
        let gateway = Caller::gateway();
        let mut ms = 0;
        for (deed, wait) in history {
            ms += wait;
            do_deed(&mut worker, &gateway, deed, ms);
        }
        prop_assert_eq!(evidence(&mut worker, &gateway, ms), (Behaviour::Trusted, 0));
    }

    /// Sums in floating point, straight from the definition.
    #[test]
    fn denials_weigh_what_the_formula_says(
        events in prop::collection::vec((0_usize..7, 0_u64..900), 1..7)
    ) {
        let mut worker = Worker::new(8);
        let caller = Caller::client(1);
        let mut first: Vec<(usize, u64)> = Vec::new();
        let (mut repeats, mut last, mut seconds) = (0.0_f64, 0, 0);
        for (word, wait) in events {
            seconds += wait;
            repeats *= (-((seconds - last) as f64) / 60.0).exp();
            last = seconds;
            if first.iter().any(|(known, _)| *known == word) {
                repeats += 0.25;
            } else {
                first.push((word, seconds));
            }
            let before = worker.peers.state(&caller.key).map(|state| state.standing());
            if before == Some(Behaviour::Isolated) {
                // Nothing is booked any more.
                return Ok(());
            }
            do_deed(&mut worker, &caller, Deed::Bad(word), seconds * 1_000);
        }
        let sum = |weight: f64, tau: f64| -> f64 {
            first.iter().map(|(_, at)| weight * (-((seconds - at) as f64) / tau).exp()).sum()
        };
        let denial = sum(2.0, 60.0).max(sum(2.0, 7_200.0)) + repeats;
        let novelty = sum(0.5, 60.0).max(sum(0.375, 7_200.0));
        let (_, behaviour) = evidence(&mut worker, &caller, seconds * 1_000);
        let expected = (denial + novelty) * 1_000.0;
        prop_assert!((f64::from(behaviour) - expected).abs() < 3.0, "{behaviour} {expected}");
    }
}
