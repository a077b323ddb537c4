//! What callers run: across requests, workers and configurations.

use sallyport_credentials::issue::{Leaf, Token, TokenRequest};
use sallyport_engine::time::TimeMs;
use sallyport_filter::plugin::{Body, Configured, Next, Plugin};
use serde_json::{Value, json};

use crate::support::{FakeHost, GATEWAY, INFER, NOW, configuration, mesh, policy, start_with};

fn digest(byte: u8) -> String {
    format!("sha256:{}", format!("{byte:02x}").repeat(32))
}

fn token(leaf: &Leaf, model: u8, issued_at_seconds: u64) -> Token {
    let mut request = TokenRequest::new(GATEWAY, leaf.sha256(), issued_at_seconds);
    request.lifetime_seconds = 3_000;
    let claim = ("model_digest".to_owned(), Some(json!(digest(model))));
    request.claims.extend([claim]);
    mesh().tokens.issue_token(&request).unwrap()
}

/// A policy whose flow requires model 1, of a manifest that ends ten minutes after the start.
fn requiring() -> Value {
    let mut policy = policy();
    policy["spec"]["artifacts"] = json!({"manifests": [{"name": "models", "verified": {
        "serial": 1, "sha256": "0".repeat(64), "signedBy": "release",
        "notBefore": "2027-01-15T07:00:00Z", "notAfter": "2027-01-15T08:10:00Z",
        "artifacts": [{"kind": "model", "digest": digest(1), "name": "llm"}],
    }}]});
    policy["spec"]["flows"][0]["requires"] = json!({"model": {"manifest": "models"}});
    policy["spec"]["flows"][0]["recheckStreams"] = json!(true);
    policy
}

/// The same with model 1 in quarantine; `requires` says whether the flow requires it.
fn quarantining(requires: bool) -> Value {
    let mut policy = requiring();
    if !requires {
        policy["spec"]["flows"][0]["requires"] = Value::Null;
        let flow = policy["spec"]["flows"][0].as_object_mut().unwrap();
        flow.retain(|_, value| !value.is_null());
    }
    policy["spec"]["signals"] = json!([{
        "name": "poisoned", "source": "scanner", "reason": "poisoned", "author": "soc",
        "issued": "2027-01-15T07:00:00Z", "expires": "2027-06-01T00:00:00Z",
        "about": {"modelDigest": digest(1)}, "effect": "quarantine",
    }]);
    policy
}

fn ask(
    plugin: &mut Plugin,
    host: &FakeHost,
    connection: u64,
    leaf: &Leaf,
    token: Option<&Token>,
) -> Next {
    host.connect(connection, leaf);
    let mut headers = INFER.to_vec();
    if let Some(token) = token {
        headers.push(("hybrid-identity-token", token.token.as_bytes()));
        headers.push(("hybrid-identity-signature", token.signature.as_bytes()));
    }
    host.request(&headers);
    plugin.on_request_headers(host)
}

/// A new configuration in another VM, as Envoy does it.
fn push(host: &FakeHost, policy: &Value) -> Plugin {
    let text = configuration(policy).to_string();
    host.configuration.replace(text.into_bytes());
    let mut plugin = Plugin::default();
    assert_eq!(plugin.configure(host), Configured::InForce);
    plugin
}

fn pass(host: &FakeHost, plugins: &mut [&mut Plugin], milliseconds: u64) {
    host.clock.set(TimeMs(host.clock.get().0 + milliseconds));
    for plugin in plugins {
        plugin.tick(host);
    }
}

const SECONDS: u64 = NOW.0 / 1000;

#[test]
fn the_token_of_a_request_says_what_its_caller_runs() {
    let (host, mut plugin) = start_with(&requiring());
    let leaf = mesh().hybrid_leaf(GATEWAY);
    let (vetted, other) = (token(&leaf, 1, SECONDS), token(&leaf, 2, SECONDS - 5));
    assert_eq!(
        ask(&mut plugin, &host, 1, &leaf, Some(&vetted)),
        Next::Continue
    );
    assert_eq!(ask(&mut plugin, &host, 1, &leaf, Some(&other)), Next::Stop);
    assert_eq!(host.denied(), "artifact_not_allowed");
    let record = host.records().pop().unwrap();
    assert_eq!(record["artifacts"][0]["digest"], digest(2));
    assert_eq!(record["artifacts"][0]["manifest"], "models");
    assert_eq!(ask(&mut plugin, &host, 1, &leaf, None), Next::Stop);
    assert_eq!(host.denied(), "claim_missing");
    host.clock.set(TimeMs(NOW.0 + 600_000));
    assert_eq!(ask(&mut plugin, &host, 1, &leaf, Some(&vetted)), Next::Stop);
    assert_eq!(host.denied(), "artifact_manifest_expired");
}

