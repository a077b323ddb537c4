//! Requests and streams under a grant: training may read a model for ten seconds.

use sallyport_engine::time::TimeMs;
use sallyport_filter::plugin::{Body, Configured, Next, Ongoing, Plugin};
use serde_json::{Value, json};

use crate::support::{FakeHost, NOW, TRAINING, configuration, mesh, policy, start_with};

const READ: [(&str, &[u8]); 2] = [(":method", b"GET"), (":path", b"/private/llm?part=1")];
/// Of the grant, which begins with [`NOW`].
const END: TimeMs = TimeMs(NOW.0 + 10_000);

fn granting() -> Value {
    let mut policy = policy();
    policy["spec"]["grants"] = json!([{
        "name": "incident-4711", "from": ["training"], "to": "inference",
        "notBefore": "2027-01-15T08:00:00Z", "notAfter": "2027-01-15T08:00:10Z",
        "reason": "incident 4711", "approvedBy": "on-call lead",
        "operations": [{ "methods": ["GET"], "paths": ["/private/{model}"] }],
    }]);
    policy
}

/// Asks for the model, on the connection that is open.
fn ask(host: &FakeHost, plugin: &mut Plugin, at: TimeMs) -> Next {
    host.clock.set(at);
    host.request(&READ);
    plugin.on_request_headers(host)
}

/// Begins a stream at the start of the grant.
fn begin(host: &FakeHost, plugin: &mut Plugin) -> Ongoing {
    host.connect(1, &mesh().hybrid_leaf(TRAINING));
    assert_eq!(ask(host, plugin, NOW), Next::Continue);
    plugin.take_begun().expect("it went on")
}

fn part(host: &FakeHost, plugin: &mut Plugin, ongoing: &Ongoing, at: TimeMs) -> Next {
    host.clock.set(at);
    plugin.on_body(host, ongoing, Body::Response, 1)
}

fn push(host: &FakeHost, before: &mut Plugin, policy: &Value) {
    let configuration = configuration(policy).to_string();
    host.configuration.replace(configuration.into_bytes());
    assert_eq!(Plugin::default().configure(host), Configured::InForce);
    before.tick(host);
}

#[test]
fn opens_and_closes_to_the_millisecond_on_one_connection() {
    let (host, mut plugin) = start_with(&granting());
    host.connect(1, &mesh().hybrid_leaf(TRAINING));
    for (at, expected) in [
        (NOW.0 - 1, Some("grant_not_yet_valid")),
        (NOW.0, None),
        (END.0 - 1, None),
        (END.0, Some("grant_expired")),
        // A clock that goes back is believed, as it is about certificates.
        (END.0 - 1, None),
    ] {
        let next = ask(&host, &mut plugin, TimeMs(at));
        let reason = (next == Next::Stop).then(|| host.denied());
        assert_eq!(reason.as_deref(), expected, "{at}");
    }
    assert_eq!(host.metric("sallyport.grant_allowed"), 3);
    assert_eq!(host.metric("sallyport.allowed"), 0);
}

#[test]
fn records_and_access_logs_name_the_grant() {
    let mut policy = granting();
    policy["spec"]["accessLog"] = json!(true);
    let (host, mut plugin) = start_with(&policy);
    begin(&host, &mut plugin);
    let note = host.note.take().unwrap();
    let start = "verdict=allow would_deny=false reason=- flow=- grant=incident-4711 ";
    assert!(note.starts_with(start), "{note}");
    assert_eq!(ask(&host, &mut plugin, END), Next::Stop);
    let record = host.records().pop().unwrap();
    assert_eq!(record["reason"], "grant_expired");
    assert_eq!(
        record["grant"],
        json!({
            "name": "incident-4711", "reason": "incident 4711", "approved_by": "on-call lead",
            "not_before": "2027-01-15T08:00:00Z", "not_after": "2027-01-15T08:00:10Z",
        })
    );
    let reply = host.replies.borrow().last().unwrap().details.clone();
    assert!(
        reply.contains("-grant[incident-4711]-reason[grant_expired]"),
        "{reply}"
    );
}

