//! From a document to a policy: all or nothing, and all errors at once.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use ipnet::IpNet;

use super::flow::{Flow, MethodSet, Operation, PortSet};
use super::probe::Probe;
use super::raw::{self, RequiredAssurance};
use super::segment::{Segment, SegmentId, SegmentIndex, ServiceAccounts};
use super::{Mode, Policy, PolicyError, PolicyErrorCause as Cause};
use crate::identity::{Assurance, TrustDomain};
use crate::names::{Method, PathTemplate, RequestPath};

/// Compiles a document. The authorities are only carried along: the `sallyport-credentials` crate
/// reads the keys in them.
///
/// # Errors
/// Every rule that the document breaks, each with its path. Without an error there is a policy;
/// with one there is none.
pub fn compile(document: &raw::PolicyDocument) -> Result<Policy, Vec<PolicyError>> {
    let spec = &document.spec;
    let mut errors = Errors::default();
    errors.label("metadata.name", &document.metadata.name);
    let trust_domains = trust_domains(&spec.trust_domains, &mut errors);
    let minimum_trust = errors.trust("spec.minimumTrust", spec.minimum_trust).unwrap_or(0);
    let segments = segments(spec, &trust_domains, &mut errors);
    authorities(spec, &trust_domains, &mut errors);
    let defaults = Defaults {
        mode: spec.mode,
        minimum_assurance: spec.minimum_assurance.into(),
        minimum_trust,
    };
    let (flows, flow_index) = flows(spec, &defaults, &mut errors);
    let probes = probes(spec, &mut errors);
    if !errors.0.is_empty() {
        return Err(errors.0);
    }
    Ok(Policy {
        name: Arc::from(document.metadata.name.as_str()),
        mode: defaults.mode,
        trust_domains,
        minimum_assurance: defaults.minimum_assurance,
        minimum_trust,
        application_headers: spec.application_headers.unwrap_or(false),
        authorities: spec.authorities.clone(),
        segment_index: SegmentIndex::new(&segments),
        segments,
        flows,
        flow_index,
        probes,
    })
}

impl From<RequiredAssurance> for Assurance {
    fn from(required: RequiredAssurance) -> Self {
        match required {
            RequiredAssurance::Classical => Self::Classical,
            RequiredAssurance::Hybrid => Self::Hybrid,
        }
    }
}

/// The policy's settings for flows that have none of their own.
struct Defaults {
    mode: Mode,
    minimum_assurance: Assurance,
    minimum_trust: u8,
}

type FlowIndex = BTreeMap<(SegmentId, SegmentId), Vec<usize>>;

fn trust_domains(names: &[String], errors: &mut Errors) -> Vec<TrustDomain> {
    let path = "spec.trustDomains";
    errors.count(path, names.len(), MAXIMUM_TRUST_DOMAINS);
    errors.unique(path, names.iter().map(String::as_str), "");
    let mut parsed = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let result = name.parse().map_err(|cause| Cause::TrustDomain { name: name.clone(), cause });
        parsed.extend(errors.keep(&format!("{path}[{number}]"), result));
    }
    parsed
}

fn authorities(spec: &raw::Spec, known: &[TrustDomain], errors: &mut Errors) {
    let Some(authorities) = &spec.authorities else { return };
    let certificates = authorities.certificates.iter().flatten().enumerate();
    let tokens = authorities.tokens.iter().flatten().enumerate();
    let entries = certificates
        .map(|(number, entry)| ("certificates", number, &entry.name, &entry.trust_domain))
        .chain(tokens.map(|(number, entry)| ("tokens", number, &entry.name, &entry.trust_domain)));
    let mut names = BTreeSet::new();
    let mut count = 0_usize;
    for (role, number, name, trust_domain) in entries {
        let path = format!("spec.authorities.{role}[{number}]");
        errors.label(&format!("{path}.name"), name);
        if !names.insert(name.as_str()) {
            errors.add(&format!("{path}.name"), Cause::Duplicate(name.clone()));
        }
        errors.known_domain(&format!("{path}.trustDomain"), trust_domain, known);
        count = count.saturating_add(1);
    }
    for (role, empty) in [
        ("certificates", authorities.certificates.as_ref().is_some_and(Vec::is_empty)),
        ("tokens", authorities.tokens.as_ref().is_some_and(Vec::is_empty)),
    ] {
        if empty {
            errors.add(&format!("spec.authorities.{role}"), Cause::Empty);
        }
    }
    if count > MAXIMUM_AUTHORITIES {
        errors.add("spec.authorities", Cause::TooMany(MAXIMUM_AUTHORITIES));
    }
}

