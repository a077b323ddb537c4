//! Flows, of which no two may cover the same request.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Arguments;

use super::artifacts::{Manifests, requirements};
use super::errors::Errors;
use super::limits::{
    MAXIMUM_COMPARISONS, MAXIMUM_FLOWS, MAXIMUM_METHODS, MAXIMUM_OPERATIONS,
    MAXIMUM_PARALLEL_FLOWS, MAXIMUM_PATHS, MAXIMUM_PORTS, MAXIMUM_SEGMENTS,
};
use crate::identity::Assurance;
use crate::names::PathTemplate;
use crate::policy::flow::{Flow, MethodSet, Operation, PortSet, overlap};
use crate::policy::flow_index::FlowIndex;
use crate::policy::segment::SegmentId;
use crate::policy::{Mode, PolicyErrorCause as Cause, raw};

/// The policy's settings for flows that have none of their own.
pub(super) struct Defaults {
    pub(super) mode: Mode,
    pub(super) minimum_assurance: Assurance,
    pub(super) minimum_trust: u8,
}

#[inline(never)]
pub(super) fn flows(
    spec: &raw::Spec,
    defaults: &Defaults,
    manifests: &Manifests<'_>,
    errors: &mut Errors,
) -> (Vec<Flow>, FlowIndex) {
    if spec.flows.len() > MAXIMUM_FLOWS {
        errors.add("spec.flows", Cause::TooMany(MAXIMUM_FLOWS));
    }
    errors.unique(
        "spec.flows",
        spec.flows.iter().map(|flow| flow.name.as_str()),
        ".name",
    );
    let ids = segment_ids(spec);
    let mut compiled: Vec<Flow> = Vec::new();
    let mut index = FlowIndex::default();
    let mut comparisons = Comparisons::default();
    for (number, raw) in spec.flows.iter().take(MAXIMUM_FLOWS).enumerate() {
        let path = format_args!("spec.flows[{number}]");
        let flow = flow(raw, path, defaults, manifests, errors);
        let to = errors.segment(format_args!("{path}.to"), &raw.to, &ids);
        let siblings = insert(number, &raw.from, to, path, &ids, &mut index, errors);
        if let Some(to) = to {
            index.add_paths(to, number, &flow.operations);
        }
        let parallel = siblings
            .iter()
            .filter_map(|index| compiled.get(*index))
            .map(|other| (other.operations.as_slice(), &*other.name));
        match comparisons.first_overlap(&flow.operations, parallel) {
            Ok(None) => {}
            Ok(Some(other)) => errors.add(path, Cause::FlowsOverlap(other.to_string())),
            Err(cause) => errors.add(path, cause),
        }
        compiled.push(flow);
    }
    (compiled, index)
}

/// The numbers of the segments, by their names.
pub(super) fn segment_ids(spec: &raw::Spec) -> BTreeMap<&str, SegmentId> {
    let segments = spec.segments.iter().enumerate();
    segments
        .map(|(number, segment)| (segment.name.as_str(), SegmentId(number)))
        .collect()
}

/// Puts a flow or grant into its index, and gives those that lead from and to some of the same
/// segments.
pub(super) fn insert(
    number: usize,
    callers: &[String],
    to: Option<SegmentId>,
    path: Arguments<'_>,
    ids: &BTreeMap<&str, SegmentId>,
    index: &mut FlowIndex,
    errors: &mut Errors,
) -> BTreeSet<usize> {
    let from_at = format_args!("{path}.from");
    errors.count(from_at, callers.len(), MAXIMUM_SEGMENTS);
    errors.unique(from_at, callers.iter().map(String::as_str), "");
    let mut siblings = BTreeSet::new();
    for (place, name) in callers.iter().enumerate() {
        let from = errors.segment(format_args!("{path}.from[{place}]"), name, ids);
        let (Some(from), Some(to)) = (from, to) else {
            continue;
        };
        let parallel = index.between_mut(from, to);
        if parallel.len() >= MAXIMUM_PARALLEL_FLOWS {
            errors.add(path, Cause::TooManyParallelFlows(MAXIMUM_PARALLEL_FLOWS));
            break;
        }
        // A segment listed twice in `from` was reported above; it is not an overlap as well.
        if parallel.last() != Some(&number) {
            siblings.extend(parallel.iter().copied());
            parallel.push(number);
        }
    }
    siblings
}

/// The work of finding overlaps, which grows with the square of the templates and is bounded.
#[derive(Default)]
pub(super) struct Comparisons(usize);

