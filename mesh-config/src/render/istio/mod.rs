//! Resources for Istio: for each namespace one that carries the filter and the slice of the policy,
//! and those that keep connections out which the filter would not see.
//!
//! docs/rendering.md says what each of them closes. Output is deterministic.

mod coverage;
pub mod document;
mod module;
mod remark;
pub mod resources;
mod version;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sallyport_engine::hexadecimal;
use sallyport_engine::policy::{KeyExchangeRule, Mode};
use serde_json::Value;

use super::fields::{self, ModuleVersion};
use super::plugin::text;
use super::slice::{Slice, Slicer};
use super::{FailStrategy, envoy, slice_config};
use crate::finding::{Code, Finding};
use crate::manifests::Object;
use crate::policy_file::LoadedPolicy;
use crate::workloads::Inventory;
use coverage::{Coverage, Namespace};
use resources::{
    AuthorizationPolicy, EnvoyFilter, PeerAuthentication, Resource, Spec, TrafficExtension, Wasm,
    WasmPlugin,
};

pub use module::{InvalidModule, Module, Source};
pub use remark::{Remark, WorkloadName};
pub use version::{InvalidIstioVersion, IstioVersion};

/// Which resource carries the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `WasmPlugin`.
    WasmPlugin,
    /// `TrafficExtension`, from Istio 1.30 on.
    TrafficExtension,
    /// `EnvoyFilter`.
    EnvoyFilter,
}

/// What is to be rendered, and for whom.
#[derive(Clone)]
pub struct Request<'a> {
    /// The policy.
    pub policy: &'a LoadedPolicy,
    /// The workloads that are known.
    pub inventory: &'a Inventory,
    /// What else is known of the cluster.
    pub objects: &'a [Object],
    /// Which resource carries the filter.
    pub target: Target,
    /// The release of Istio.
    pub version: IstioVersion,
    /// The wasm module.
    pub module: &'a Module,
    /// The version of the module.
    pub module_version: ModuleVersion,
    /// Name of a secret of the namespaces, to pull the module with.
    pub image_pull_secret: Option<&'a str>,
    /// What a proxy does with requests when the filter itself fails.
    pub strategy: FailStrategy,
    /// What is left out.
    pub without: &'a BTreeSet<Part>,
    /// The namespace whose resources Istio applies to the whole mesh.
    pub root_namespace: &'a str,
    /// After how many seconds connections end, so that callers' new certificates are seen.
    pub connection_seconds: u64,
    /// Ports, by namespace, that stay open to any connection of the mesh.
    pub open_tcp: &'a BTreeSet<(String, u16)>,
}

/// A part of the rendering that can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `PeerAuthentication` with mode STRICT.
    PeerAuthentication,
    /// `AuthorizationPolicy` against connections that the filter does not see.
    AuthorizationPolicy,
    /// The `EnvoyFilter` that puts the certificate of the peer into a header, where it is needed.
    CertificateHeader,
    /// The `EnvoyFilter` that lets connections end.
    ConnectionDuration,
    /// The `EnvoyFilter` patch that makes a label of the reason in metric names.
    StatsTags,
}

/// What was rendered.
#[derive(Debug)]
pub struct Rendering {
    /// The resources, by namespace.
    pub resources: Vec<Resource>,
    /// What was rendered for each namespace.
    pub namespaces: Vec<Rendered>,
    /// What is not covered, and what else an operator should know.
    pub remarks: Vec<Remark>,
}

/// What was rendered for a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The namespace.
    pub name: String,
    /// How many of its workloads are covered.
    pub workloads: usize,
    /// Bytes of the configuration of the filter.
    pub bytes: usize,
    /// SHA-256 of its slice.
    pub sha256: [u8; 32],
}

