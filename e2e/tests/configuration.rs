//! Good and bad configurations of the shipped module in a real Envoy, and its metrics.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, as tests do"
)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use sallyport_e2e::envoy::{Envoy, Processes, Replaced, Rig, Sidecar, Source};
use sallyport_e2e::settings::Settings;
use sallyport_e2e::wire::{Connection, Response, request_text};
use sallyport_engine::metric::Metric;
use sallyport_engine::reason::DenyReason;
use sallyport_mesh_config::render::{FailStrategy, envoy as render};
use serde_json::{Value, json};

/// The sidecar of the corpus, with whichever configuration.
struct Bench(Rig);

impl Bench {
    /// None where the test is skipped, which must be allowed.
    fn for_test(name: &str) -> Option<Self> {
        let settings = Settings::for_test(name).unwrap()?;
        Some(Self(Rig::new(settings, "tests/target.yaml").unwrap()))
    }

    fn start(&self, source: Source) -> Sidecar {
        self.0.start(source).unwrap()
    }

    /// The filter of the corpus policy, with a patch, as an entry of `http_filters`.
    fn filter(&self, patch: &Value) -> Value {
        let policy = self.0.policy(patch).unwrap();
        let module = self.0.settings.wasm.display().to_string();
        let filter = render::http_filter(&policy, &module, FailStrategy::Reload).unwrap();
        serde_json::to_value(filter).unwrap()
    }

    fn resource(&self, patch: &Value) -> Value {
        self.0.resource(patch).unwrap()
    }

    fn connect(&self, sidecar: &Sidecar) -> Connection {
        self.0.connect(sidecar, "hybrid").unwrap()
    }

    fn get(&self, sidecar: &Sidecar, path: &str) -> Response {
        self.connect(sidecar).exchange(&get(path)).unwrap()
    }
}

/// Breaks the policy inside of a configuration; the mode beside it stays readable.
fn broken(mut filter: Value, plugin: &str) -> Value {
    let place = filter
        .pointer_mut(&format!("{plugin}/configuration/value"))
        .unwrap();
    let mut config: Value = serde_json::from_str(place.as_str().unwrap()).unwrap();
    config["policy"] = json!("{\"apiVersion\": \"broken\"}");
    *place = json!(config.to_string());
    filter
}

fn get(path: &str) -> Vec<u8> {
    request_text("GET", path, &[])
}

fn metric(envoy: &Envoy, name: &str) -> Option<u64> {
    envoy.stat(&format!("wasmcustom.sallyport.{name}")).unwrap()
}

const STATIC: &str = "/typed_config/config";
const DISCOVERED: &str = "/resources/0/typed_config/config";

#[test]
fn denies_everything_when_the_first_policy_is_broken() {
    let Some(bench) = Bench::for_test("broken policy") else {
        return;
    };
    let sidecar = bench.start(Source::Static(broken(bench.filter(&json!({})), STATIC)));
    for path in ["/v1/models", "/healthz", "/"] {
        let response = bench.get(&sidecar, path);
        assert_eq!(response.status, 503);
        assert!(
            response.text().contains("not_configured"),
            "{}",
            response.text()
        );
    }
    assert_eq!(metric(sidecar.envoy(), "config_rejected"), Some(1));
    assert!(
        sidecar
            .envoy()
            .log()
            .unwrap()
            .contains("configuration rejected")
    );
}

#[test]
fn lets_pass_and_reports_when_the_first_policy_is_broken_in_shadow() {
    let Some(bench) = Bench::for_test("broken policy in shadow") else {
        return;
    };
    let shadow = json!({"spec": {"mode": "shadow"}});
    let sidecar = bench.start(Source::Static(broken(bench.filter(&shadow), STATIC)));
    assert_eq!(bench.get(&sidecar, "/anything").status, 200);
    assert_eq!(metric(sidecar.envoy(), "config_rejected"), Some(1));
    assert_eq!(metric(sidecar.envoy(), "passed_unconfigured"), Some(1));
}

#[test]
fn denies_everything_without_any_configuration() {
    let Some(bench) = Bench::for_test("no configuration") else {
        return;
    };
    let mut filter = bench.filter(&json!({}));
    let plugin = filter.pointer_mut(STATIC).unwrap().as_object_mut().unwrap();
    plugin.remove("configuration");
    let sidecar = bench.start(Source::Static(filter));
    let response = bench.get(&sidecar, "/v1/models");
    assert_eq!(response.status, 503, "{}", response.text());
}

