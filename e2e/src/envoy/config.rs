//! Bootstrap configurations, as Istio's sidecars have them where it matters to the filter.

use serde::Serialize;
use serde_json::{Value, json};

use crate::HarnessError;
use crate::world::Identity;

/// The name of the listener that a called workload's sidecar has.
pub const INBOUND: &str = "inbound";
/// Asked for by clients of the listener that requires and validates their certificates.
pub const MUTUAL_TLS_NAME: &str = "mutual.test";
/// Asked for by clients of the listener that does neither.
pub const LENIENT_TLS_NAME: &str = "lenient.test";

/// The sidecar of a called workload.
#[derive(Debug)]
pub struct Inbound<'a> {
    /// What it presents.
    pub identity: &'a Identity,
    /// The CA certificates that it trusts, in PEM.
    pub trusted_pem: &'a str,
    /// The entry of the filter under test in `http_filters`.
    pub filter: Value,
    /// Where the application listens.
    pub upstream_port: u16,
    /// Headers of a request, at most. Envoy's default is 100.
    pub maximum_headers: u32,
}

/// The sidecar of callers.
#[derive(Debug)]
pub struct Outbound<'a> {
    /// The callers: each has a listener of its name.
    pub callers: Vec<Caller<'a>>,
    /// The port of the called workload's sidecar.
    pub inbound_port: u16,
}

/// A calling workload.
#[derive(Debug)]
pub struct Caller<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it presents; without it, it speaks plaintext.
    pub identity: Option<&'a Identity>,
    /// The CA certificates that it trusts, in PEM.
    pub trusted_pem: &'a str,
}

/// Any value as JSON.
///
/// # Errors
/// When the value has no JSON form.
pub fn to_json(value: &impl Serialize) -> Result<Value, HarnessError> {
    serde_json::to_value(value).map_err(|cause| HarnessError::Json {
        what: "a piece of Envoy's configuration",
        cause,
    })
}

impl Inbound<'_> {
    /// The bootstrap configuration.
    #[must_use]
    pub fn bootstrap(&self) -> Value {
        let tls_inspector = json!({
            "name": "envoy.filters.listener.tls_inspector",
            "typed_config": typed(
                "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
                &json!({}),
            ),
        });
        let connection_manager = self.connection_manager();
        let chain = |name: &str, matched: Value, tls: Option<Value>| {
            let mut chain = json!({
                "name": name,
                "filter_chain_match": matched,
                "filters": [connection_manager],
            });
            if let (Some(tls), Some(chain)) = (tls, chain.as_object_mut()) {
                chain.insert("transport_socket".to_owned(), tls);
            }
            chain
        };
        let named = |name: &str| json!({"transport_protocol": "tls", "server_names": [name]});
        let listener = json!({
            "name": INBOUND,
            // The filter insists on it, as istiod sets it.
            "traffic_direction": "INBOUND",
            "address": loopback(0),
            "listener_filters": [proxy_protocol(), tls_inspector],
            "filter_chains": [
                chain("mutual", named(MUTUAL_TLS_NAME), Some(self.downstream_tls(true))),
                chain("lenient", named(LENIENT_TLS_NAME), Some(self.downstream_tls(false))),
                chain("plaintext", json!({"transport_protocol": "raw_buffer"}), None),
            ],
        });
        let cluster = cluster("application", self.upstream_port, None);
        let mut bootstrap = bootstrap(&[listener], &[cluster]);
        let tags = sallyport_mesh_config::render::envoy::stats_tags();
        if let (Ok(Value::Object(tags)), Some(bootstrap)) =
            (serde_json::to_value(tags), bootstrap.as_object_mut())
        {
            bootstrap.extend(tags);
        }
        bootstrap
    }

    fn connection_manager(&self) -> Value {
        let filters = [self.filter.clone(), router()];
        connection_manager(
            INBOUND,
            "application",
            &filters,
            &json!({
                "normalize_path": true,
                "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
                "use_remote_address": false,
                "forward_client_cert_details": "APPEND_FORWARD",
                "set_current_client_cert_details": {
                    "subject": true, "cert": true, "chain": true, "dns": true, "uri": true,
                },
                "common_http_protocol_options": {"max_headers_count": self.maximum_headers},
                "access_log": [{
                    "name": "envoy.access_loggers.stdout",
                    "typed_config": typed(
                        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                        &json!({"log_format": {"text_format_source": {"inline_string": ACCESS_LOG}}}),
                    ),
                }],
            }),
        )
    }

    fn downstream_tls(&self, strict: bool) -> Value {
        let mut validation = json!({"trusted_ca": {"inline_string": self.trusted_pem}});
        if let (false, Some(validation)) = (strict, validation.as_object_mut()) {
            validation.insert(
                "trust_chain_verification".to_owned(),
                json!("ACCEPT_UNTRUSTED"),
            );
        }
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": typed(
                "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                &json!({
                    "require_client_certificate": strict,
                    "common_tls_context": {
                        "tls_certificates": [certificate(self.identity)],
                        "validation_context": validation,
                        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                    },
                }),
            ),
        })
    }
}