/// Renders. `progress` is called after each namespace, with how many are done and how many there are.
///
/// # Errors
/// Everything that keeps the result from protecting, or Istio from accepting it.
pub fn render(
    request: &Request<'_>,
    mut progress: impl FnMut(usize, usize),
) -> Result<Rendering, Vec<Finding>> {
    let document = &request.policy.document;
    let slicer = Slicer::new(document);
    let coverage = Coverage::new(&slicer, request.inventory);
    let mut findings = refusals(request, &coverage);
    let strict = strict_namespaces(request, &coverage, &mut findings);
    let mut rendering = Rendering {
        resources: Vec::new(),
        namespaces: Vec::new(),
        remarks: remark::remarks(request, &slicer, &coverage, &strict),
    };
    let total = coverage.namespaces.len();
    for (done, (name, namespace)) in coverage.namespaces.iter().enumerate() {
        let slice = match slicer.slice(name) {
            Ok(Some(slice)) => slice,
            // A namespace is covered because segments have workloads in it.
            Ok(None) => continue,
            Err(error) => {
                findings.push(Finding::new(Code::OtherForm, "", error.to_string()));
                break;
            }
        };
        match rendered(request, name, namespace, &slice, &mut rendering.resources) {
            Ok(rendered) => rendering.namespaces.push(rendered),
            Err(finding) => findings.push(finding),
        }
        if !strict.contains(*name) {
            rendering
                .resources
                .extend(peer_authentication(request, name));
        }
        rendering
            .resources
            .extend(authorization_policy(request, name, namespace));
        progress(done.saturating_add(1), total);
    }
    if findings.is_empty() {
        Ok(rendering)
    } else {
        Err(findings)
    }
}

/// Whether a policy in shadow is rendered: then nothing that is rendered refuses anything.
pub(super) fn in_shadow(request: &Request<'_>) -> bool {
    request.policy.document.spec.mode == Mode::Shadow
}

/// What the target, the release or the module cannot do.
fn refusals(request: &Request<'_>, coverage: &Coverage<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Request {
        target, version, ..
    } = request;
    let document = &request.policy.document;
    let mut refuse = |code, path: &str, text: String, hint: &str| {
        findings.push(Finding::new(code, path, text).with_hint(hint));
    };
    if *target == Target::TrafficExtension && !version.has_traffic_extension() {
        refuse(
            Code::TargetUnsupported,
            "--target",
            format!("Istio {version} does not know `TrafficExtension`"),
            "render for `wasmplugin`",
        );
    }
    if *target == Target::EnvoyFilter && request.module.source() != Source::File {
        refuse(
            Code::TargetUnsupported,
            "--module",
            "the module of an `EnvoyFilter` is not fetched by Istio".to_owned(),
            "give a `file://` module, or render for another target",
        );
    }
    let asked = document.spec.post_quantum_auth.as_ref();
    if asked.is_some_and(|asked| asked.key_exchange() == KeyExchangeRule::Required)
        && !shows_key_exchange(request)
    {
        refuse(
            Code::KeyExchangeHidden,
            "spec.postQuantumAuth.keyExchange",
            format!("`required` would refuse every caller: {}", hidden(request)),
            "render for `envoyfilter` and Istio 1.31, or ask for `preferred`",
        );
    }
    if let Err(error) = request.strategy.check(document) {
        let path = "--fail-strategy";
        findings.push(Finding::new(
            Code::TargetUnsupported,
            path,
            error.to_string(),
        ));
    }
    match serde_json::to_value(document) {
        Ok(value) => findings.extend(fields::unknown(&value, request.module_version)),
        Err(error) => findings.push(Finding::new(Code::OtherForm, "", error.to_string())),
    }
    for (namespace, port) in request.open_tcp {
        let known = coverage.namespaces.get(namespace.as_str());
        if known.is_some_and(|namespace| namespace.http.contains(port)) {
            let text = format!("port {port} of namespace `{namespace}` is one of HTTP");
            let finding = Finding::new(Code::PortIsHttp, "--open-tcp", text);
            findings.push(finding.with_hint("leave it out: the filter decides about its requests"));
        }
    }
    let root = request.root_namespace;
    if let Some(namespace) = coverage.namespaces.get(root) {
        let names: Vec<&str> = namespace
            .covered
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        let text = format!(
            "what is rendered for the root namespace `{root}` would apply to the whole mesh, and refuse \
             what other namespaces are called for (workloads: {})",
            names.join(", ")
        );
        findings.push(Finding::new(Code::RootNamespace, "", text));
    }
    if coverage.namespaces.is_empty() {
        let text = "no workload that is known belongs to a segment of the policy";
        let finding = Finding::new(Code::NothingCovered, "spec.segments", text);
        findings.push(finding.with_hint(
            "compare namespaces and service accounts of the segments with those of the workloads",
        ));
    }
    findings
}