#[test]
fn keeps_the_last_good_policy_when_a_new_one_is_broken() {
    let Some(bench) = Bench::for_test("discovered configurations") else {
        return;
    };
    let good = bench.resource(&json!({}));
    let sidecar = bench.start(Source::Discovered(good.clone()));
    let mut open = bench.connect(&sidecar);
    let mut status = |path: &str| open.exchange(&get(path)).unwrap().status;
    assert_eq!((status("/v1/models"), status("/new")), (200, 403));

    let bad = broken(good, DISCOVERED);
    assert_eq!(sidecar.replace(&bad).unwrap(), Replaced::Rejected);
    assert_eq!((status("/v1/models"), status("/new")), (200, 403));
    assert_eq!(metric(sidecar.envoy(), "config_rejected"), Some(1));

    let wider = bench.resource(&json!({"spec": {"flows": [{
        "name": "everything",
        "from": ["gateway"],
        "to": "inference",
        "operations": [{"methods": ["*"], "paths": ["/{**}"]}],
    }]}}));
    assert_eq!(sidecar.replace(&wider).unwrap(), Replaced::Taken);
    assert_eq!((status("/v1/models"), status("/new")), (200, 200));
    assert_eq!(metric(sidecar.envoy(), "config_rejected"), Some(0));
    assert_eq!(sidecar.envoy().reloads().unwrap(), [""; 0]);
}

#[test]
fn denies_in_a_listener_that_is_not_inbound() {
    let Some(bench) = Bench::for_test("outbound listener") else {
        return;
    };
    let sidecar = bench.start(Source::Static(bench.filter(&json!({}))));
    // The same configuration with the direction turned round.
    let file = bench.0.folder().join("inbound.json");
    let text = std::fs::read_to_string(file).unwrap();
    let outbound: Value =
        serde_json::from_str(&text.replace("\"INBOUND\"", "\"OUTBOUND\"")).unwrap();
    let processes = Processes::default();
    let envoy = Envoy::start(
        &bench.0.settings,
        bench.0.folder(),
        "outbound",
        &outbound,
        &processes,
    )
    .unwrap();
    let other = sidecar.with_envoy(envoy).unwrap();
    let response = bench.get(&other, "/v1/models");
    assert_eq!(response.status, 503);
    assert!(
        response.text().contains("listener_not_inbound"),
        "{}",
        response.text()
    );
}

#[test]
fn counts_what_it_decides() {
    let Some(bench) = Bench::for_test("metrics") else {
        return;
    };
    let sidecar = bench.start(Source::Static(bench.filter(&json!({}))));
    let mut open = bench.connect(&sidecar);
    for path in ["/v1/models", "/v1/models", "/admin"] {
        open.exchange(&get(path)).unwrap();
    }
    let envoy = sidecar.envoy();
    assert_eq!(metric(envoy, "allowed"), Some(2));
    assert_eq!(metric(envoy, "denied.operation_not_allowed"), Some(1));
    assert_eq!(metric(envoy, "denied.peer_plaintext"), Some(0));
    assert_eq!(metric(envoy, "cold_verification"), Some(1));
    assert_eq!(metric(envoy, "config_rejected"), Some(0));
    assert_eq!(metric(envoy, "enforcing"), Some(1));
    assert!(metric(envoy, "policy_hash").is_some_and(|hash| hash > 0));
    let prometheus = envoy.ask("GET", "/stats/prometheus").unwrap().text();
    let line = "sallyport_denied{reason=\"operation_not_allowed\"} 1";
    assert!(
        prometheus.lines().any(|found| found.ends_with(line)),
        "{prometheus}"
    );
}

#[test]
fn shows_trust_and_state_in_access_logs_and_metrics() {
    let Some(bench) = Bench::for_test("access log") else {
        return;
    };
    let patch = json!({"spec": {"accessLog": true}});
    let sidecar = bench.start(Source::Static(bench.filter(&patch)));
    let mut open = bench.connect(&sidecar);
    for path in ["/v1/models", "/admin"] {
        open.exchange(&get(path)).unwrap();
    }
    let envoy = sidecar.envoy();
    // Envoy flushes histograms every five seconds, and the rest sooner.
    let expected = [
        "sallyport_trust_count{segment=\"gateway\"} 2",
        "sallyport_peers{state=\"trusted\"} 1",
    ];
    let is_shown = |part: &str| {
        let prometheus = envoy.ask("GET", "/stats/prometheus").unwrap().text();
        prometheus.lines().any(|found| found.ends_with(part))
    };
    eventually(&format!("{expected:?}"), || {
        expected.into_iter().all(is_shown)
    });
    assert_eq!(metric(envoy, "peers.trusted"), Some(1));
    assert_eq!(metric(envoy, "peers.isolated"), Some(0));
    let log = envoy.access_log().unwrap();
    let line = |start: &str| log.lines().find(|line| line.contains(start)).unwrap();
    let allowed = line("[verdict=allow would_deny=false reason=- flow=predict ");
    assert!(allowed.contains(" trust=99 state=TRUSTED "), "{allowed}");
    assert!(allowed.contains(" terms=prior:-4600,"), "{allowed}");
    line("[verdict=deny would_deny=false reason=operation_not_allowed flow=predict ");
}

