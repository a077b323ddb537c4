//! The bootstrap configurations: a caller's sidecar and the called workload's, as Istio has them
//! where it costs something, and the application.

use sallyport_e2e::envoy::config::{
    bootstrap, certificate, cluster, connection_manager, loopback, router, typed,
};
use sallyport_e2e::world::Identity;
use serde_json::{Value, json};

use crate::credentials::Peer;
use crate::filters::{Filters, http2};
use crate::plan::{Application, Protocol};

/// The listener of the called workload's Envoy.
pub(crate) const INBOUND: &str = "inbound";
/// The listener of the application.
pub(crate) const APPLICATION: &str = "application";

/// The called workload's Envoy.
pub(crate) fn inbound(
    identity: &Identity,
    trusted_pem: &str,
    filters: Filters,
    application: Application,
    application_port: u16,
) -> Value {
    let Filters {
        filters,
        mut clusters,
    } = filters;
    let filters = [filters, vec![router()]].concat();
    let mut more = json!({
        "normalize_path": true,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "use_remote_address": false,
        "forward_client_cert_details": "APPEND_FORWARD",
        "set_current_client_cert_details": {"subject": true, "dns": true, "uri": true},
    });
    match application {
        Application::Upstream => clusters.push(cluster(APPLICATION, application_port, None)),
        Application::Direct => {
            if let Some(more) = more.as_object_mut() {
                more.insert("route_config".to_owned(), answering("ok"));
            }
        }
    }
    let listener = json!({
        "name": INBOUND,
        "traffic_direction": "INBOUND",
        "address": loopback(0),
        "filter_chains": [{
            "filters": [connection_manager(INBOUND, APPLICATION, &filters, &more)],
            "transport_socket": {
                "name": "envoy.transport_sockets.tls",
                "typed_config": typed(
                    "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                    &json!({
                        "require_client_certificate": true,
                        "common_tls_context": {
                            "tls_certificates": [certificate(identity)],
                            "validation_context": {"trusted_ca": {"inline_string": trusted_pem}},
                            "alpn_protocols": ["h2", "http/1.1"],
                        },
                    }),
                ),
            },
        }],
    });
    bootstrap(&[listener], &clusters)
}

/// The callers' Envoy: a listener for each cell, each with a cluster for each of its callers, which
/// take turns.
pub(crate) struct Outbound<'a> {
    listeners: Vec<Value>,
    clusters: Vec<Value>,
    trusted_pem: &'a str,
    protocol: Protocol,
}

impl<'a> Outbound<'a> {
    pub(crate) const fn new(trusted_pem: &'a str, protocol: Protocol) -> Self {
        Self {
            listeners: Vec::new(),
            clusters: Vec::new(),
            trusted_pem,
            protocol,
        }
    }