#[test]
fn an_open_stream_ends_with_the_grant_whether_or_not_a_tick_came() {
    let (host, mut plugin) = start_with(&granting());
    let ongoing = begin(&host, &mut plugin);
    assert_eq!(
        part(&host, &mut plugin, &ongoing, TimeMs(END.0 - 1)),
        Next::Continue
    );
    assert_eq!(part(&host, &mut plugin, &ongoing, END), Next::Stop);
    assert!(host.closed.get());
    assert_eq!(host.metric("sallyport.stream_ended"), 1);
    let log = host.log.borrow();
    let (_, line) = log.last().unwrap();
    assert_eq!(line, "ended an open stream: grant_expired");
}

#[test]
fn a_part_of_a_stream_costs_a_look_at_the_clock() {
    let (host, mut plugin) = start_with(&granting());
    let ongoing = begin(&host, &mut plugin);
    host.calls.set(0);
    for _ in 0..100 {
        assert_eq!(part(&host, &mut plugin, &ongoing, NOW), Next::Continue);
    }
    assert_eq!(host.calls.get(), 100);
}

#[test]
fn an_open_stream_ends_where_the_clock_cannot_be_read() {
    let (host, mut plugin) = start_with(&granting());
    let ongoing = begin(&host, &mut plugin);
    host.calls.set(0);
    host.fails_at.set(Some(0));
    assert_eq!(part(&host, &mut plugin, &ongoing, NOW), Next::Stop);
    assert!(host.closed.get());
}

#[test]
fn an_open_stream_ends_when_a_new_policy_takes_the_grant_back() {
    let (host, mut plugin) = start_with(&granting());
    let ongoing = begin(&host, &mut plugin);
    push(&host, &mut plugin, &policy());
    assert_eq!(part(&host, &mut plugin, &ongoing, NOW), Next::Stop);

    let mut other = granting();
    other["spec"]["grants"][0]["operations"][0]["paths"] = json!(["/private/other"]);
    let (host, mut plugin) = start_with(&granting());
    let ongoing = begin(&host, &mut plugin);
    push(&host, &mut plugin, &other);
    assert_eq!(part(&host, &mut plugin, &ongoing, NOW), Next::Stop);
}

#[test]
fn an_open_stream_outlives_a_new_policy_that_keeps_the_grant_or_has_a_flow_for_it() {
    let mut renamed = granting();
    renamed["spec"]["grants"][0]["name"] = json!("incident-4712");
    let mut flow = policy();
    let mut added = flow["spec"]["flows"][0].clone();
    added["name"] = json!("training-reads");
    added["from"] = json!(["training"]);
    added["operations"] = granting()["spec"]["grants"][0]["operations"].clone();
    flow["spec"]["flows"].as_array_mut().unwrap().push(added);
    for policy in [renamed, flow] {
        let (host, mut plugin) = start_with(&granting());
        let ongoing = begin(&host, &mut plugin);
        push(&host, &mut plugin, &policy);
        assert_eq!(part(&host, &mut plugin, &ongoing, NOW), Next::Continue);
        // By its own policy it ends all the same.
        assert_eq!(part(&host, &mut plugin, &ongoing, END), Next::Stop);
    }
}

#[test]
fn streams_of_flows_in_a_policy_with_grants_cost_nothing_more() {
    let (host, mut plugin) = start_with(&granting());
    host.connect(1, &mesh().hybrid_leaf(crate::support::GATEWAY));
    host.request(&crate::support::INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    let ongoing = plugin.take_begun().expect("it went on");
    host.calls.set(0);
    assert_eq!(
        plugin.on_body(&host, &ongoing, Body::Response, 1),
        Next::Continue
    );
    assert_eq!(host.calls.get(), 0);
}
