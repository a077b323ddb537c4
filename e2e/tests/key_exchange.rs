//! What the filter makes of the key exchange, between two real Envoys: rustls with `ring` has no
//! ML-KEM, Envoy has. The group comes from filter state that only the proxy's configuration sets.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, as tests do"
)]

use std::net::Ipv4Addr;
use std::path::Path;

use sallyport_e2e::envoy::config::{Caller, INBOUND, Inbound, Outbound, to_json};
use sallyport_e2e::envoy::{Envoy, Processes};
use sallyport_e2e::scenario::Scenario;
use sallyport_e2e::settings::Settings;
use sallyport_e2e::upstream::Upstream;
use sallyport_e2e::wire::{Connection, Dial, Layer, Redirection, loopback, request_text};
use sallyport_e2e::world::{Credentials, Identity, TRUST_DOMAIN, World, now_seconds};
use sallyport_mesh_config::render::{FailStrategy, envoy as render};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The callers: name, and the one group that it offers.
const CALLERS: [(&str, &str); 3] = [
    ("hybrid", "X25519MLKEM768"),
    ("classical", "X25519"),
    ("p256", "P-256"),
];
const REFUSED: &str = "denied by sallyport: key_exchange_not_post_quantum";

/// Two Envoys: that of the callers, and that of the called workload.
struct Pair {
    inbound: Envoy,
    outbound: Envoy,
    _folder: TempDir,
}

impl Pair {
    /// `before` is what stands before the filter under test in `http_filters`.
    fn start(settings: &Settings, rule: &str, before: &[Value]) -> Self {
        let world = World::new(TRUST_DOMAIN).unwrap();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/key_exchange.yaml");
        let scenario = Scenario::load(Path::new(file)).unwrap();
        let credentials = Credentials::issue(&world, &scenario, now_seconds()).unwrap();
        let caller = credentials.certificate("caller").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let processes = Processes::default();
        let start = |name, bootstrap: Value| {
            Envoy::start(settings, folder.path(), name, &bootstrap, &processes).unwrap()
        };
        let inbound = start(
            "inbound",
            inbound(settings, (&world, &scenario), rule, before),
        );
        let port = inbound.port(INBOUND).unwrap();
        let outbound = start("outbound", outbound(&world, caller, port));
        Self {
            inbound,
            outbound,
            _folder: folder,
        }
    }

    /// Status and body of a request, with headers that the caller chose.
    fn call(&self, caller: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let dial = Dial {
            address: loopback(self.outbound.port(caller).unwrap()),
            layer: Layer::Plain,
            redirection: Some(Redirection {
                source_ip: Ipv4Addr::new(10, 2, 0, 1),
                destination_port: 8080,
            }),
        };
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut connection = Connection::open(&dial).unwrap();
        let response = connection
            .exchange(&request_text("GET", "/v1/models", &headers))
            .unwrap();
        (response.status, response.text())
    }

    fn count(&self, metric: &str) -> u64 {
        let stats = self.inbound.stats_with(metric).unwrap();
        stats
            .iter()
            .map(|(_, value)| value.parse::<u64>().unwrap())
            .sum()
    }
}

#[test]
fn only_a_hybrid_group_that_the_proxy_shows_is_post_quantum() {
    let Some(settings) = Settings::for_test("key exchange").unwrap() else {
        return;
    };
    let pair = Pair::start(&settings, "required", &[tls_group()]);
    assert_eq!(pair.call("hybrid", &[]).0, 200);
    for caller in ["classical", "p256"] {
        let (status, body) = pair.call(caller, &[]);
        assert_eq!(status, 403, "{caller}: {body}");
        assert!(body.starts_with(REFUSED), "{caller}: {body}");
    }
    assert_eq!(pair.count("key_exchange_not_post_quantum"), 2 + 2);
    // A header is not filter state, whatever its name.
    for name in ["sallyport.tls_group", "x-sallyport-tls-group"] {
        let (status, body) = pair.call("classical", &[(name, "X25519MLKEM768")]);
        assert_eq!(
            (status, body.starts_with(REFUSED)),
            (403, true),
            "{name}: {body}"
        );
    }
    assert_eq!(pair.inbound.reloads().unwrap(), [""; 0]);
}

#[test]
fn a_group_that_the_proxy_does_not_show_is_refused() {
    let Some(settings) = Settings::for_test("key exchange without filter state").unwrap() else {
        return;
    };
    let pair = Pair::start(&settings, "required", &[]);
    let (status, body) = pair.call("hybrid", &[]);
    assert_eq!((status, body.starts_with(REFUSED)), (403, true), "{body}");
}

