//! Segments, of which no two may contain the same workload.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Arguments;

use super::errors::Errors;
use super::limits::{MAXIMUM_SEGMENTS, MAXIMUM_TRUST_DOMAINS, MAXIMUM_WORKLOADS};
use crate::identity::TrustDomain;
use crate::policy::segment::{Segment, SegmentId, SegmentIndex, ServiceAccounts};
use crate::policy::{PolicyErrorCause as Cause, raw};

#[inline(never)]
pub(super) fn segments(
    spec: &raw::Spec,
    known: &[TrustDomain],
    errors: &mut Errors,
) -> (Vec<Segment>, SegmentIndex) {
    errors.count("spec.segments", spec.segments.len(), MAXIMUM_SEGMENTS);
    errors.unique(
        "spec.segments",
        spec.segments.iter().map(|segment| segment.name.as_str()),
        ".name",
    );
    let mut compiled: Vec<Segment> = Vec::new();
    let mut index = SegmentIndex::default();
    let mut workloads = 0_usize;
    for (number, raw) in spec.segments.iter().take(MAXIMUM_SEGMENTS).enumerate() {
        let path = format_args!("spec.segments[{number}]");
        let segment = segment(raw, path, known, errors);
        workloads = workloads.saturating_add(segment.workloads());
        if workloads > MAXIMUM_WORKLOADS {
            errors.add(path, Cause::TooManyWorkloads(MAXIMUM_WORKLOADS));
            break;
        }
        if let Some(other) = index.overlapping(&segment, &compiled) {
            errors.add(path, Cause::SegmentsOverlap(other.name.to_string()));
        }
        index.insert(SegmentId(number), &segment);
        compiled.push(segment);
    }
    (compiled, index)
}

fn segment(
    raw: &raw::Segment,
    path: Arguments<'_>,
    known: &[TrustDomain],
    errors: &mut Errors,
) -> Segment {
    errors.label(format_args!("{path}.name"), &raw.name);
    errors.labels(format_args!("{path}.namespaces"), &raw.namespaces);
    let service_accounts = match &raw.service_accounts {
        None => ServiceAccounts::Any,
        Some(names) => {
            errors.subdomains(format_args!("{path}.serviceAccounts"), names);
            ServiceAccounts::Named(names.iter().cloned().collect())
        }
    };
    Segment {
        name: Arc::from(raw.name.as_str()),
        trust_domains: segment_trust_domains(raw, path, known, errors),
        namespaces: raw.namespaces.iter().cloned().collect(),
        service_accounts,
        callers: raw.callers.unwrap_or(raw::Callers::Workload),
    }
}

fn segment_trust_domains(
    raw: &raw::Segment,
    path: Arguments<'_>,
    known: &[TrustDomain],
    errors: &mut Errors,
) -> Vec<TrustDomain> {
    let path = format_args!("{path}.trustDomains");
    let Some(names) = &raw.trust_domains else {
        if known.len() > 1 {
            errors.add(path, Cause::AmbiguousTrustDomain);
        }
        return known.to_vec();
    };
    errors.count(path, names.len(), MAXIMUM_TRUST_DOMAINS);
    for (number, name) in names.iter().enumerate() {
        errors.known_domain(format_args!("{path}[{number}]"), name, known);
    }
    known
        .iter()
        .filter(|domain| names.iter().any(|name| name == domain.as_str()))
        .cloned()
        .collect()
}