impl Comparisons {
    /// The name of the first of the others that covers a request which these operations cover too.
    pub(super) fn first_overlap<'a>(
        &mut self,
        operations: &[Operation],
        others: impl Iterator<Item = (&'a [Operation], &'a str)>,
    ) -> Result<Option<&'a str>, Cause> {
        for (other, name) in others {
            let pairs = templates(operations).saturating_mul(templates(other));
            self.0 = self.0.saturating_add(pairs);
            if self.0 > MAXIMUM_COMPARISONS {
                return Err(Cause::TooManyTemplates(MAXIMUM_COMPARISONS));
            }
            if overlap(operations, other) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

fn templates(operations: &[Operation]) -> usize {
    let paths = operations.iter().map(|operation| operation.paths.len());
    paths.sum()
}

fn flow(
    raw: &raw::Flow,
    path: Arguments<'_>,
    defaults: &Defaults,
    manifests: &Manifests<'_>,
    errors: &mut Errors,
) -> Flow {
    errors.label(format_args!("{path}.name"), &raw.name);
    let trust = errors.trust(format_args!("{path}.minimumTrust"), raw.minimum_trust);
    let uncertainty = raw.maximum_uncertainty.unwrap_or(100);
    if uncertainty > 100 {
        errors.add(
            format_args!("{path}.maximumUncertainty"),
            Cause::UncertaintyOutOfRange(uncertainty),
        );
    }
    let operations = operations(&raw.operations, path, errors);
    Flow {
        name: Arc::from(raw.name.as_str()),
        mode: raw.mode.unwrap_or(defaults.mode),
        minimum_assurance: raw
            .minimum_assurance
            .map_or(defaults.minimum_assurance, Assurance::from),
        minimum_trust: trust.unwrap_or(defaults.minimum_trust),
        maximum_uncertainty: uncertainty,
        recheck_streams: raw.recheck_streams.unwrap_or(false),
        requires: requirements(
            raw.requires.as_ref(),
            format_args!("{path}.requires"),
            manifests,
            errors,
        ),
        operations,
    }
}

pub(super) fn operations(
    entries: &[raw::Operation],
    path: Arguments<'_>,
    errors: &mut Errors,
) -> Vec<Operation> {
    let at = format_args!("{path}.operations");
    errors.count(at, entries.len(), MAXIMUM_OPERATIONS);
    let mut operations = Vec::new();
    for (number, raw) in entries.iter().take(MAXIMUM_OPERATIONS).enumerate() {
        operations.push(operation(raw, format_args!("{at}[{number}]"), errors));
    }
    operations
}

fn operation(raw: &raw::Operation, path: Arguments<'_>, errors: &mut Errors) -> Operation {
    let paths_at = format_args!("{path}.paths");
    errors.count(paths_at, raw.paths.len(), MAXIMUM_PATHS);
    let mut paths: Vec<PathTemplate> = Vec::new();
    for (number, text) in raw.paths.iter().take(MAXIMUM_PATHS).enumerate() {
        let result = text.parse().map_err(|cause| Cause::Template {
            template: text.clone(),
            cause,
        });
        paths.extend(errors.keep(format_args!("{paths_at}[{number}]"), result));
    }
    Operation {
        methods: methods(&raw.methods, format_args!("{path}.methods"), errors),
        paths,
        ports: ports(raw.ports.as_deref(), format_args!("{path}.ports"), errors),
        when_restricted: raw.when_restricted,
    }
}

fn methods(names: &[String], path: Arguments<'_>, errors: &mut Errors) -> MethodSet {
    errors.count(path, names.len(), MAXIMUM_METHODS);
    if names.iter().any(|name| name == "*") {
        if names.len() > 1 {
            errors.add(path, Cause::StarNotAlone);
        }
        return MethodSet::Any;
    }
    errors.unique(path, names.iter().map(String::as_str), "");
    for (number, name) in names.iter().enumerate() {
        errors.method(format_args!("{path}[{number}]"), name);
    }
    MethodSet::Named(names.to_vec())
}

fn ports(ports: Option<&[u16]>, path: Arguments<'_>, errors: &mut Errors) -> PortSet {
    let Some(ports) = ports else {
        return PortSet::Any;
    };
    errors.count(path, ports.len(), MAXIMUM_PORTS);
    for (number, _) in ports.iter().enumerate().filter(|(_, port)| **port == 0) {
        errors.add(format_args!("{path}[{number}]"), Cause::PortZero);
    }
    PortSet::Named(ports.to_vec())
}
