//! Configurations, good and bad, through the filter on a fake host.

use crate::support::{FakeHost, GATEWAY, INFER, configuration, mesh, policy};
use sallyport_filter::host::LogLevel;
use sallyport_filter::plugin::{Configured, Next, Plugin};
use serde_json::{Value, json};
use std::time::Duration;

fn rejection(configuration: &Value) -> String {
    let host = FakeHost::new(configuration);
    assert_eq!(Plugin::default().configure(&host), Configured::InForce);
    assert_eq!(host.metric("sallyport.config_rejected"), 1);
    let log = host.log.borrow();
    let (level, line) = log.last().expect("a rejected configuration is logged");
    assert_eq!(*level, LogLevel::Error);
    line.clone()
}

#[test]
fn a_good_configuration_shows_its_hash_and_mode() {
    let host = FakeHost::new(&configuration(&policy()));
    assert_eq!(Plugin::default().configure(&host), Configured::InForce);
    assert_eq!(host.metric("sallyport.config_rejected"), 0);
    assert_eq!(host.metric("sallyport.enforcing"), 1);
    let sha256 = configuration(&policy())["sha256"].as_str().unwrap()[..12].to_owned();
    assert_eq!(
        format!("{:012x}", host.metric("sallyport.policy_hash")),
        sha256
    );
}

#[test]
fn each_fault_is_named_with_the_way_out() {
    let good = configuration(&policy());
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = good.clone();
        change(&mut changed);
        changed
    };
    let with_policy = |change: &dyn Fn(&mut Value)| {
        let mut changed = policy();
        change(&mut changed);
        configuration(&changed)
    };
    for (configuration, expected) in [
        (json!(null), "not in the form"),
        (json!({}), "not in the form"),
        (
            with(&|config| config["extra"] = json!(1)),
            "not in the form",
        ),
        (
            with(&|config| config["sliceVersion"] = json!(2)),
            "slice version 2",
        ),
        (with(&|config| config["sha256"] = json!("00")), "hash"),
        (with(&|config| config["mode"] = json!("shadow")), "mode"),
        (with(&|config| config["policy"] = json!("{}")), "hash"),
        (
            with_policy(&|policy| policy["spec"]["extra"] = json!(1)),
            "not valid JSON",
        ),
        (
            with_policy(&|policy| policy["spec"]["flows"][0]["to"] = json!("inferense")),
            "spec.flows[0].to: there is no segment `inferense`: did you mean `inference`?",
        ),
        (
            with_policy(&|policy| {
                policy["spec"]["authorities"]["certificates"][0]["caCertificate"] =
                    json!({ "inline": "no pem" });
            }),
            "spec.authorities.certificates[0].caCertificate",
        ),
    ] {
        let line = rejection(&configuration);
        assert!(line.contains(expected), "{line}");
        assert!(line.contains("configuration rejected"), "{line}");
    }
}

#[test]
fn a_configuration_with_a_key_twice_is_rejected() {
    let host = FakeHost::new(&json!({}));
    let twice = configuration(&policy())
        .to_string()
        .replacen('{', "{\"mode\":\"shadow\",", 1);
    host.configuration.replace(twice.into_bytes());
    let mut plugin = Plugin::default();
    assert_eq!(plugin.configure(&host), Configured::InForce);
    assert_eq!(host.metric("sallyport.config_rejected"), 1);
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
}

#[test]
fn a_bad_configuration_at_the_start_denies_everything() {
    let host = FakeHost::new(&json!({ "mode": "enforce" }));
    let mut plugin = Plugin::default();
    assert_eq!(plugin.configure(&host), Configured::InForce);
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "not_configured");
    assert_eq!(host.replies.borrow()[0].status, 503);
}

#[test]
fn a_bad_configuration_that_says_shadow_passes_counted_and_without_spoofed_headers() {
    let host = FakeHost::new(&json!({ "mode": "shadow" }));
    let mut plugin = Plugin::default();
    assert_eq!(plugin.configure(&host), Configured::InForce);
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&[&INFER[..], &[("x-sallyport-trust", b"99")]].concat());
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    assert_eq!(host.header("x-sallyport-trust"), None);
    assert_eq!(host.metric("sallyport.passed_unconfigured"), 1);
    assert_eq!(host.metric("sallyport.would_deny.not_configured"), 1);
    assert_eq!(host.metric("sallyport.config_rejected"), 1);
}

#[test]
fn a_bad_update_is_refused_while_a_good_configuration_serves() {
    let host = FakeHost::new(&configuration(&policy()));
    let mut plugin = Plugin::default();
    assert_eq!(plugin.configure(&host), Configured::InForce);

    // Each edit comes to a new plugin, with the same shared data.
    for mode in ["enforce", "shadow"] {
        host.configuration
            .replace(json!({ "mode": mode }).to_string().into_bytes());
        assert_eq!(Plugin::default().configure(&host), Configured::Refused);
        assert_eq!(host.metric("sallyport.config_rejected"), 1);
    }

    // The old one goes on, and the next good one is taken.
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    host.configuration
        .replace(configuration(&policy()).to_string().into_bytes());
    assert_eq!(Plugin::default().configure(&host), Configured::InForce);
    assert_eq!(host.metric("sallyport.config_rejected"), 0);
}

#[test]
fn is_woken_while_it_serves_and_no_longer() {
    let host = FakeHost::new(&configuration(&policy()));
    let mut plugin = Plugin::default();
    assert_eq!(plugin.configure(&host), Configured::InForce);
    assert_eq!(host.tick_period.get(), Duration::from_millis(250));
    plugin.retire(&host);
    assert_eq!(host.tick_period.get(), Duration::ZERO);

    host.configuration.replace(b"{}".to_vec());
    assert_eq!(Plugin::default().configure(&host), Configured::Refused);
    assert_eq!(host.tick_period.get(), Duration::ZERO);
}

#[test]
fn without_any_configuration_everything_is_denied() {
    let host = FakeHost::new(&json!({}));
    host.request(&INFER);
    assert_eq!(Plugin::default().on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "not_configured");
}

#[test]
fn a_host_that_fails_while_configuring_leaves_a_plugin_that_denies() {
    for number in 0..4 {
        let host = FakeHost::new(&configuration(&policy()));
        host.fails_from.set(Some(number));
        let mut plugin = Plugin::default();
        let _ = plugin.configure(&host);
        host.fails_from.set(None);
        host.connect(1, &mesh().hybrid_leaf(GATEWAY));
        host.request(&INFER);
        let configured = host.metric("sallyport.config_rejected") == 0
            && plugin.on_request_headers(&host) == Next::Continue;
        assert!(number >= 3 || !configured, "call {number}");
    }
}

#[test]
fn a_huge_configuration_is_rejected() {
    let host = FakeHost::new(&json!({}));
    host.configuration.replace(vec![b' '; 4 * 1024 * 1024 + 1]);
    assert_eq!(Plugin::default().configure(&host), Configured::InForce);
    assert!(host.log.borrow().last().unwrap().1.contains("4 MiB"));
}
