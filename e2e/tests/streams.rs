//! A stream that is open in a real Envoy while its caller is isolated.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, as tests do"
)]

use std::path::Path;
use std::thread;
use std::time::Duration;

use sallyport_e2e::envoy::{Processes, Sidecar, Source, Stage, resource};
use sallyport_e2e::scenario::Scenario;
use sallyport_e2e::settings::Settings;
use sallyport_e2e::wire::{Connection, request_text};
use sallyport_e2e::world::{Credentials, TRUST_DOMAIN, World, now_seconds};
use serde_json::{Value, json};

const BODY_BYTES: usize = 4_000;
const PART: [u8; 1_000] = [b'x'; 1_000];

/// The flow of the corpus, with or without a second look at its streams.
fn patch(rechecks: bool) -> Value {
    json!({ "spec": { "flows": [{
        "name": "predict",
        "from": ["gateway"],
        "to": "inference",
        "recheckStreams": rechecks,
        "operations": [{ "methods": ["POST"], "paths": ["/v1/models/{model}/predict"] }],
    }] } })
}

/// Begins a request on one connection, has its caller isolated by what it does on another one, and
/// goes on with the first. Says whether that was answered.
fn survives_isolation(settings: &Settings, rechecks: bool) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/scan.yaml");
    let scenario = Scenario::load(&path).unwrap();
    let world = World::new(TRUST_DOMAIN).unwrap();
    let credentials = Credentials::issue(&world, &scenario, now_seconds()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let processes = Processes::default();
    let stage = Stage {
        settings,
        world: &world,
        folder: folder.path(),
        processes: &processes,
    };
    let document = scenario.policy.load_with(&patch(rechecks)).unwrap();
    let policy = world.load_policy(document).unwrap();
    let source = Source::Discovered(resource(settings, &policy).unwrap());
    let sidecar = Sidecar::start(stage, &scenario.workload, source).unwrap();
    let connect = || {
        let rogue = scenario.connections.get("rogue").unwrap();
        sidecar.connect(rogue, &credentials).unwrap()
    };
    let (mut stream, mut probes) = (connect(), connect());

    let length = ("content-length".to_owned(), BODY_BYTES.to_string());
    let head = request_text("POST", "/v1/models/fraud/predict", &[length]);
    stream.send(&head).unwrap();
    stream.send(&PART).unwrap();
    thread::sleep(Duration::from_millis(300));
    stream.send(&PART).unwrap();
    for number in 1..20 {
        let word: String = (0..number).map(|_| 'x').collect();
        let path = format!("/hidden/{word}");
        probes.exchange(&request_text("GET", &path, &[])).unwrap();
    }
    rest_is_answered(&mut stream)
}

fn rest_is_answered(stream: &mut Connection) -> bool {
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(300));
        if stream.send(&PART).is_err() {
            return false;
        }
    }
    stream
        .receive()
        .is_ok_and(|response| response.status == 200)
}

#[test]
fn an_open_stream_ends_with_the_isolation_of_its_caller_where_the_flow_says_so() {
    let Some(settings) = Settings::for_test("streams").unwrap() else {
        return;
    };
    assert!(!survives_isolation(&settings, true));
    assert!(survives_isolation(&settings, false));
}