    /// Adds a cell, whose called workload listens at `port`.
    pub(crate) fn add(&mut self, cell: &str, port: u16, peers: &[Peer]) {
        let name = |number: usize| format!("{cell}-{number}");
        let weights: Vec<Value> = peers
            .iter()
            .enumerate()
            .map(|(number, peer)| {
                let headers = peer
                    .token
                    .iter()
                    .map(|(key, value)| json!({"header": {"key": key, "value": value}}));
                json!({
                    "name": name(number),
                    "weight": 1,
                    "request_headers_to_add": headers.collect::<Vec<_>>(),
                })
            })
            .collect();
        for (number, peer) in peers.iter().enumerate() {
            let cluster = self.cluster(&name(number), port, peer);
            self.clusters.push(cluster);
        }
        let routes = json!({"virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{
                "match": {"prefix": "/"},
                "route": {"weighted_clusters": {"clusters": weights}},
            }],
        }]});
        let more = json!({"route_config": routes});
        self.listeners.push(json!({
            "name": cell,
            "traffic_direction": "OUTBOUND",
            "address": loopback(0),
            "filter_chains": [{
                "filters": [connection_manager("outbound", "", &[router()], &more)],
            }],
        }));
    }

    fn cluster(&self, name: &str, port: u16, peer: &Peer) -> Value {
        let alpn = match self.protocol {
            Protocol::Http1 => "http/1.1",
            Protocol::Http2 => "h2",
        };
        let socket = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": typed(
                "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                &json!({
                    "common_tls_context": {
                        "tls_certificates": [certificate(&peer.identity)],
                        "validation_context": {"trusted_ca": {"inline_string": self.trusted_pem}},
                        "alpn_protocols": [alpn],
                    },
                }),
            ),
        });
        let mut cluster = cluster(name, port, Some(socket));
        if let (Protocol::Http2, Some(cluster)) = (self.protocol, cluster.as_object_mut()) {
            cluster.insert("typed_extension_protocol_options".to_owned(), http2());
        }
        cluster
    }

    /// The bootstrap configuration. Without statistics: those of so many clusters would be work
    /// that disturbs the measurement every few seconds.
    pub(crate) fn bootstrap(self) -> Value {
        let mut bootstrap = bootstrap(&self.listeners, &self.clusters);
        if let Some(bootstrap) = bootstrap.as_object_mut() {
            let none = json!({"stats_matcher": {"reject_all": true}});
            bootstrap.insert("stats_config".to_owned(), none);
        }
        bootstrap
    }
}

/// The application: another Envoy that answers with 1 kB.
pub(crate) fn application() -> Value {
    let more = json!({"route_config": answering(&"x".repeat(1024))});
    let listener = json!({
        "name": APPLICATION,
        "address": loopback(0),
        "filter_chains": [{
            "filters": [connection_manager(APPLICATION, "", &[router()], &more)],
        }],
    });
    bootstrap(&[listener], &[])
}

fn answering(body: &str) -> Value {
    json!({"virtual_hosts": [{
        "name": "all",
        "domains": ["*"],
        "routes": [{
            "match": {"prefix": "/"},
            "direct_response": {"status": 200, "body": {"inline_string": body}},
        }],
    }]})
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use sallyport_e2e::settings::Settings;

    use super::*;
    use crate::credentials::Authorities;
    use crate::filters::Parts;
    use crate::plan::{Cell, Variant};

    /// Tokens need no other configuration than certificates.
    const VARIANTS: [Variant; 10] = [
        Variant::NoFilter,
        Variant::NoOp,
        Variant::Calls,
        Variant::Rbac,
        Variant::Jwt,
        Variant::JwtCached,
        Variant::JwtRbac,
        Variant::Opa,
        Variant::Certificate,
        Variant::Deny,
    ];

    #[test]
    fn envoy_accepts_each_configuration() {
        let Some(settings) = Settings::for_test("envoy_accepts_each_configuration").unwrap() else {
            return;
        };
        let authorities = Authorities::new().unwrap();
        let parts = Parts {
            module: &settings.wasm,
            noop: &settings.wasm,
            calls: &settings.wasm,
            authorities: &authorities,
            opa_port: Some(1),
        };
        let (trusted, server) = (authorities.trusted_pem(), authorities.server().unwrap());
        let mut found = vec![application()];
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let mut outbound = Outbound::new(&trusted, protocol);
            outbound.add("one", 1, &[authorities.token_peer(0).unwrap()]);
            found.push(outbound.bootstrap());
        }
        for (number, variant) in VARIANTS.into_iter().enumerate() {
            let filters = parts.filters(&Cell::new(variant, 10, 2)).unwrap();
            let application = [Application::Direct, Application::Upstream][number % 2];
            found.push(inbound(&server, &trusted, filters, application, 1));
        }
        let folder = tempfile::tempdir().unwrap();
        for (number, bootstrap) in found.iter().enumerate() {
            let path = folder.path().join(format!("{number}.json"));
            fs::write(&path, bootstrap.to_string()).unwrap();
            let output = Command::new(&settings.envoy)
                .args(["--mode", "validate", "-l", "error", "-c"])
                .arg(&path)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "configuration {number}: {text}");
        }
    }
}
