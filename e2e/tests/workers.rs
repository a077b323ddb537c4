//! A rogue replica that scans, in a real Envoy with several workers: how many requests until it is
//! isolated, how long until every worker refuses it, and that its sibling stays allowed.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, as tests do"
)]

use std::time::{Duration, Instant};

use sallyport_e2e::envoy::{Replaced, Rig, Sidecar, Source};
use sallyport_e2e::settings::Settings;
use sallyport_e2e::wire::{Connection, request_text};
use serde_json::json;

const CONNECTIONS: usize = 24;

fn status(connection: &mut Connection, path: &str) -> (u16, String) {
    let response = connection
        .exchange(&request_text("GET", path, &[]))
        .unwrap();
    let body = String::from_utf8_lossy(&response.body).into_owned();
    (response.status, body)
}

fn is_isolated(connection: &mut Connection) -> bool {
    status(connection, "/v1/models").1.contains("peer_isolated")
}

/// A sidecar with this number of workers.
fn start(settings: &Settings, workers: u8) -> (Rig, Sidecar) {
    let settings = Settings {
        workers,
        ..settings.clone()
    };
    let rig = Rig::new(settings, "scenarios/scan.yaml").unwrap();
    let source = Source::Discovered(rig.resource(&json!({})).unwrap());
    let sidecar = rig.start(source).unwrap();
    (rig, sidecar)
}

/// So many connections of a caller that all workers have some.
fn connect(rig: &Rig, sidecar: &Sidecar, name: &str) -> Vec<Connection> {
    let open = || rig.connect(sidecar, name).unwrap();
    (0..CONNECTIONS).map(|_| open()).collect()
}

/// The rogue replica asks for what it may not, on one connection after the other. Gives the number
/// of requests until it is isolated.
fn scan(rogue: &mut [Connection]) -> usize {
    for requests in 0..60 {
        let word: String = (0..=requests).map(|_| 'x').collect();
        let place = requests % rogue.len();
        let (_, body) = status(&mut rogue[place], &format!("/hidden/{word}"));
        if body.contains("peer_isolated") {
            return requests + 1;
        }
    }
    panic!("not isolated");
}

#[test]
fn a_rogue_replica_is_isolated_by_all_workers_and_its_sibling_is_not() {
    let Some(settings) = Settings::for_test("workers").unwrap() else {
        return;
    };
    for workers in [1, 2, 8] {
        let (rig, sidecar) = start(&settings, workers);
        let mut rogue = connect(&rig, &sidecar, "rogue");
        let mut sibling = connect(&rig, &sidecar, "sibling");
        for connection in rogue.iter_mut().chain(&mut sibling) {
            assert_eq!(status(connection, "/v1/models").0, 200);
        }
        let requests = scan(&mut rogue);
        let crossed = Instant::now();
        let limit = Duration::from_secs(3);
        while !rogue.iter_mut().all(is_isolated) {
            assert!(crossed.elapsed() < limit, "{workers} workers");
        }
        let took = crossed.elapsed();
        for connection in &mut sibling {
            assert_eq!(status(connection, "/v1/models").0, 200, "the sibling");
        }
        anstream::println!(
            "{workers} workers: isolated at request {requests}, refused by all within {} ms",
            took.as_millis()
        );
    }
}

#[test]
fn isolation_survives_a_configuration_and_a_new_vm() {
    let Some(settings) = Settings::for_test("isolation over a push").unwrap() else {
        return;
    };
    for workers in [1, 2] {
        let (rig, sidecar) = start(&settings, workers);
        let mut rogue = connect(&rig, &sidecar, "rogue");
        let mut sibling = connect(&rig, &sidecar, "sibling");
        scan(&mut rogue);

        // Only the policy changes: the VM stays, the plugin is a new one.
        let other = rig.resource(&json!({"spec": {"minimumTrust": 1}})).unwrap();
        assert_eq!(sidecar.replace(&other).unwrap(), Replaced::Taken);
        assert!(rogue.iter_mut().all(is_isolated), "{workers} workers");

        // The environment changes too, as with each edit of a resource of Istio: a new VM.
        let mut anew = rig.resource(&json!({"spec": {"minimumTrust": 2}})).unwrap();
        let vm = anew
            .pointer_mut("/resources/0/typed_config/config/vm_config")
            .unwrap();
        vm["environment_variables"] = json!({"key_values": {"RESOURCE_VERSION": "2"}});
        assert_eq!(sidecar.replace(&anew).unwrap(), Replaced::Taken);
        assert!(rogue.iter_mut().all(is_isolated), "{workers} workers");
        for connection in &mut sibling {
            assert_eq!(status(connection, "/v1/models").0, 200, "the sibling");
        }
    }
}
