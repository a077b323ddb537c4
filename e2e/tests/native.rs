//! The scenario corpus on the engine, called directly.

use sallyport_e2e::drivers::DriverKind;
use sallyport_e2e::drivers::native::NativeDriver;
use sallyport_e2e::exceptions::Exceptions;
use sallyport_e2e::play::play;
use sallyport_e2e::scenario::Scenario;
use sallyport_e2e::world::{TRUST_DOMAIN, World};

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
