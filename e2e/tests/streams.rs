//! Streams that are open in a real Envoy while something happens to their caller.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, as tests do"
)]

use std::thread;
use std::time::Duration;

use sallyport_e2e::envoy::{Replaced, Rig, Sidecar, Source};
use sallyport_e2e::settings::Settings;
use sallyport_e2e::wire::{Connection, request_text};
use serde_json::{Value, json};

const BODY_BYTES: usize = 4_000;
const PART: [u8; 1_000] = [b'x'; 1_000];
const CALLER: &str = "spiffe://cluster.local/ns/gateway/sa/edge";

/// The flow of the corpus, with or without a second look at its streams.
fn policy(rechecks: bool) -> Value {
    json!({ "spec": { "flows": [{
        "name": "predict",
        "from": ["gateway"],
        "to": "inference",
        "recheckStreams": rechecks,
        "operations": [{ "methods": ["POST"], "paths": ["/v1/models/{model}/predict"] }],
    }] } })
}

/// Begins a request of `caller`, lets `event` happen, and goes on with the request. Says whether it
/// was answered.
fn survives(
    settings: &Settings,
    policy: &Value,
    caller: &str,
    event: impl FnOnce(&Rig, &Sidecar),
) -> bool {
    let rig = Rig::new(settings.clone(), "tests/streams.yaml").unwrap();
    let source = Source::Discovered(rig.resource(policy).unwrap());
    let sidecar = rig.start(source).unwrap();
    let mut stream = rig.connect(&sidecar, caller).unwrap();
    let length = ("content-length".to_owned(), BODY_BYTES.to_string());
    let head = request_text("POST", "/v1/models/fraud/predict", &[length]);
    stream.send(&head).unwrap();
    stream.send(&PART).unwrap();
    thread::sleep(Duration::from_millis(300));
    stream.send(&PART).unwrap();
    event(&rig, &sidecar);
    rest_is_answered(&mut stream)
}

fn rest_is_answered(stream: &mut Connection) -> bool {
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(600));
        if stream.send(&PART).is_err() {
            return false;
        }
    }
    stream
        .receive()
        .is_ok_and(|response| response.status == 200)
}

/// Its caller is isolated by what it does on another connection.
fn isolation(rig: &Rig, sidecar: &Sidecar) {
    let mut probes = rig.connect(sidecar, "lasting").unwrap();
    for number in 1..20 {
        let word: String = (0..number).map(|_| 'x').collect();
        let path = format!("/hidden/{word}");
        probes.exchange(&request_text("GET", &path, &[])).unwrap();
    }
}

fn push(rig: &Rig, sidecar: &Sidecar, more: &Value) {
    let mut patch = policy(true);
    patch["spec"]
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let resource = rig.resource(&patch).unwrap();
    assert_eq!(sidecar.replace(&resource).unwrap(), Replaced::Taken);
}

#[test]
fn an_open_stream_ends_with_the_isolation_of_its_caller_where_the_flow_says_so() {
    let Some(settings) = Settings::for_test("streams and isolation").unwrap() else {
        return;
    };
    assert!(!survives(&settings, &policy(true), "lasting", isolation));
    assert!(survives(&settings, &policy(false), "lasting", isolation));
}

#[test]
fn an_open_stream_ends_with_the_expiry_of_its_certificate() {
    let Some(settings) = Settings::for_test("streams and expiry").unwrap() else {
        return;
    };
    let expiry = |_: &Rig, _: &Sidecar| thread::sleep(Duration::from_secs(8));
    assert!(!survives(&settings, &policy(true), "brief", expiry));
    assert!(survives(&settings, &policy(false), "brief", expiry));
}