/// Whether the filter can learn the key exchange of a connection.
fn shows_key_exchange(request: &Request<'_>) -> bool {
    request.target == Target::EnvoyFilter && request.version.shows_key_exchange()
}

fn hidden(request: &Request<'_>) -> String {
    if request.target == Target::EnvoyFilter {
        let envoy = request.version.envoy();
        format!(
            "Envoy 1.{envoy} of Istio {} does not show it",
            request.version
        )
    } else {
        "only an `EnvoyFilter` shows it to the filter".to_owned()
    }
}

/// Namespaces that have a `PeerAuthentication` of their own with STRICT. Of several for a whole
/// namespace Istio takes the oldest, so another one that is not strict may win over ours.
fn strict_namespaces<'a>(
    request: &Request<'a>,
    coverage: &Coverage<'_>,
    findings: &mut Vec<Finding>,
) -> BTreeSet<&'a str> {
    let mut strict = BTreeSet::new();
    if request.without.contains(&Part::PeerAuthentication) {
        return strict;
    }
    for object in request.objects {
        let Some(namespace) = object.namespace.as_deref() else {
            if object.is("security.istio.io", "PeerAuthentication") {
                let text = "the PeerAuthentication does not say its namespace";
                let hint = "write `metadata.namespace`, or give `--namespace`";
                let finding = object.finding(Code::NamespaceUnknown, "metadata", text);
                findings.push(finding.with_hint(hint));
            }
            continue;
        };
        let has_selector = object
            .value
            .pointer("/spec/selector")
            .is_some_and(|it| !it.is_null());
        if !object.is("security.istio.io", "PeerAuthentication")
            || has_selector
            || !coverage.namespaces.contains_key(namespace)
        {
            continue;
        }
        if object
            .value
            .pointer("/spec/mtls/mode")
            .and_then(Value::as_str)
            == Some("STRICT")
        {
            strict.insert(namespace);
        } else if !in_shadow(request) {
            let text = "this PeerAuthentication of a covered namespace is not STRICT";
            findings.push(object.finding(Code::NotStrict, "spec.mtls.mode", text));
        }
    }
    strict
}

/// Adds the resource that carries the filter, and what it needs.
fn rendered(
    request: &Request<'_>,
    name: &str,
    namespace: &Namespace<'_>,
    slice: &Slice,
    resources: &mut Vec<Resource>,
) -> Result<Rendered, Finding> {
    let failed =
        |error: super::InvalidRendering| Finding::new(Code::OtherForm, "", error.to_string());
    let config = slice_config(slice);
    let config_text = text(&config).map_err(failed)?;
    let bytes = config_text.len();
    if bytes > MAXIMUM_BYTES {
        let text = format!("the configuration of namespace `{name}` is {bytes} bytes long");
        return Err(Finding::new(Code::TooLarge, "", text));
    }
    let wasm = || {
        Wasm::new(
            request.module,
            request.image_pull_secret,
            request.strategy,
            config,
        )
    };
    let spec = match request.target {
        Target::WasmPlugin => Spec::WasmPlugin(WasmPlugin::from(wasm())),
        Target::TrafficExtension => Spec::TrafficExtension(TrafficExtension::from(wasm())),
        Target::EnvoyFilter => Spec::EnvoyFilter(envoy_filter(request, config_text)),
    };
    let mut metadata = metadata(request, name, NAME);
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(SLICE_SHA256.to_owned(), hexadecimal::encode(&slice.sha256));
    resources.push(Resource::new(metadata, spec));
    if request.target != Target::EnvoyFilter {
        resources.extend(beside(request, name));
    }
    Ok(Rendered {
        name: name.to_owned(),
        workloads: namespace.covered.len(),
        bytes,
        sha256: slice.sha256,
    })
}

/// What only an `EnvoyFilter` can say, where another resource carries the filter.
fn beside(request: &Request<'_>, namespace: &str) -> impl Iterator<Item = Resource> {
    let certificate = needs_certificate_header(request).then(|| {
        (
            CERTIFICATE_NAME,
            EnvoyFilter::new().with_certificate_header(),
        )
    });
    let seconds = request.connection_seconds;
    let connections = ends_connections(request).then(|| {
        (
            CONNECTIONS_NAME,
            EnvoyFilter::new().with_connection_duration(seconds),
        )
    });
    let filters = certificate.into_iter().chain(connections);
    filters.map(|(name, filter)| {
        let metadata = metadata(request, namespace, name);
        Resource::new(metadata, Spec::EnvoyFilter(filter))
    })
}

