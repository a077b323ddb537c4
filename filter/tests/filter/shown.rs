//! What operators see of decisions beside the records: lines of access logs, metrics of trust.

use sallyport_engine::time::TimeMs;
use sallyport_filter::host::Property;
use sallyport_filter::plugin::{Configured, Next, Plugin};
use serde_json::json;

use crate::support::{
    FakeHost, GATEWAY, INFER, NOW, TRAINING, configuration, mesh, policy, start, start_with, word,
};

fn with_access_log() -> (FakeHost, Plugin) {
    let mut policy = policy();
    policy["spec"]["accessLog"] = json!(true);
    start_with(&policy)
}

fn scan(host: &FakeHost, plugin: &mut Plugin, requests: usize) {
    for number in 0..requests {
        let path = format!("/secret/{}", word(number));
        host.request(&[(":method", b"GET"), (":path", path.as_bytes())]);
        assert_eq!(plugin.on_request_headers(host), Next::Stop);
    }
}

fn tick(host: &FakeHost, plugin: &mut Plugin) {
    host.clock.set(TimeMs(host.clock.get().0 + 1_000));
    plugin.tick(host);
}

fn peers(host: &FakeHost) -> [u64; 3] {
    ["trusted", "restricted", "isolated"]
        .map(|state| host.metric(&format!("sallyport.peers.{state}")))
}

#[test]
fn an_access_log_can_show_each_decision_for_one_host_call() {
    let (host, mut plugin) = with_access_log();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    let allowed = host.note.take().unwrap();
    assert!(
        allowed.starts_with(
            "verdict=allow would_deny=false reason=- flow=gateway-to-inference grant=- \
             source_segment=gateway assurance=hybrid trust=99 state=TRUSTED lambda_mnat=-"
        ),
        "{allowed}"
    );
    assert!(
        allowed.contains(" terms=prior:-4600,assurance:-1500,"),
        "{allowed}"
    );

    host.request(&INFER);
    host.calls.set(0);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    assert_eq!(host.calls.get(), 3 + 1);

    host.connect(2, &mesh().hybrid_leaf(TRAINING));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    let denied = host.note.take().unwrap();
    assert!(
        denied.starts_with(
            "verdict=deny would_deny=false reason=flow_not_allowed flow=- grant=- \
             source_segment=training "
        ),
        "{denied}"
    );
    let id = denied.rsplit_once("decision_id=").unwrap().1.to_owned();
    assert!(host.replies.borrow()[0].body.contains(&id));
}

#[test]
fn access_logs_are_told_nothing_where_the_policy_does_not_say_so() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    assert_eq!(host.note.take(), None);
}

#[test]
fn a_note_that_the_host_does_not_take_changes_no_decision() {
    let (host, mut plugin) = with_access_log();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    host.request(&INFER);
    host.calls.set(0);
    // Headers, clock and connection number are the calls before.
    host.fails_at.set(Some(3));
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    assert_eq!(host.note.take(), None);
}

#[test]
fn gauges_count_the_peers_of_all_workers_by_state() {
    let (host, mut one) = start();
    let mut other = Plugin::default();
    assert_eq!(other.configure(&host), Configured::InForce);
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(one.on_request_headers(&host), Next::Continue);
    host.connect(2, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(other.on_request_headers(&host), Next::Continue);
    tick(&host, &mut one);
    tick(&host, &mut other);
    assert_eq!(peers(&host), [2, 0, 0]);

    host.connect(3, &mesh().hybrid_leaf(GATEWAY));
    scan(&host, &mut one, 9);
    tick(&host, &mut one);
    assert_eq!(peers(&host), [2, 0, 1]);
    assert_eq!(host.metric("sallyport.peer_changes.isolated"), 1);

    // A worker that ends, and one that starts anew, take their part with them.
    one.retire(&host);
    tick(&host, &mut one);
    assert_eq!(peers(&host), [1, 0, 0]);
    assert_eq!(other.configure(&host), Configured::InForce);
    assert_eq!(peers(&host), [0, 0, 0]);
}

#[test]
fn an_isolated_peer_that_went_silent_leaves_the_gauge_once_its_evidence_is_forgotten() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    scan(&host, &mut plugin, 9);
    tick(&host, &mut plugin);
    assert_eq!(peers(&host), [0, 0, 1]);
    // The score's clock takes leaps of at most an hour.
    for hour in 1..=48 {
        host.clock.set(TimeMs(NOW.0 + hour * 3_600_000));
        plugin.tick(&host);
    }
    assert_eq!(peers(&host), [1, 0, 0]);
}

#[test]
fn trust_is_recorded_by_the_segment_of_the_caller() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    assert_eq!(host.metric("sallyport.trust.gateway"), 99);
    host.connect(2, &mesh().hybrid_leaf(TRAINING));
    scan(&host, &mut plugin, 6);
    assert!(host.metric("sallyport.trust.training") < 50);
    assert_eq!(host.metric("sallyport.trust.gateway"), 99);
}

#[test]
fn records_name_the_proxy_where_it_has_a_name() {
    for (id, shown) in [
        (
            &b"sidecar~10.1.2.3~web-0.shop~shop.svc.cluster.local"[..],
            true,
        ),
        (b"", false),
        (b"\xff", false),
        (&[b'x'; 1000], false),
    ] {
        let host = FakeHost::new(&configuration(&policy()));
        host.properties
            .borrow_mut()
            .insert(Property::NodeId, id.to_vec());
        let mut plugin = Plugin::default();
        assert_eq!(plugin.configure(&host), Configured::InForce);
        host.connect(1, &mesh().hybrid_leaf(TRAINING));
        scan(&host, &mut plugin, 1);
        let record = host.records().remove(0);
        let named = record["node_id"].as_str().map(str::as_bytes);
        assert_eq!(named, shown.then_some(id));
    }
}