#[test]
fn an_open_stream_ends_with_a_new_policy_that_revokes_or_quarantines_its_caller() {
    let Some(settings) = Settings::for_test("streams and revocation").unwrap() else {
        return;
    };
    let revoke = json!({ "revocations": [{ "identity": CALLER }] });
    let quarantine = json!({ "signals": [{
        "name": "implant", "source": "xdr", "reason": "implant found", "author": "soc",
        "issued": "now-10s", "expires": "now+600s",
        "about": { "identity": CALLER }, "effect": "quarantine",
    }] });
    for event in [&revoke, &quarantine] {
        let push_it = |rig: &Rig, sidecar: &Sidecar| push(rig, sidecar, event);
        assert!(
            !survives(&settings, &policy(true), "lasting", push_it),
            "{event}"
        );
    }
    // A policy that only says something else ends nothing.
    let other = json!({ "minimumTrust": 1 });
    let push_it = |rig: &Rig, sidecar: &Sidecar| push(rig, sidecar, &other);
    assert!(survives(&settings, &policy(true), "lasting", push_it));
}

/// No flow, and a grant that ends so many seconds from now.
fn granting(seconds: i64) -> Value {
    let mut patch = policy(false);
    let operations = patch["spec"]["flows"][0]["operations"].take();
    patch["spec"]["flows"] = json!([]);
    patch["spec"]["grants"] = json!([{
        "name": "incident", "from": ["gateway"], "to": "inference", "reason": "incident 7",
        "approvedBy": "on-call lead", "notBefore": "now-10s", "notAfter": format!("now+{seconds}s"),
        "operations": operations,
    }]);
    patch
}

#[test]
fn an_open_stream_ends_with_the_grant_that_let_it_in() {
    let Some(settings) = Settings::for_test("streams and grants").unwrap() else {
        return;
    };
    let wait = |_: &Rig, _: &Sidecar| thread::sleep(Duration::from_secs(11));
    assert!(!survives(&settings, &granting(10), "lasting", wait));
    assert!(survives(&settings, &granting(600), "lasting", wait));
    // Taken back by a policy, which has nothing else to say.
    let take_back = |rig: &Rig, sidecar: &Sidecar| {
        let mut none = granting(600);
        none["spec"].as_object_mut().unwrap().remove("grants");
        let resource = rig.resource(&none).unwrap();
        assert_eq!(sidecar.replace(&resource).unwrap(), Replaced::Taken);
    };
    assert!(!survives(&settings, &granting(600), "lasting", take_back));
}

/// What the proxy works for a body of many parts, in ticks.
fn work(rig: &Rig, sidecar: &Sidecar) -> u64 {
    let mut stream = rig.connect(sidecar, "lasting").unwrap();
    let part = vec![b'x'; 16 * 1024];
    let before = sidecar.envoy().cpu_ticks().unwrap();
    let length = (
        "content-length".to_owned(),
        (part.len() * PARTS).to_string(),
    );
    let head = request_text("POST", "/v1/models/fraud/predict", &[length]);
    stream.send(&head).unwrap();
    for _ in 0..PARTS {
        stream.send(&part).unwrap();
    }
    assert_eq!(stream.receive().unwrap().status, 200);
    sidecar.envoy().cpu_ticks().unwrap() - before
}

#[test]
fn a_second_look_at_each_part_of_a_body_costs_little() {
    let Some(settings) = Settings::for_test("cost of a second look").unwrap() else {
        return;
    };
    let rigs = [false, true].map(|rechecks| {
        let rig = Rig::new(settings.clone(), "tests/streams.yaml").unwrap();
        let source = Source::Discovered(rig.resource(&policy(rechecks)).unwrap());
        let sidecar = rig.start(source).unwrap();
        (rig, sidecar)
    });
    let mut ticks = [0, 0];
    for round in 0..6 {
        // Now the one first, now the other.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for place in order {
            let (rig, sidecar) = &rigs[place];
            ticks[place] += work(rig, sidecar);
        }
    }
    let [without, with] = ticks;
    anstream::println!(
        "{} MiB in parts of 16 KiB: {without} ticks without, {with} ticks with a second look",
        6 * PARTS * 16 / 1024
    );
    assert!(with * 2 < without * 3 + 20, "{with} against {without}");
}

const PARTS: usize = 2_000;
