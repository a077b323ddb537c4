//! The part of a policy that the workloads of one namespace need.
//!
//! A slice is a policy document of its own. For every request to a workload of its namespace it gives
//! the verdict, the reason and the record of the whole policy, but for the hash, and for the segment of
//! a refused caller from whose segment no flow or grant leads here (`source_segment`). It keeps
//!
//! - the segments of the namespace, and all flows and grants to them;
//! - the segments that may call there. Of a segment that only is called, the other namespaces are
//!   left out;
//! - each segment that changes the score of its callers (`trust`, `callers`, a signal about it),
//!   since such a caller may be isolated, and is then refused with another reason;
//! - the manifests of artifacts that those flows require;
//! - everything else, above all the authorities, revocations and signals: which credential holds is
//!   decided before any flow is looked for.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_engine::policy::compile;
use sallyport_engine::policy::raw::{
    Artifacts, BreakGlass, Callers, Flow, Grant, PolicyDocument, PolicyManifest, Segment,
    SignalSubject, Spec,
};

use super::InvalidRendering;

/// Cuts slices from one policy.
pub struct Slicer<'a> {
    document: &'a PolicyDocument,
    /// The document without segments, flows and grants.
    rest: PolicyDocument,
    /// Numbers of the segments that have workloads in a namespace.
    own: BTreeMap<&'a str, Vec<usize>>,
    /// Numbers of the flows to a segment.
    flows: BTreeMap<&'a str, Vec<usize>>,
    /// Segments that change the score of their callers.
    scored: BTreeSet<&'a str>,
}

/// The policy of one namespace.
#[derive(Debug)]
pub struct Slice {
    /// The document.
    pub document: PolicyDocument,
    /// The document as canonical JSON.
    pub canonical_json: String,
    /// SHA-256 of `canonical_json`.
    pub sha256: [u8; 32],
}

impl<'a> Slicer<'a> {
    /// Prepares to cut slices from a valid policy.
    #[must_use]
    pub fn new(document: &'a PolicyDocument) -> Self {
        let spec = &document.spec;
        let mut own: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut scored = BTreeSet::new();
        for (number, segment) in spec.segments.iter().enumerate() {
            for namespace in &segment.namespaces {
                let numbers = own.entry(namespace).or_default();
                if numbers.last() != Some(&number) {
                    numbers.push(number);
                }
            }
            if segment.trust.is_some() || segment.callers == Some(Callers::Aggregator) {
                scored.insert(segment.name.as_str());
            }
        }
        for signal in spec.signals.iter().flatten() {
            if let SignalSubject::Segment(name) = &signal.about {
                scored.insert(name);
            }
        }
        let mut flows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, flow) in spec.flows.iter().enumerate() {
            flows.entry(&flow.to).or_default().push(number);
        }
        Self {
            document,
            rest: without_segments(document),
            own,
            flows,
            scored,
        }
    }

    /// The segments that have workloads in a namespace.
    pub fn segments(&self, namespace: &str) -> impl Iterator<Item = &'a Segment> {
        let numbers = self.own.get(namespace).into_iter().flatten();
        numbers.filter_map(|number| self.document.spec.segments.get(*number))
    }

    /// The slice of a namespace; none where no segment has workloads in it.
    ///
    /// # Errors
    /// [`InvalidRendering::Unwritable`], if it is no valid policy, which the rules above rule out.
    pub fn slice(&self, namespace: &str) -> Result<Option<Slice>, InvalidRendering> {
        let called: BTreeSet<&str> = self
            .segments(namespace)
            .map(|segment| segment.name.as_str())
            .collect();
        if called.is_empty() {
            return Ok(None);
        }
        let spec = &self.document.spec;
        let numbers: BTreeSet<usize> = called
            .iter()
            .filter_map(|name| self.flows.get(name))
            .flatten()
            .copied()
            .collect();
        let flows: Vec<Flow> = numbers
            .into_iter()
            .filter_map(|number| spec.flows.get(number).cloned())
            .collect();
        let mut calling: BTreeSet<&str> = flows
            .iter()
            .flat_map(|flow| flow.from.iter().map(String::as_str))
            .collect();
        let grants = grants(spec, &called);
        let callers = grants.iter().flat_map(|grant| &grant.from);
        calling.extend(callers.map(String::as_str));
        calling.extend(&self.scored);
        let mut document = self.rest.clone();
        document.spec.segments = segments(&spec.segments, namespace, &called, &calling);
        document.spec.break_glass = break_glass(spec, &called);
        document.spec.artifacts = artifacts(spec, &flows);
        document.spec.flows = flows;
        document.spec.grants =
            (!grants.is_empty()).then(|| grants.iter().copied().cloned().collect());
        // Nothing is rendered that a sidecar would refuse.
        compile(&document).map_err(|_| InvalidRendering::Unwritable)?;
        let canonical_json =
            serde_json::to_string(&document).map_err(|_| InvalidRendering::Unwritable)?;
        Ok(Some(Slice {
            sha256: sallyport_credentials::sha256(canonical_json.as_bytes()),
            canonical_json,
            document,
        }))
    }
}