fn envoy_filter(request: &Request<'_>, config: String) -> EnvoyFilter {
    // It was asked before whether the module is a file.
    let path = request.module.path().unwrap_or_default();
    let mut filter = EnvoyFilter::new();
    let asked = request.policy.document.spec.post_quantum_auth.as_ref();
    if asked.is_some_and(|asked| asked.key_exchange().is_read()) && shows_key_exchange(request) {
        filter = filter.with_tls_group();
    }
    filter = filter.with_wasm(envoy::http_filter_of(config, path, request.strategy));
    if needs_certificate_header(request) {
        filter = filter.with_certificate_header();
    }
    if ends_connections(request) {
        filter = filter.with_connection_duration(request.connection_seconds);
    }
    if !request.without.contains(&Part::StatsTags) {
        filter = filter.with_stats_tags(envoy::stats_tags());
    }
    filter
}

/// Whether the filter gets the certificate of the peer from a header only.
pub(super) fn needs_certificate_header(request: &Request<'_>) -> bool {
    !request.version.shows_certificate() && !request.without.contains(&Part::CertificateHeader)
}

fn ends_connections(request: &Request<'_>) -> bool {
    !request.without.contains(&Part::ConnectionDuration)
}

fn peer_authentication(request: &Request<'_>, namespace: &str) -> Option<Resource> {
    // It cannot be tried without refusing plaintext.
    if request.without.contains(&Part::PeerAuthentication) || in_shadow(request) {
        return None;
    }
    let metadata = metadata(request, namespace, PEER_AUTHENTICATION_NAME);
    let spec = Spec::PeerAuthentication(PeerAuthentication::strict());
    Some(Resource::new(metadata, spec))
}

fn authorization_policy(
    request: &Request<'_>,
    name: &str,
    namespace: &Namespace<'_>,
) -> Option<Resource> {
    if request.without.contains(&Part::AuthorizationPolicy) {
        return None;
    }
    let open = request.open_tcp.iter().filter(|(of, _)| of == name);
    let mut open: BTreeSet<u16> = open.map(|(_, port)| *port).collect();
    open.extend(&namespace.gateways);
    let mut metadata = metadata(request, name, NAME);
    if in_shadow(request) {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(DRY_RUN.to_owned(), "true".to_owned());
    }
    let spec = AuthorizationPolicy::closing(&namespace.http, &open);
    Some(Resource::new(metadata, Spec::AuthorizationPolicy(spec)))
}

fn metadata(request: &Request<'_>, namespace: &str, name: &str) -> ObjectMeta {
    let labels = [("app.kubernetes.io/managed-by", "sallyport")];
    let policy = hexadecimal::encode(&request.policy.sha256);
    let annotations = [
        (
            RENDERED_BY,
            concat!("sallyport ", env!("CARGO_PKG_VERSION")),
        ),
        (POLICY_SHA256, &policy),
        (MODULE_SHA256, request.module.sha256()),
    ];
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        labels: Some(texts(&labels)),
        annotations: Some(texts(&annotations)),
        ..ObjectMeta::default()
    }
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// One name in each namespace and for each policy: Istio replaces the configuration of a filter
/// without a gap only where the resource stays the same one.
const NAME: &str = "sallyport";
const CERTIFICATE_NAME: &str = "sallyport-client-certificate";
const CONNECTIONS_NAME: &str = "sallyport-connections";
/// The name that Istio's documentation gives it: there is one for a namespace.
const PEER_AUTHENTICATION_NAME: &str = "default";
const RENDERED_BY: &str = "sallyport.dev/rendered-by";
const POLICY_SHA256: &str = "sallyport.dev/policy-sha256";
const SLICE_SHA256: &str = "sallyport.dev/slice-sha256";
const MODULE_SHA256: &str = "sallyport.dev/module-sha256";
const DRY_RUN: &str = "istio.io/dry-run";
/// etcd stores 1.5 MiB at most, and the last applied configuration may stand in an annotation beside.
const MAXIMUM_BYTES: usize = 700 * 1024;