fn segments(spec: &raw::Spec, known: &[TrustDomain], errors: &mut Errors) -> Vec<Segment> {
    errors.count("spec.segments", spec.segments.len(), MAXIMUM_SEGMENTS);
    errors.unique("spec.segments", spec.segments.iter().map(|segment| segment.name.as_str()), ".name");
    let mut compiled: Vec<Segment> = Vec::new();
    for (number, raw) in spec.segments.iter().take(MAXIMUM_SEGMENTS).enumerate() {
        let path = format!("spec.segments[{number}]");
        let segment = segment(raw, &path, known, errors);
        if let Some(other) = compiled.iter().find(|other| other.overlaps(&segment)) {
            errors.add(&path, Cause::SegmentsOverlap(other.name.to_string()));
        }
        compiled.push(segment);
    }
    compiled
}

fn segment(
    raw: &raw::Segment,
    path: &str,
    known: &[TrustDomain],
    errors: &mut Errors,
) -> Segment {
    errors.label(&format!("{path}.name"), &raw.name);
    errors.labels(&format!("{path}.namespaces"), &raw.namespaces);
    let service_accounts = match &raw.service_accounts {
        None => ServiceAccounts::Any,
        Some(names) => {
            errors.subdomains(&format!("{path}.serviceAccounts"), names);
            ServiceAccounts::Named(names.clone())
        }
    };
    Segment {
        name: Arc::from(raw.name.as_str()),
        trust_domains: segment_trust_domains(raw, path, known, errors),
        namespaces: raw.namespaces.clone(),
        service_accounts,
    }
}

fn segment_trust_domains(
    raw: &raw::Segment,
    path: &str,
    known: &[TrustDomain],
    errors: &mut Errors,
) -> Vec<TrustDomain> {
    let path = format!("{path}.trustDomains");
    let Some(names) = &raw.trust_domains else {
        if known.len() > 1 {
            errors.add(&path, Cause::AmbiguousTrustDomain);
        }
        return known.to_vec();
    };
    errors.count(&path, names.len(), MAXIMUM_TRUST_DOMAINS);
    for (number, name) in names.iter().enumerate() {
        errors.known_domain(&format!("{path}[{number}]"), name, known);
    }
    known.iter().filter(|domain| names.iter().any(|name| name == domain.as_str())).cloned().collect()
}

fn flows(spec: &raw::Spec, defaults: &Defaults, errors: &mut Errors) -> (Vec<Flow>, FlowIndex) {
    if spec.flows.len() > MAXIMUM_FLOWS {
        errors.add("spec.flows", Cause::TooMany(MAXIMUM_FLOWS));
    }
    errors.unique("spec.flows", spec.flows.iter().map(|flow| flow.name.as_str()), ".name");
    let ids: BTreeMap<&str, SegmentId> = spec
        .segments
        .iter()
        .enumerate()
        .map(|(number, segment)| (segment.name.as_str(), SegmentId(number)))
        .collect();
    let mut compiled: Vec<Flow> = Vec::new();
    let mut index = FlowIndex::new();
    for (number, raw) in spec.flows.iter().take(MAXIMUM_FLOWS).enumerate() {
        let path = format!("spec.flows[{number}]");
        let flow = flow(raw, &path, defaults, errors);
        let to = errors.segment(&format!("{path}.to"), &raw.to, &ids);
        errors.count(&format!("{path}.from"), raw.from.len(), MAXIMUM_SEGMENTS);
        errors.unique(&format!("{path}.from"), raw.from.iter().map(String::as_str), "");
        for (place, name) in raw.from.iter().enumerate() {
            let from = errors.segment(&format!("{path}.from[{place}]"), name, &ids);
            let (Some(from), Some(to)) = (from, to) else { continue };
            let siblings = index.entry((from, to)).or_default();
            // A segment listed twice in `from` was reported above; it is not an overlap as well.
            if siblings.last() != Some(&number) {
                report_overlap(&path, &flow, siblings, &compiled, errors);
                siblings.push(number);
            }
        }
        compiled.push(flow);
    }
    (compiled, index)
}

/// Compares a flow with those that lead from and to the same segments; their number is bounded,
/// since the work grows with its square.
fn report_overlap(
    path: &str,
    flow: &Flow,
    siblings: &[usize],
    compiled: &[Flow],
    errors: &mut Errors,
) {
    if siblings.len() >= MAXIMUM_PARALLEL_FLOWS {
        errors.add(path, Cause::TooMany(MAXIMUM_PARALLEL_FLOWS));
        return;
    }
    let others = siblings.iter().filter_map(|index| compiled.get(*index));
    let overlaps = |other: &&Flow| {
        flow.operations.iter().any(|a| other.operations.iter().any(|b| a.overlaps(b)))
    };
    if let Some(other) = others.into_iter().find(overlaps) {
        errors.add(path, Cause::FlowsOverlap(other.name.to_string()));
    }
}

