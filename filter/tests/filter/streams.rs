//! Streams that are open while something happens to their caller, and what their ends tell.

use sallyport_engine::time::TimeMs;
use sallyport_filter::host::Property;
use sallyport_filter::plugin::{Body, Configured, Next, Ongoing, Plugin};
use serde_json::json;

use crate::support::{FakeHost, GATEWAY, INFER, NOW, TRAINING, mesh, policy, start_with, word};

fn rechecking() -> serde_json::Value {
    let mut policy = policy();
    policy["spec"]["flows"][0]["recheckStreams"] = json!(true);
    policy
}

/// Begins a stream.
fn begin(host: &FakeHost, plugin: &mut Plugin, connection: u64) -> Ongoing {
    host.connect(connection, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(host), Next::Continue);
    plugin.take_begun().expect("it went on")
}

fn scan(host: &FakeHost, plugin: &mut Plugin) {
    for number in 0..8 {
        let path = format!("/secret/{}", word(number));
        host.request(&[(":method", b"GET"), (":path", path.as_bytes())]);
        assert_eq!(plugin.on_request_headers(host), Next::Stop);
    }
}

#[test]
fn an_open_stream_ends_when_its_caller_is_isolated() {
    let (host, mut plugin) = start_with(&rechecking());
    let ongoing = begin(&host, &mut plugin, 1);
    assert_eq!(
        plugin.on_body(&host, &ongoing, Body::Response, 1),
        Next::Continue
    );
    scan(&host, &mut plugin);
    assert_eq!(
        plugin.on_body(&host, &ongoing, Body::Response, 1),
        Next::Stop
    );
    assert!(host.closed.get());
    assert_eq!(host.metric("sallyport.stream_ended"), 1);
}

#[test]
fn an_open_stream_ends_when_another_worker_isolated_its_caller() {
    let (host, mut first) = start_with(&rechecking());
    let mut second = Plugin::default();
    second.configure(&host);
    let ongoing = begin(&host, &mut first, 1);
    scan(&host, &mut second);
    first.tick(&host);
    assert_eq!(
        first.on_body(&host, &ongoing, Body::Response, 1),
        Next::Stop
    );
}

#[test]
fn an_open_stream_ends_when_its_certificate_expires() {
    let (host, mut plugin) = start_with(&rechecking());
    let ongoing = begin(&host, &mut plugin, 1);
    host.clock.set(TimeMs(NOW.0 + 3_599_000));
    plugin.tick(&host);
    assert_eq!(
        plugin.on_body(&host, &ongoing, Body::Response, 1),
        Next::Continue
    );
    host.clock.set(TimeMs(NOW.0 + 3_601_000));
    plugin.tick(&host);
    assert_eq!(
        plugin.on_body(&host, &ongoing, Body::Response, 1),
        Next::Stop
    );
}

/// A new configuration, in another VM as Envoy does it: the plugin before stays with its streams.
fn push(host: &FakeHost, before: &mut Plugin, policy: &serde_json::Value) -> Plugin {
    let configuration = crate::support::configuration(policy).to_string();
    host.configuration.replace(configuration.into_bytes());
    let mut plugin = Plugin::default();
    assert_eq!(plugin.configure(host), Configured::InForce);
    before.tick(host);
    plugin
}

fn revoking() -> serde_json::Value {
    let mut policy = rechecking();
    policy["spec"]["revocations"] = json!([{ "identity": GATEWAY }]);
    policy
}

#[test]
fn an_open_stream_ends_when_a_new_policy_revokes_or_quarantines_its_caller() {
    let mut quarantining = rechecking();
    quarantining["spec"]["signals"] = json!([{
        "name": "implant", "source": "xdr", "reason": "implant found", "author": "soc",
        "issued": "2027-01-01T00:00:00Z", "expires": "2027-06-01T00:00:00Z",
        "about": { "identity": GATEWAY }, "effect": "quarantine",
    }]);
    for policy in [revoking(), quarantining] {
        let (host, mut plugin) = start_with(&rechecking());
        let ongoing = begin(&host, &mut plugin, 1);
        push(&host, &mut plugin, &policy);
        assert_eq!(
            plugin.on_body(&host, &ongoing, Body::Response, 1),
            Next::Stop
        );
        // In the same VM too.
        let (host, mut plugin) = start_with(&rechecking());
        let ongoing = begin(&host, &mut plugin, 1);
        let configuration = crate::support::configuration(&policy).to_string();
        host.configuration.replace(configuration.into_bytes());
        plugin.configure(&host);
        assert_eq!(
            plugin.on_body(&host, &ongoing, Body::Response, 1),
            Next::Stop
        );
    }
}

#[test]
fn an_open_stream_outlives_a_new_policy_that_does_not_concern_its_caller() {
    let mut shadow = revoking();
    shadow["spec"]["mode"] = json!("shadow");
    let mut other = rechecking();
    other["spec"]["revocations"] = json!([{ "identity": TRAINING }]);
    for policy in [other, shadow, rechecking()] {
        let (host, mut plugin) = start_with(&rechecking());
        let ongoing = begin(&host, &mut plugin, 1);
        push(&host, &mut plugin, &policy);
        assert_eq!(
            plugin.on_body(&host, &ongoing, Body::Response, 1),
            Next::Continue
        );
    }
}