impl Outbound<'_> {
    /// The bootstrap configuration.
    #[must_use]
    pub fn bootstrap(&self) -> Value {
        let listeners: Vec<Value> = self.callers.iter().map(Caller::listener).collect();
        let clusters: Vec<Value> = self
            .callers
            .iter()
            .map(|caller| caller.cluster(self.inbound_port))
            .collect();
        bootstrap(&listeners, &clusters)
    }
}

impl Caller<'_> {
    fn listener(&self) -> Value {
        json!({
            "name": self.name,
            "traffic_direction": "OUTBOUND",
            "address": loopback(0),
            "listener_filters": [proxy_protocol()],
            "filter_chains": [{"filters": [
                connection_manager(self.name, self.name, &[router()], &json!({}))
            ]}],
        })
    }

    fn cluster(&self, port: u16) -> Value {
        let socket = match self.identity {
            None => json!({
                "name": "envoy.transport_sockets.raw_buffer",
                "typed_config": typed(
                    "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
                    &json!({}),
                ),
            }),
            Some(identity) => json!({
                "name": "envoy.transport_sockets.tls",
                "typed_config": typed(
                    "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                    &json!({
                        "sni": MUTUAL_TLS_NAME,
                        "common_tls_context": {
                            "tls_certificates": [certificate(identity)],
                            "validation_context": {
                                "trusted_ca": {"inline_string": self.trusted_pem},
                            },
                        },
                    }),
                ),
            }),
        };
        // Tells the other sidecar the addresses that this one was told.
        let socket = json!({
            "name": "envoy.transport_sockets.upstream_proxy_protocol",
            "typed_config": typed(
                "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
                &json!({"config": {"version": "V1"}, "transport_socket": socket}),
            ),
        });
        cluster(self.name, port, Some(socket))
    }
}

/// A bootstrap configuration with an administration interface on a free port.
#[must_use]
pub fn bootstrap(listeners: &[Value], clusters: &[Value]) -> Value {
    json!({
        "node": {"id": "e2e", "cluster": "e2e"},
        "admin": {"address": loopback(0)},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

/// A network filter that speaks HTTP and sends everything to one cluster. `more` are fields that it
/// has besides, or instead.
#[must_use]
pub fn connection_manager(name: &str, cluster: &str, filters: &[Value], more: &Value) -> Value {
    let mut config = json!({
        "stat_prefix": name,
        "http_filters": filters,
        "route_config": {"virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster}}],
        }]},
    });
    if let (Some(config), Some(more)) = (config.as_object_mut(), more.as_object()) {
        config.extend(more.clone());
    }
    json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": typed(
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            &config,
        ),
    })
}

/// The PROXY protocol stands for the redirection to sidecars: it keeps the caller's address and the
/// port that it connected to.
fn proxy_protocol() -> Value {
    json!({
        "name": "envoy.filters.listener.proxy_protocol",
        "typed_config": typed(
            "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
            &json!({}),
        ),
    })
}

/// The last entry of `http_filters`.
#[must_use]
pub fn router() -> Value {
    json!({
        "name": "envoy.filters.http.router",
        "typed_config": typed("envoy.extensions.filters.http.router.v3.Router", &json!({})),
    })
}

/// A cluster of one address of the loopback interface.
#[must_use]
pub fn cluster(name: &str, port: u16, socket: Option<Value>) -> Value {
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": loopback(port)}}]}],
        },
    });
    if let (Some(socket), Some(cluster)) = (socket, cluster.as_object_mut()) {
        cluster.insert("transport_socket".to_owned(), socket);
    }
    cluster
}

/// An entry of `tls_certificates`.
#[must_use]
pub fn certificate(identity: &Identity) -> Value {
    json!({
        "certificate_chain": {"inline_string": identity.certificate_pem},
        "private_key": {"inline_string": identity.key_pem},
    })
}

/// An address of the loopback interface; port 0 is any free one.
#[must_use]
pub fn loopback(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

/// A message with its type.
#[must_use]
pub fn typed(name: &str, message: &Value) -> Value {
    let mut typed = json!({"@type": format!("type.googleapis.com/{name}")});
    if let (Some(typed), Some(message)) = (typed.as_object_mut(), message.as_object()) {
        typed.extend(message.clone());
    }
    typed
}

const ACCESS_LOG: &str = "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% [%FILTER_STATE(wasm.sallyport:PLAIN)%]\n";