fn flow(raw: &raw::Flow, path: &str, defaults: &Defaults, errors: &mut Errors) -> Flow {
    errors.label(&format!("{path}.name"), &raw.name);
    errors.count(&format!("{path}.operations"), raw.operations.len(), MAXIMUM_OPERATIONS);
    let trust = errors.trust(&format!("{path}.minimumTrust"), raw.minimum_trust);
    let mut operations = Vec::new();
    for (number, raw) in raw.operations.iter().take(MAXIMUM_OPERATIONS).enumerate() {
        operations.push(operation(raw, &format!("{path}.operations[{number}]"), errors));
    }
    Flow {
        name: Arc::from(raw.name.as_str()),
        mode: raw.mode.unwrap_or(defaults.mode),
        minimum_assurance: raw
            .minimum_assurance
            .map_or(defaults.minimum_assurance, Assurance::from),
        minimum_trust: trust.unwrap_or(defaults.minimum_trust),
        operations,
    }
}

fn operation(raw: &raw::Operation, path: &str, errors: &mut Errors) -> Operation {
    let paths_at = format!("{path}.paths");
    errors.count(&paths_at, raw.paths.len(), MAXIMUM_PATHS);
    let mut paths: Vec<PathTemplate> = Vec::new();
    for (number, text) in raw.paths.iter().take(MAXIMUM_PATHS).enumerate() {
        let result =
            text.parse().map_err(|cause| Cause::Template { template: text.clone(), cause });
        paths.extend(errors.keep(&format!("{paths_at}[{number}]"), result));
    }
    Operation {
        methods: methods(&raw.methods, &format!("{path}.methods"), errors),
        paths,
        ports: ports(raw.ports.as_deref(), &format!("{path}.ports"), errors),
    }
}

fn methods(names: &[String], path: &str, errors: &mut Errors) -> MethodSet {
    errors.count(path, names.len(), MAXIMUM_METHODS);
    if names.iter().any(|name| name == "*") {
        if names.len() > 1 {
            errors.add(path, Cause::StarNotAlone);
        }
        return MethodSet::Any;
    }
    errors.unique(path, names.iter().map(String::as_str), "");
    for (number, name) in names.iter().enumerate() {
        errors.method(&format!("{path}[{number}]"), name);
    }
    MethodSet::Named(names.to_vec())
}

fn ports(ports: Option<&[u16]>, path: &str, errors: &mut Errors) -> PortSet {
    let Some(ports) = ports else { return PortSet::Any };
    errors.count(path, ports.len(), MAXIMUM_PORTS);
    for (number, _) in ports.iter().enumerate().filter(|(_, port)| **port == 0) {
        errors.add(&format!("{path}[{number}]"), Cause::PortZero);
    }
    PortSet::Named(ports.to_vec())
}

fn probes(spec: &raw::Spec, errors: &mut Errors) -> Vec<Probe> {
    let Some(probes) = &spec.probes else { return Vec::new() };
    errors.count("spec.probes", probes.len(), MAXIMUM_PROBES);
    let mut compiled = Vec::new();
    for (number, raw) in probes.iter().take(MAXIMUM_PROBES).enumerate() {
        let path = format!("spec.probes[{number}]");
        errors.method(&format!("{path}.method"), &raw.method);
        probe_path(&raw.path, &format!("{path}.path"), errors);
        if raw.port == 0 {
            errors.add(&format!("{path}.port"), Cause::PortZero);
        }
        compiled.push(Probe {
            method: raw.method.clone(),
            path: raw.path.clone(),
            port: raw.port,
            ip_blocks: ip_blocks(&raw.ip_blocks, &format!("{path}.ipBlocks"), errors),
        });
    }
    compiled
}

fn probe_path(text: &str, path: &str, errors: &mut Errors) {
    if text.contains('?') {
        errors.add(path, Cause::ProbeQuery(text.to_owned()));
    } else if let Err(cause) = RequestPath::parse(text.as_bytes()) {
        errors.add(path, Cause::ProbePath { path: text.to_owned(), cause });
    }
}

fn ip_blocks(texts: &[String], path: &str, errors: &mut Errors) -> Vec<IpNet> {
    errors.count(path, texts.len(), MAXIMUM_IP_BLOCKS);
    let mut blocks = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        blocks.extend(errors.keep(&format!("{path}[{number}]"), ip_block(text)));
    }
    blocks
}

fn ip_block(text: &str) -> Result<IpNet, Cause> {
    let block: IpNet = text.parse().map_err(|_| Cause::IpBlock(text.to_owned()))?;
    if block.prefix_len() == 0 {
        return Err(Cause::IpBlockEverything(text.to_owned()));
    }
    if block.trunc() != block {
        return Err(Cause::IpBlockBits(text.to_owned(), block.trunc().to_string()));
    }
    Ok(block)
}

