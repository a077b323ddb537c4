//! Grants, of which no two may cover the same request at the same time.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Arguments;

use super::errors::Errors;
use super::flows::{Comparisons, insert, operations, segment_ids};
use super::limits::{MAXIMUM_GRANTS, MAXIMUM_SIGNAL_TEXT};
use super::signals::time;
use crate::policy::flow::Operation;
use crate::policy::grant::{Grant, GrantText, Grants};
use crate::policy::segment::SegmentId;
use crate::policy::{PolicyErrorCause as Cause, raw};
use crate::time::TimeMs;

#[inline(never)]
pub(super) fn grants(spec: &raw::Spec, errors: &mut Errors) -> Grants {
    let mut compiled = Grants::default();
    let Some(entries) = &spec.grants else {
        return compiled;
    };
    errors.count("spec.grants", entries.len(), MAXIMUM_GRANTS);
    names(spec, entries, errors);
    let ids = segment_ids(spec);
    let mut comparisons = Comparisons::default();
    for (number, raw) in entries.iter().take(MAXIMUM_GRANTS).enumerate() {
        let path = format_args!("spec.grants[{number}]");
        let grant = grant(raw, path, errors);
        let siblings = place(number, raw, &grant, path, &ids, &mut compiled, errors);
        let at_once = siblings
            .iter()
            .filter_map(|index| compiled.list.get(*index))
            .filter(|other| overlap_in_time(&grant, other))
            .map(|other| (other.operations.as_slice(), other.text.name.as_str()));
        match comparisons.first_overlap(&grant.operations, at_once) {
            Ok(None) => {}
            Ok(Some(other)) => errors.add(path, Cause::GrantsOverlap(other.to_string())),
            Err(cause) => errors.add(path, cause),
        }
        compiled.list.push(grant);
    }
    compiled
}

/// Records name a flow or a grant, so no two of them share a name.
fn names(spec: &raw::Spec, entries: &[raw::Grant], errors: &mut Errors) {
    let flows: BTreeSet<&str> = spec.flows.iter().map(|flow| flow.name.as_str()).collect();
    let names = || entries.iter().map(|grant| grant.name.as_str());
    errors.unique("spec.grants", names(), ".name");
    for (number, name) in names().enumerate() {
        if flows.contains(name) {
            let path = format_args!("spec.grants[{number}].name");
            errors.add(path, Cause::Duplicate(String::from(name)));
        }
    }
}

/// Puts a grant into the index, and gives those that lead from and to some of the same segments.
fn place(
    number: usize,
    raw: &raw::Grant,
    grant: &Grant,
    path: Arguments<'_>,
    ids: &BTreeMap<&str, SegmentId>,
    compiled: &mut Grants,
    errors: &mut Errors,
) -> BTreeSet<usize> {
    let to = errors.segment(format_args!("{path}.to"), &raw.to, ids);
    let siblings = insert(
        number,
        &raw.from,
        to,
        path,
        ids,
        &mut compiled.index,
        errors,
    );
    if let Some(to) = to {
        compiled.index.add_paths(to, number, &grant.operations);
    }
    siblings
}

fn grant(raw: &raw::Grant, path: Arguments<'_>, errors: &mut Errors) -> Grant {
    errors.label(format_args!("{path}.name"), &raw.name);
    for (name, text) in [("reason", &raw.reason), ("approvedBy", &raw.approved_by)] {
        errors.text(format_args!("{path}.{name}"), text, MAXIMUM_SIGNAL_TEXT);
    }
    let operations: Vec<Operation> = operations(&raw.operations, path, errors);
    let (not_before, not_after) = times(raw, path, errors);
    Grant {
        not_before,
        not_after,
        text: Arc::new(GrantText {
            name: raw.name.clone(),
            not_before: raw.not_before.clone(),
            not_after: raw.not_after.clone(),
            reason: raw.reason.clone(),
            approved_by: raw.approved_by.clone(),
        }),
        operations,
    }
}

/// When it begins and ends; never, where one of the two is no time.
fn times(raw: &raw::Grant, path: Arguments<'_>, errors: &mut Errors) -> (TimeMs, TimeMs) {
    let end_at = format_args!("{path}.notAfter");
    let not_before = time(&raw.not_before, format_args!("{path}.notBefore"), errors);
    let not_after = time(&raw.not_after, end_at, errors);
    let Some((not_before, not_after)) = not_before.zip(not_after) else {
        return (TimeMs(0), TimeMs(0));
    };
    if not_after <= not_before {
        errors.add(end_at, Cause::EndsBeforeBeginning);
    } else if not_after.since(not_before) > Grant::MAXIMUM_MS {
        errors.add(end_at, Cause::GrantTooLong);
    }
    (not_before, not_after)
}

fn overlap_in_time(one: &Grant, other: &Grant) -> bool {
    one.not_before < other.not_after && other.not_before < one.not_after
}

#[cfg(test)]
mod tests;
