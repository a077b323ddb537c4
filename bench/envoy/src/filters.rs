//! The entries of `http_filters` that are compared.

use std::path::Path;

use sallyport_e2e::envoy::config::{cluster, to_json, typed};
use sallyport_mesh_config::render::{FailStrategy, envoy as render};
use serde_json::{Value, json};

use crate::credentials::{AUDIENCE, Authorities, CALLERS, JWT_ISSUER, TRUST_DOMAIN};
use crate::error::BenchError;
use crate::plan::{Cell, Variant};
use crate::policy::{Callers, Mesh};

/// What filters are made of.
pub(crate) struct Parts<'a> {
    /// The filter under test.
    pub(crate) module: &'a Path,
    /// The module that does nothing.
    pub(crate) noop: &'a Path,
    /// The module that makes the filter's host calls.
    pub(crate) calls: &'a Path,
    /// The authorities of the run.
    pub(crate) authorities: &'a Authorities,
    /// Where OPA's server listens, if it runs.
    pub(crate) opa_port: Option<u16>,
}

/// The filters of a cell, and the clusters that they need.
pub(crate) struct Filters {
    /// In front of the router.
    pub(crate) filters: Vec<Value>,
    /// Beside those of the application.
    pub(crate) clusters: Vec<Value>,
}

impl Parts<'_> {
    /// The filters of a cell.
    pub(crate) fn filters(&self, cell: &Cell) -> Result<Filters, BenchError> {
        let filters = match cell.variant {
            Variant::NoFilter => Vec::new(),
            Variant::NoOp | Variant::NoOpTokens => vec![module("noop", self.noop)],
            Variant::Calls => vec![module("calls", self.calls)],
            Variant::Rbac => vec![rbac()],
            Variant::Jwt => vec![self.jwt(false)?],
            Variant::JwtCached => vec![self.jwt(true)?],
            Variant::JwtRbac => vec![self.jwt(false)?, rbac()],
            Variant::Opa => vec![ext_authz()],
            Variant::Certificate | Variant::Token => {
                vec![self.sallyport(cell, Callers::Workloads)?]
            }
            Variant::Deny => vec![self.sallyport(cell, Callers::Aggregators)?],
        };
        let clusters = self.opa_port.map(opa_cluster);
        Ok(Filters {
            filters,
            clusters: clusters.into_iter().collect(),
        })
    }

    fn sallyport(&self, cell: &Cell, callers: Callers) -> Result<Value, BenchError> {
        let policy = Mesh::new(cell.flows, cell.peers).load(self.authorities, callers)?;
        let module = self.module.display().to_string();
        let filter = render::http_filter(&policy, &module, FailStrategy::Reload)
            .map_err(sallyport_e2e::HarnessError::from)?;
        Ok(to_json(&filter)?)
    }

    fn jwt(&self, is_cached: bool) -> Result<Value, BenchError> {
        let mut provider = json!({
            "issuer": JWT_ISSUER,
            "audiences": [AUDIENCE],
            "forward": true,
            "local_jwks": {"inline_string": self.authorities.jwks()?.to_string()},
        });
        if let (true, Some(provider)) = (is_cached, provider.as_object_mut()) {
            provider.insert(
                "jwt_cache_config".to_owned(),
                json!({"jwt_cache_size": 100}),
            );
        }
        Ok(filter(
            "envoy.filters.http.jwt_authn",
            "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            &json!({
                "providers": {"issuer": provider},
                "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}],
            }),
        ))
    }
}

/// A module that needs no configuration.
fn module(name: &str, path: &Path) -> Value {
    let config = json!({
        "name": name,
        "root_id": name,
        "vm_config": {
            "vm_id": name,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": path.display().to_string()}},
        },
        "failure_policy": "FAIL_RELOAD",
    });
    filter(
        name,
        "envoy.extensions.filters.http.wasm.v3.Wasm",
        &json!({"config": config}),
    )
}

/// One rule about the caller, not a hundred flows: the least that it can cost.
fn rbac() -> Value {
    let prefix = format!("spiffe://{TRUST_DOMAIN}/ns/{CALLERS}/");
    filter(
        "envoy.filters.http.rbac",
        "envoy.extensions.filters.http.rbac.v3.RBAC",
        &json!({"rules": {"action": "ALLOW", "policies": {"callers": {
            "permissions": [{"any": true}],
            "principals": [{"authenticated": {"principal_name": {"prefix": prefix}}}],
        }}}}),
    )
}

fn ext_authz() -> Value {
    filter(
        "envoy.filters.http.ext_authz",
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        &json!({
            "transport_api_version": "V3",
            "failure_mode_allow": false,
            "grpc_service": {"envoy_grpc": {"cluster_name": OPA}, "timeout": "5s"},
        }),
    )
}

fn opa_cluster(port: u16) -> Value {
    let mut cluster = cluster(OPA, port, None);
    if let Some(cluster) = cluster.as_object_mut() {
        cluster.insert("typed_extension_protocol_options".to_owned(), http2());
    }
    cluster
}

/// The protocol options of a cluster that speaks HTTP/2.
pub(crate) fn http2() -> Value {
    let name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let options = json!({"explicit_http_config": {"http2_protocol_options": {}}});
    json!({name: typed(name, &options)})
}

fn filter(name: &str, kind: &str, config: &Value) -> Value {
    json!({"name": name, "typed_config": typed(kind, config)})
}

const OPA: &str = "opa";
