//! A rogue replica that scans, in a real Envoy with several workers: how many requests until it is
//! isolated, how long until every worker refuses it, and that its sibling stays allowed.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, as tests do"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use sallyport_e2e::envoy::{Processes, Sidecar, Source, Stage, resource};
use sallyport_e2e::scenario::Scenario;
use sallyport_e2e::settings::Settings;
use sallyport_e2e::wire::{Connection, request_text};
use sallyport_e2e::world::{Credentials, TRUST_DOMAIN, World, now_seconds};

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

#[test]
fn a_rogue_replica_is_isolated_by_all_workers_and_its_sibling_is_not() {
    let Some(settings) = Settings::for_test("workers").unwrap() else {
        return;
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/scan.yaml");
    let scenario = Scenario::load(&path).unwrap();
    for workers in [1, 2, 8] {
        let settings = Settings {
            workers,
            ..settings.clone()
        };
        let world = World::new(TRUST_DOMAIN).unwrap();
        let credentials = Credentials::issue(&world, &scenario, now_seconds()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let processes = Processes::default();
        let stage = Stage {
            settings: &settings,
            world: &world,
            folder: folder.path(),
            processes: &processes,
        };
        let policy = world.load_policy(scenario.policy.load().unwrap()).unwrap();
        let source = Source::Discovered(resource(&settings, &policy).unwrap());
        let sidecar = Sidecar::start(stage, &scenario.workload, source).unwrap();
        let connect = |name: &str| {
            let description = &scenario.connections[name];
            let open = || sidecar.connect(description, &credentials).unwrap();
            (0..CONNECTIONS).map(|_| open()).collect::<Vec<_>>()
        };
        let (mut rogue, mut sibling) = (connect("rogue"), connect("sibling"));
        for connection in rogue.iter_mut().chain(&mut sibling) {
            assert_eq!(status(connection, "/v1/models").0, 200);
        }

        // It asks for what it may not, on one connection after the other.
        let mut requests = 0;
        let crossed = loop {
            let place = requests % CONNECTIONS;
            let word: String = (0..=requests).map(|_| 'x').collect();
            let (_, body) = status(&mut rogue[place], &format!("/hidden/{word}"));
            requests += 1;
            if body.contains("peer_isolated") {
                break Instant::now();
            }
            assert!(requests < 60, "{workers} workers: not isolated");
        };
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