fn segments(
    all: &[Segment],
    namespace: &str,
    called: &BTreeSet<&str>,
    calling: &BTreeSet<&str>,
) -> Vec<Segment> {
    let kept = all.iter().filter_map(|segment| {
        let name = segment.name.as_str();
        if calling.contains(name) {
            return Some(segment.clone());
        }
        called.contains(name).then(|| Segment {
            namespaces: vec![namespace.to_owned()],
            ..segment.clone()
        })
    });
    kept.collect()
}

/// The grants to these segments.
fn grants<'a>(spec: &'a Spec, called: &BTreeSet<&str>) -> Vec<&'a Grant> {
    let grants = spec.grants.iter().flatten();
    grants
        .filter(|grant| called.contains(grant.to.as_str()))
        .collect()
}

/// A break-glass for some segments is one for those of them that are called here.
fn break_glass(spec: &Spec, called: &BTreeSet<&str>) -> Option<BreakGlass> {
    let glass = spec.break_glass.as_ref()?;
    let Some(names) = &glass.segments else {
        return Some(glass.clone());
    };
    let names: Vec<String> = names
        .iter()
        .filter(|name| called.contains(name.as_str()))
        .cloned()
        .collect();
    (!names.is_empty()).then(|| BreakGlass {
        segments: Some(names),
        ..glass.clone()
    })
}

/// The manifests that the flows require. Who may sign them is nothing that a sidecar asks.
fn artifacts(spec: &Spec, flows: &[Flow]) -> Option<Artifacts> {
    let required = flows.iter().flat_map(|flow| &flow.requires);
    let required: BTreeSet<&str> = required
        .flat_map(|requires| requires.iter())
        .map(|(_, asked)| asked.manifest.as_str())
        .collect();
    let entries = spec
        .artifacts
        .iter()
        .flat_map(|artifacts| &artifacts.manifests);
    let manifests: Vec<PolicyManifest> = entries
        .filter(|entry| required.contains(entry.name.as_str()))
        .cloned()
        .collect();
    (!manifests.is_empty()).then_some(Artifacts {
        authorities: None,
        manifests,
    })
}

fn without_segments(document: &PolicyDocument) -> PolicyDocument {
    let spec = &document.spec;
    PolicyDocument {
        metadata: document.metadata.clone(),
        spec: Spec {
            segments: Vec::new(),
            flows: Vec::new(),
            grants: None,
            mode: spec.mode,
            trust_domains: spec.trust_domains.clone(),
            minimum_assurance: spec.minimum_assurance,
            post_quantum_auth: spec.post_quantum_auth.clone(),
            break_glass: None,
            minimum_trust: spec.minimum_trust,
            application_headers: spec.application_headers,
            access_log: spec.access_log,
            authorities: spec.authorities.clone(),
            revocations: spec.revocations.clone(),
            not_before_floors: spec.not_before_floors.clone(),
            artifacts: None,
            trust: spec.trust.clone(),
            signals: spec.signals.clone(),
            probes: spec.probes.clone(),
        },
        ..*document
    }
}