/// All errors found so far.
#[derive(Default)]
struct Errors(Vec<PolicyError>);

impl Errors {
    fn add(&mut self, path: &str, cause: Cause) {
        self.0.push(PolicyError { path: path.to_owned(), cause });
    }

    fn keep<T>(&mut self, path: &str, result: Result<T, Cause>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(cause) => {
                self.add(path, cause);
                None
            }
        }
    }

    fn count(&mut self, path: &str, count: usize, maximum: usize) {
        if count == 0 {
            self.add(path, Cause::Empty);
        } else if count > maximum {
            self.add(path, Cause::TooMany(maximum));
        }
    }

    fn unique<'a>(&mut self, path: &str, names: impl Iterator<Item = &'a str>, member: &str) {
        let mut seen = BTreeSet::new();
        for (number, name) in names.enumerate() {
            if !seen.insert(name) {
                self.add(&format!("{path}[{number}]{member}"), Cause::Duplicate(name.to_owned()));
            }
        }
    }

    fn label(&mut self, path: &str, name: &str) {
        if !is_dns_label(name) {
            self.add(path, Cause::NotALabel(name.to_owned()));
        }
    }

    fn labels(&mut self, path: &str, names: &[String]) {
        self.count(path, names.len(), MAXIMUM_WORKLOAD_NAMES);
        self.unique(path, names.iter().map(String::as_str), "");
        for (number, name) in names.iter().enumerate() {
            self.label(&format!("{path}[{number}]"), name);
        }
    }

    fn subdomains(&mut self, path: &str, names: &[String]) {
        self.count(path, names.len(), MAXIMUM_WORKLOAD_NAMES);
        self.unique(path, names.iter().map(String::as_str), "");
        for (number, name) in names.iter().enumerate() {
            if name.len() > 253 || !name.split('.').all(is_dns_label) {
                self.add(&format!("{path}[{number}]"), Cause::NotASubdomain(name.clone()));
            }
        }
    }

    fn trust(&mut self, path: &str, value: Option<u8>) -> Option<u8> {
        if let Some(value) = value.filter(|value| *value > 100) {
            self.add(path, Cause::TrustOutOfRange(value));
        }
        value
    }

    fn method(&mut self, path: &str, name: &str) {
        if let Err(cause) = Method::parse(name.as_bytes()) {
            self.add(path, Cause::Method { name: name.to_owned(), cause });
        } else if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
            self.add(path, Cause::MethodCase(name.to_owned()));
        }
    }

    fn known_domain(&mut self, path: &str, name: &str, known: &[TrustDomain]) {
        if !known.iter().any(|domain| domain.as_str() == name) {
            self.add(path, Cause::UnknownTrustDomain(name.to_owned()));
        }
    }

    fn segment(
        &mut self,
        path: &str,
        name: &str,
        ids: &BTreeMap<&str, SegmentId>,
    ) -> Option<SegmentId> {
        let id = ids.get(name).copied();
        if id.is_none() {
            let similar = ids.keys().find(|known| is_similar(known, name));
            let similar = similar.map(|known| (*known).to_owned());
            self.add(path, Cause::UnknownSegment { name: name.to_owned(), similar });
        }
        id
    }
}

/// RFC 1123 label, as Kubernetes uses it for namespaces and names.
fn is_dns_label(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=63).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Whether one name looks like a slip in writing the other: same but for case and separators, one
/// a part of the other, or one letter different.
fn is_similar(known: &str, typed: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let (known, typed) = (plain(known), plain(typed));
    let differing = known.chars().zip(typed.chars()).filter(|(a, b)| a != b).count();
    known == typed
        || (typed.len() >= 4 && (known.contains(&typed) || typed.contains(&known)))
        || (known.len() == typed.len() && differing <= 2)
}

// The limits keep loading a hostile or mistaken file within a second; real meshes are far below.
const MAXIMUM_TRUST_DOMAINS: usize = 64;
const MAXIMUM_AUTHORITIES: usize = 64;
const MAXIMUM_SEGMENTS: usize = 2_000;
const MAXIMUM_WORKLOAD_NAMES: usize = 1_000;
const MAXIMUM_FLOWS: usize = 20_000;
const MAXIMUM_PARALLEL_FLOWS: usize = 256;
const MAXIMUM_OPERATIONS: usize = 64;
const MAXIMUM_METHODS: usize = 32;
const MAXIMUM_PATHS: usize = 256;
const MAXIMUM_PORTS: usize = 64;
const MAXIMUM_PROBES: usize = 64;
const MAXIMUM_IP_BLOCKS: usize = 64;

#[cfg(test)]
mod tests;