#[test]
fn where_it_is_preferred_classical_connections_pass_and_are_counted() {
    let Some(settings) = Settings::for_test("preferred key exchange").unwrap() else {
        return;
    };
    let pair = Pair::start(&settings, "preferred", &[tls_group()]);
    for caller in ["hybrid", "classical"] {
        let (status, body) = pair.call(caller, &[]);
        assert_eq!(status, 200, "{caller}: {body}");
    }
    assert_eq!(pair.count("sallyport.key_exchange_not_post_quantum"), 1);
}

/// Envoy lets a later filter overwrite filter state, read-only or not: so the entry stands directly
/// before the filter, as the guide says. When the second half fails, Envoy has changed.
#[test]
fn the_entry_directly_before_the_filter_counts() {
    let Some(settings) = Settings::for_test("order of filter state").unwrap() else {
        return;
    };
    let forged = set_filter_state("X25519MLKEM768");
    let pair = Pair::start(&settings, "required", &[forged.clone(), tls_group()]);
    let (status, body) = pair.call("classical", &[]);
    assert_eq!((status, body.starts_with(REFUSED)), (403, true), "{body}");
    assert_eq!(pair.call("hybrid", &[]).0, 200);

    let pair = Pair::start(&settings, "required", &[tls_group(), forged]);
    assert_eq!(pair.call("classical", &[]).0, 200);
}

/// As docs/post-quantum-auth.md gives it.
fn tls_group() -> Value {
    set_filter_state("%DOWNSTREAM_TLS_GROUP%")
}

fn set_filter_state(format: &str) -> Value {
    json!({
        "name": "envoy.filters.http.set_filter_state",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [{
                "object_key": "sallyport.tls_group",
                "factory_key": "envoy.string",
                "format_string": {
                    "text_format_source": {"inline_string": format},
                    "omit_empty_values": true,
                },
                "read_only": true,
                "skip_if_empty": true,
            }],
        },
    })
}

fn inbound(
    settings: &Settings,
    (world, scenario): (&World, &Scenario),
    rule: &str,
    before: &[Value],
) -> Value {
    let asked = json!({"spec": {"postQuantumAuth": {"keyExchange": rule}}});
    let document = scenario.policy.load_with(&asked).unwrap();
    let loaded = world.load_policy(document).unwrap();
    let module = settings.wasm.display().to_string();
    let filter = render::http_filter(&loaded, &module, FailStrategy::Reload).unwrap();
    let mut bootstrap = Inbound {
        identity: &world.server(&scenario.workload).unwrap(),
        trusted_pem: &world.trusted_pem(),
        filter: to_json(&filter).unwrap(),
        upstream_port: Upstream::start().unwrap().port(),
        maximum_headers: 100,
    }
    .bootstrap();
    put_before(&mut bootstrap, before);
    bootstrap
}

/// Puts filters before the others of each connection manager.
fn put_before(config: &mut Value, before: &[Value]) {
    match config {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let ("http_filters", Value::Array(filters)) = (name.as_str(), &mut *value) {
                    filters.splice(0..0, before.iter().cloned());
                } else {
                    put_before(value, before);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| put_before(item, before)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn outbound(world: &World, identity: &Identity, inbound_port: u16) -> Value {
    let trusted_pem = world.trusted_pem();
    let callers = CALLERS.map(|(name, _)| Caller {
        name,
        identity: Some(identity),
        trusted_pem: &trusted_pem,
    });
    let mut bootstrap = Outbound {
        callers: callers.into(),
        inbound_port,
    }
    .bootstrap();
    let clusters = bootstrap.pointer_mut("/static_resources/clusters");
    let clusters = clusters.and_then(Value::as_array_mut).unwrap();
    for ((_, group), cluster) in CALLERS.iter().zip(clusters) {
        // Below the PROXY protocol.
        let tls = "/transport_socket/typed_config/transport_socket/typed_config/common_tls_context";
        let context = cluster.pointer_mut(tls).and_then(Value::as_object_mut);
        let params = json!({
            "ecdh_curves": [group],
            // By itself Envoy as a client goes up to 1.2.
            "tls_maximum_protocol_version": "TLSv1_3",
        });
        context.unwrap().insert("tls_params".to_owned(), params);
    }
    bootstrap
}
