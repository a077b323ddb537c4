//! The scenario corpus on the shipped module in a real Envoy, over real mutual TLS.

use sallyport_e2e::drivers::DriverKind;
use sallyport_e2e::drivers::envoy::EnvoyDriver;
use sallyport_e2e::exceptions::Exceptions;
use sallyport_e2e::play::play;
use sallyport_e2e::scenario::Scenario;
use sallyport_e2e::settings::{EnvoyVersion, Settings};
use sallyport_e2e::world::{TRUST_DOMAIN, World};

#[test]
fn every_scenario_comes_out_as_expected() {
    let Some(settings) = Settings::for_test("the corpus in Envoy").unwrap() else {
        return;
    };
    let world = World::new(TRUST_DOMAIN).unwrap();
    let version = EnvoyVersion::of(&settings.envoy).unwrap();
    let exceptions = Exceptions::load().unwrap().with_envoy(version);
    let mut differences = Vec::new();
    let mut used = Vec::new();
    for scenario in Scenario::load_corpus().unwrap() {
        let name = &scenario.name;
        let mut driver = match EnvoyDriver::start(&settings, &world, &scenario) {
            Ok(driver) => driver,
            Err(error) => panic!("{name}: {error}"),
        };
        match play(&scenario, &mut driver, &exceptions) {
            Ok(outcome) => {
                differences.extend(outcome.differences);
                used.extend(outcome.exceptions);
            }
            Err(error) => differences.push(format!("{name}: {error}")),
        }
        for stat in driver.sidecar().envoy().reloads().unwrap() {
            differences.push(format!("{name}: a VM failed: {stat}"));
        }
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    assert_eq!(
        exceptions.stale(DriverKind::Envoy, &used),
        [""; 0],
        "stale exceptions"
    );
}