#[test]
fn a_quarantine_finds_a_caller_of_the_configuration_before_that_leaves_its_token_out() {
    let (host, mut before) = start_with(&requiring());
    let leaf = mesh().hybrid_leaf(GATEWAY);
    let vetted = token(&leaf, 1, SECONDS);
    assert_eq!(
        ask(&mut before, &host, 1, &leaf, Some(&vetted)),
        Next::Continue
    );
    pass(&host, &mut [&mut before], 1_000);
    let mut after = push(&host, &quarantining(false));
    assert_eq!(ask(&mut after, &host, 1, &leaf, None), Next::Stop);
    assert_eq!(host.denied(), "peer_quarantined");
    // A replica with a certificate of its own never showed a token: nothing is known of it.
    let replica = mesh().hybrid_leaf(GATEWAY);
    assert_eq!(ask(&mut after, &host, 2, &replica, None), Next::Continue);
    // A token that was issued later names another model.
    let newer = token(&leaf, 2, SECONDS + 1);
    assert_eq!(
        ask(&mut after, &host, 1, &leaf, Some(&newer)),
        Next::Continue
    );
    assert_eq!(ask(&mut after, &host, 1, &leaf, None), Next::Continue);
    pass(&host, &mut [&mut after], 1_000);
    assert_eq!(
        ask(
            &mut push(&host, &quarantining(false)),
            &host,
            1,
            &leaf,
            None
        ),
        Next::Continue
    );
}

#[test]
fn what_one_worker_sees_in_quarantine_all_refuse_after_their_next_tick() {
    let (host, mut first) = start_with(&quarantining(false));
    let mut second = push(&host, &quarantining(false));
    let leaf = mesh().hybrid_leaf(GATEWAY);
    assert_eq!(ask(&mut second, &host, 2, &leaf, None), Next::Continue);
    let carried = token(&leaf, 1, SECONDS);
    assert_eq!(ask(&mut first, &host, 1, &leaf, Some(&carried)), Next::Stop);
    pass(&host, &mut [&mut second], 250);
    assert_eq!(ask(&mut second, &host, 2, &leaf, None), Next::Stop);
    assert_eq!(host.denied(), "peer_quarantined");
}

#[test]
fn notes_that_somebody_spoilt_are_counted_and_take_no_digest_away() {
    let (host, mut first) = start_with(&quarantining(false));
    let leaf = mesh().hybrid_leaf(GATEWAY);
    let carried = token(&leaf, 1, SECONDS);
    assert_eq!(ask(&mut first, &host, 1, &leaf, Some(&carried)), Next::Stop);
    let slot = |host: &FakeHost| {
        let shared = host.shared.borrow();
        let mut keys = shared.keys();
        keys.find(|key| key.starts_with("sallyport/v1/running/"))
            .cloned()
    };
    let slot = slot(&host).expect("it was written at once");
    host.write_shared(&slot, b"garbage");
    let mut second = push(&host, &quarantining(false));
    assert_eq!(ask(&mut second, &host, 2, &leaf, None), Next::Continue);
    assert_eq!(host.metric("sallyport.trust_slot_invalid"), 1);
    assert_eq!(ask(&mut first, &host, 1, &leaf, None), Next::Stop);
}

#[test]
fn nothing_is_read_of_what_callers_run_where_no_digest_is_in_quarantine() {
    let calls = |policy: &Value| {
        let (host, mut plugin) = start_with(policy);
        let leaf = mesh().hybrid_leaf(GATEWAY);
        let before = host.calls.get();
        ask(&mut plugin, &host, 1, &leaf, None);
        host.calls.get() - before
    };
    assert_eq!(calls(&quarantining(false)), calls(&policy()) + 1);
}

#[test]
fn an_open_stream_ends_when_its_model_is_quarantined_or_its_manifest_ends() {
    let begin = || {
        let (host, mut plugin) = start_with(&requiring());
        let leaf = mesh().hybrid_leaf(GATEWAY);
        let vetted = token(&leaf, 1, SECONDS);
        assert_eq!(
            ask(&mut plugin, &host, 1, &leaf, Some(&vetted)),
            Next::Continue
        );
        let ongoing = plugin.take_begun().expect("it went on");
        (host, plugin, ongoing)
    };
    let (host, mut plugin, ongoing) = begin();
    push(&host, &quarantining(true));
    plugin.tick(&host);
    assert_eq!(
        plugin.on_body(&host, &ongoing, Body::Response, 1),
        Next::Stop
    );
    assert!(host.closed.get());

    let (host, mut plugin, ongoing) = begin();
    for (milliseconds, expected) in [(599_000, Next::Continue), (600_000, Next::Stop)] {
        host.clock.set(TimeMs(NOW.0 + milliseconds));
        plugin.tick(&host);
        assert_eq!(
            plugin.on_body(&host, &ongoing, Body::Response, 1),
            expected,
            "{milliseconds}"
        );
    }

    // A newer policy whose manifest does not list the model any more.
    let (host, mut plugin, ongoing) = begin();
    let mut other = requiring();
    let listed = &mut other["spec"]["artifacts"]["manifests"][0]["verified"]["artifacts"][0];
    listed["digest"] = json!(digest(2));
    push(&host, &other);
    plugin.tick(&host);
    assert_eq!(
        plugin.on_body(&host, &ongoing, Body::Response, 1),
        Next::Stop
    );
}
