use std::collections::BTreeSet;

use super::*;
use crate::replay::Replay;
use crate::trace::Reader;
use sallyport_engine::policy::{Policy, compile};
use sallyport_engine::trust::Behaviour;

fn plan(scenario: Scenario) -> Plan {
    Plan {
        scenario,
        seed: 7,
        peers: 6,
        days: 1,
    }
}

fn policy() -> Policy {
    compile(&serde_json::from_str(POLICY).unwrap()).unwrap()
}

#[test]
fn equal_seeds_give_equal_traces_and_other_seeds_others() {
    let text = |seed| -> Vec<String> {
        let plan = Plan {
            seed,
            ..plan(Scenario::Benign)
        };
        let events = Generator::new(&plan).take(500);
        events.map(|event| event.line().unwrap()).collect()
    };
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}

#[test]
fn a_written_trace_is_read_back_as_it_was() {
    let mut reader = Reader::new(None, 1);
    for scenario in [Scenario::Downgrade, Scenario::TokenReplay, Scenario::Expiry] {
        for event in Generator::new(&plan(scenario)) {
            let line = event.line().unwrap();
            assert_eq!(reader.read(&line).unwrap().line().unwrap(), line);
        }
    }
}

#[test]
fn times_do_not_go_back_unless_the_clock_is_part_of_the_attack() {
    for scenario in Scenario::ALL {
        let times: Vec<u64> = Generator::new(&plan(scenario))
            .map(|event| event.at.0)
            .collect();
        assert!(times.len() > 100, "{scenario}");
        assert_eq!(
            times.is_sorted(),
            scenario != Scenario::ClockSkew,
            "{scenario}"
        );
    }
}

#[test]
fn only_attacks_and_incidents_are_labelled() {
    for scenario in Scenario::ALL {
        let events = Generator::new(&plan(scenario));
        let labels: BTreeSet<_> = events.filter_map(|event| event.label).collect();
        let expected = (scenario != Scenario::Benign).then(|| label(scenario));
        assert_eq!(labels, expected.into_iter().collect(), "{scenario}");
    }
}

#[test]
fn the_policy_allows_what_the_mesh_does_on_a_good_day() {
    let policy = policy();
    let mut replay = Replay::new(&policy, 1_000);
    for event in Generator::new(&plan(Scenario::Deploy)) {
        let step = replay.step(&event);
        assert!(step.is_allowed, "{event:?}: {step:?}");
    }
}

#[test]
fn a_scanner_is_isolated_and_nobody_else() {
    let policy = policy();
    let mut replay = Replay::new(&policy, 1_000);
    for event in Generator::new(&plan(Scenario::Scan)) {
        let _ = replay.step(&event);
    }
    let accounts = replay.finish();
    for (key, account) in accounts.sorted() {
        let isolated = account.first(Behaviour::Isolated).is_some();
        assert_eq!(
            isolated,
            account.first_labelled.is_some(),
            "{key:?} {account:#?}"
        );
    }
}

#[test]
fn names_of_scenarios_are_read_back() {
    for scenario in Scenario::ALL {
        assert_eq!(scenario.as_str().parse(), Ok(scenario));
    }
    assert!("scans".parse::<Scenario>().is_err());
}
