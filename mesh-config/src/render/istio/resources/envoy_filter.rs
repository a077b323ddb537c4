//! `EnvoyFilter`: what only the configuration of Envoy itself can say.
//!
//! Shapes: `envoy.extensions.filters.http.set_filter_state.v3.Config`,
//! `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`.

use serde::Serialize;

use crate::render::envoy::{HttpFilter, StatsTags};

/// Changes to the sidecars of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvoyFilter {
    config_patches: Vec<ConfigPatch>,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigPatch {
    apply_to: &'static str,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    place: Option<Match>,
    patch: Patch,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Match {
    context: &'static str,
    listener: Listener,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listener {
    filter_chain: FilterChain,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct FilterChain {
    filter: Filter,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_filter: Option<SubFilter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct SubFilter {
    name: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Patch {
    operation: &'static str,
    value: Value,
}

/// The variants share no key that would tell them apart, and need none: Envoy knows by `applyTo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Value {
    Wasm(Box<HttpFilter>),
    FilterState(Named<FilterState>),
    ConnectionManager(Named<ConnectionManager>),
    Bootstrap(StatsTags),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Named<T> {
    name: &'static str,
    typed_config: T,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct FilterState {
    #[serde(rename = "@type")]
    type_url: &'static str,
    on_request_headers: [StateEntry; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct StateEntry {
    object_key: &'static str,
    factory_key: &'static str,
    format_string: Format,
    read_only: bool,
    skip_if_empty: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Format {
    text_format_source: Inline,
    omit_empty_values: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Inline {
    inline_string: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ConnectionManager {
    #[serde(rename = "@type")]
    type_url: &'static str,
    #[serde(flatten)]
    setting: Setting,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Setting {
    ClientCertificate {
        forward_client_cert_details: &'static str,
        set_current_client_cert_details: CertificateDetails,
    },
    ConnectionDuration {
        common_http_protocol_options: ProtocolOptions,
        http1_safe_max_connection_duration: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ProtocolOptions {
    /// A `google.protobuf.Duration`, as JSON has it.
    max_connection_duration: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct CertificateDetails {
    cert: bool,
}

impl EnvoyFilter {
    /// No change yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            config_patches: Vec::new(),
        }
    }

    /// The wasm filter, just before the router: after Istio's own filters.
    #[must_use]
    pub fn with_wasm(self, filter: HttpFilter) -> Self {
        self.with(
            "HTTP_FILTER",
            Some(Match::inbound(Some(ROUTER))),
            "INSERT_BEFORE",
            Value::Wasm(Box::new(filter)),
        )
    }

    /// The TLS group of the connection as filter state, which the wasm filter reads. It has to be added
    /// before that filter, to stand directly in front of it: any filter in between could write
    /// another value.
    #[must_use]
    pub fn with_tls_group(self) -> Self {
        let state = Named {
            name: "envoy.filters.http.set_filter_state",
            typed_config: FilterState {
                type_url: "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
                on_request_headers: [StateEntry {
                    object_key: "sallyport.tls_group",
                    factory_key: "envoy.string",
                    format_string: Format {
                        text_format_source: Inline {
                            inline_string: "%DOWNSTREAM_TLS_GROUP%",
                        },
                        omit_empty_values: true,
                    },
                    read_only: true,
                    skip_if_empty: true,
                }],
            },
        };
        self.with(
            "HTTP_FILTER",
            Some(Match::inbound(Some(ROUTER))),
            "INSERT_BEFORE",
            Value::FilterState(state),
        )
    }

    /// The certificate of the peer in `x-forwarded-client-cert`, in place of what a client wrote
    /// there.
    #[must_use]
    pub fn with_certificate_header(self) -> Self {
        self.with_setting(Setting::ClientCertificate {
            forward_client_cert_details: "SANITIZE_SET",
            set_current_client_cert_details: CertificateDetails { cert: true },
        })
    }

    /// Connections end after so many seconds, without a request lost: with HTTP/2 by GOAWAY, with
    /// HTTP/1.1 after the next answer, which says so.
    #[must_use]
    pub fn with_connection_duration(self, seconds: u64) -> Self {
        self.with_setting(Setting::ConnectionDuration {
            common_http_protocol_options: ProtocolOptions {
                max_connection_duration: format!("{seconds}s"),
            },
            http1_safe_max_connection_duration: true,
        })
    }

    fn with_setting(self, setting: Setting) -> Self {
        let manager = Named {
            name: MANAGER,
            typed_config: ConnectionManager {
                type_url: "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                setting,
            },
        };
        self.with(
            "NETWORK_FILTER",
            Some(Match::inbound(None)),
            "MERGE",
            Value::ConnectionManager(manager),
        )
    }

    /// A label of the reason in metric names. Pods have it from their start on.
    #[must_use]
    pub fn with_stats_tags(self, tags: StatsTags) -> Self {
        self.with("BOOTSTRAP", None, "MERGE", Value::Bootstrap(tags))
    }

    fn with(
        mut self,
        apply_to: &'static str,
        place: Option<Match>,
        operation: &'static str,
        value: Value,
    ) -> Self {
        self.config_patches.push(ConfigPatch {
            apply_to,
            place,
            patch: Patch { operation, value },
        });
        self
    }
}

impl Default for EnvoyFilter {
    fn default() -> Self {
        Self::new()
    }
}

impl Match {
    fn inbound(sub_filter: Option<&'static str>) -> Self {
        Self {
            context: "SIDECAR_INBOUND",
            listener: Listener {
                filter_chain: FilterChain {
                    filter: Filter {
                        name: MANAGER,
                        sub_filter: sub_filter.map(|name| SubFilter { name }),
                    },
                },
            },
        }
    }
}

const MANAGER: &str = "envoy.filters.network.http_connection_manager";
const ROUTER: &str = "envoy.filters.http.router";