#[test]
fn an_open_stream_goes_on_when_a_policy_is_taken_back_before_it_moved() {
    let (host, mut plugin) = start_with(&rechecking());
    let ongoing = begin(&host, &mut plugin, 1);
    push(&host, &mut plugin, &revoking());
    push(&host, &mut plugin, &rechecking());
    assert_eq!(
        plugin.on_body(&host, &ongoing, Body::Response, 1),
        Next::Continue
    );
}

#[test]
fn a_newer_configuration_that_cannot_be_read_ends_streams_that_are_looked_at_again() {
    let (host, mut plugin) = start_with(&rechecking());
    let ongoing = begin(&host, &mut plugin, 1);
    host.write_shared("sallyport/v1/configured", b"{\"sliceVersion\": 9}");
    plugin.tick(&host);
    assert_eq!(
        plugin.on_body(&host, &ongoing, Body::Response, 1),
        Next::Stop
    );
    assert_eq!(host.metric("sallyport.stream_ended"), 1);
}

#[test]
fn a_stream_of_another_flow_stays_open() {
    let (host, mut plugin) = start_with(&policy());
    let ongoing = begin(&host, &mut plugin, 1);
    scan(&host, &mut plugin);
    assert_eq!(
        plugin.on_body(&host, &ongoing, Body::Response, 1),
        Next::Continue
    );
    assert!(!host.closed.get());
}

#[test]
fn a_body_costs_no_host_call_while_nothing_happens() {
    let (host, mut plugin) = start_with(&rechecking());
    let ongoing = begin(&host, &mut plugin, 1);
    host.calls.set(0);
    for _ in 0..1000 {
        assert_eq!(
            plugin.on_body(&host, &ongoing, Body::Response, 1),
            Next::Continue
        );
    }
    assert_eq!(host.calls.get(), 0);
}

/// What a number of requests with this answer leave of the caller's trust.
fn trust_after(status: u64, requests: u64) -> i64 {
    let mut policy = policy();
    policy["spec"]["applicationHeaders"] = json!(true);
    let (host, mut plugin) = start_with(&policy);
    for _ in 0..requests {
        let ongoing = begin_again(&host, &mut plugin);
        let code = status.to_le_bytes().to_vec();
        host.properties
            .borrow_mut()
            .insert(Property::ResponseCode, code);
        plugin.on_end(&host, &ongoing);
        host.clock.set(TimeMs(host.clock.get().0 + 100));
    }
    begin_again(&host, &mut plugin);
    let trust = host.header("x-sallyport-trust").expect("a score");
    String::from_utf8(trust).unwrap().parse().unwrap()
}

fn begin_again(host: &FakeHost, plugin: &mut Plugin) -> Ongoing {
    if host.properties.borrow().is_empty() {
        host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    }
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(host), Next::Continue);
    plugin.take_begun().expect("it went on")
}

#[test]
fn refusals_of_the_application_cost_trust_and_its_failures_do_not() {
    let quiet = trust_after(200, 60);
    assert_eq!(trust_after(503, 60), quiet);
    assert!(trust_after(404, 60) < quiet, "{quiet}");
}

/// What becomes of a caller's next request after ten minutes of small answers, and then some of so many
/// bytes at the same pace.
fn after_answers_of(bytes: usize) -> Next {
    let (host, mut plugin) = start_with(&policy());
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    let small = std::iter::repeat_n(2_000, 60);
    for bytes in small.chain(std::iter::repeat_n(bytes, 6)) {
        host.request(&INFER);
        if plugin.on_request_headers(&host) == Next::Stop {
            return Next::Stop;
        }
        let ongoing = plugin.take_begun().expect("it went on");
        let code = 200_u64.to_le_bytes().to_vec();
        host.properties
            .borrow_mut()
            .insert(Property::ResponseCode, code);
        // In two parts, as bodies come.
        for part in [bytes / 2, bytes - bytes / 2] {
            plugin.on_body(&host, &ongoing, Body::Response, part);
        }
        plugin.on_end(&host, &ongoing);
        host.clock.set(TimeMs(host.clock.get().0 + 10_000));
    }
    Next::Continue
}

#[test]
fn a_caller_that_suddenly_fetches_far_more_is_restricted() {
    assert_eq!(after_answers_of(2_000), Next::Continue);
    assert_eq!(after_answers_of(1_000_000_000), Next::Stop);
}

#[test]
fn the_end_of_a_request_takes_one_host_call() {
    let (host, mut plugin) = start_with(&policy());
    let ongoing = begin(&host, &mut plugin, 1);
    let code = 200_u64.to_le_bytes().to_vec();
    host.properties
        .borrow_mut()
        .insert(Property::ResponseCode, code);
    host.calls.set(0);
    plugin.on_end(&host, &ongoing);
    assert_eq!(host.calls.get(), 1);
}