#[test]
fn takes_its_callers_out_of_the_gauges_when_another_configuration_replaces_it() {
    let Some(bench) = Bench::for_test("gauges of a replaced configuration") else {
        return;
    };
    let sidecar = bench.start(Source::Discovered(bench.resource(&json!({}))));
    let mut open = bench.connect(&sidecar);
    assert_eq!(open.exchange(&get("/v1/models")).unwrap().status, 200);
    await_metric(sidecar.envoy(), "peers.trusted", 1);

    let other = bench.resource(&json!({"spec": {"accessLog": true}}));
    assert_eq!(sidecar.replace(&other).unwrap(), Replaced::Taken);
    await_metric(sidecar.envoy(), "peers.trusted", 0);
    assert_eq!(open.exchange(&get("/v1/models")).unwrap().status, 200);
    await_metric(sidecar.envoy(), "peers.trusted", 1);
}

/// Envoy gives a name another number each time, and forgets none until the VM ends.
#[test]
fn asks_for_the_numbers_of_metrics_once_in_a_vms_life() {
    let Some(bench) = Bench::for_test("numbers of metrics") else {
        return;
    };
    let sidecar = bench.start(Source::Discovered(bench.resource(&json!({}))));
    let envoy = sidecar.envoy();
    let trace = envoy.ask("POST", "/logging?wasm=trace").unwrap();
    assert_eq!(trace.status, 200);
    let other = bench.resource(&json!({"spec": {"accessLog": true}}));
    assert_eq!(sidecar.replace(&other).unwrap(), Replaced::Taken);
    assert_eq!(bench.get(&sidecar, "/v1/models").status, 200);
    let log = envoy.log().unwrap();
    let calls = |name: &str| log.matches(name).count();
    // A VM that Envoy makes to try the configuration, the main thread's, and the worker's.
    assert_eq!(calls("[host->vm] proxy_on_configure("), 3);
    // The first asks for all; of the others the worker's alone, for the trust of its first caller.
    let metrics = Metric::PLAIN.len() + 2 * DenyReason::ALL.len();
    assert_eq!(calls("[vm->host] env.proxy_define_metric("), metrics + 1);
}

/// A timer of Envoy outlives the plugin that asked for it, unless that puts it off.
#[test]
fn wakes_no_more_often_after_many_configurations() {
    let Some(bench) = Bench::for_test("timers of replaced configurations") else {
        return;
    };
    let policies = [json!({}), json!({"spec": {"accessLog": true}})].map(|it| bench.resource(&it));
    let sidecar = bench.start(Source::Discovered(policies[0].clone()));
    let before = wakeups(sidecar.envoy());
    for number in 1..=20 {
        let policy = &policies[number % 2];
        assert_eq!(sidecar.replace(policy).unwrap(), Replaced::Taken);
    }
    let after = wakeups(sidecar.envoy());
    // Twenty timers would wake two threads four times a second: 320 times.
    assert!(after < before + 80, "{before} before, {after} after");
}

/// How often the threads of an idle Envoy wake in two seconds.
fn wakeups(envoy: &Envoy) -> u64 {
    let sum = || {
        let threads = fs::read_dir(format!("/proc/{}/task", envoy.id())).unwrap();
        threads
            .map(|thread| {
                let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
                let count = status
                    .lines()
                    .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
                count.unwrap().trim().parse::<u64>().unwrap()
            })
            .sum::<u64>()
    };
    let before = sum();
    thread::sleep(Duration::from_secs(2));
    sum() - before
}

fn await_metric(envoy: &Envoy, name: &str, value: u64) {
    eventually(&format!("{name} is {value}"), || {
        metric(envoy, name) == Some(value)
    });
}

/// Envoy's workers bring their metrics together some moments after they changed, and histograms some
/// seconds.
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(15), "never: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn writes_ten_records_a_second_and_counts_the_rest() {
    let Some(bench) = Bench::for_test("record limit") else {
        return;
    };
    let sidecar = bench.start(Source::Static(bench.filter(&json!({}))));
    let mut open = bench.connect(&sidecar);
    for _ in 0..60 {
        open.exchange(&get("/admin")).unwrap();
    }
    let log = sidecar.envoy().log().unwrap();
    // The requests cost trust, and a line for each change of the peer's state is written or counted
    // as records are.
    let records = log.matches("\"reason\":\"operation_not_allowed\"").count();
    let changes = log.matches("\"event\":").count();
    let written = u64::try_from(records + changes).unwrap();
    let count = |name: &str| metric(sidecar.envoy(), name).unwrap();
    let suppressed = count("record_suppressed");
    let states = ["restricted", "isolated", "trusted"];
    let all_changes: u64 = states
        .map(|state| count(&format!("peer_changes.{state}")))
        .iter()
        .sum();
    assert_eq!(written + suppressed, 60 + all_changes);
    assert!(suppressed > 0, "60 requests took more than six seconds");
}
