//! Grants against the clock, against the flows beside them, and against their purpose.

use std::collections::BTreeSet;

use sallyport_engine::names::PathTemplate;
use sallyport_engine::policy::GrantPhase;
use sallyport_engine::policy::raw::{Flow, Grant, Operation, Spec};
use sallyport_engine::time::TimeMs;

use super::flows::contains;
use crate::finding::{Code, Finding};
use crate::grants::{GrantState, Span};

pub(super) fn findings(spec: &Spec, now: TimeMs) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, grant) in spec.grants.iter().flatten().enumerate() {
        let path = format!("spec.grants[{number}]");
        findings.extend(time(grant, &path, now));
        findings.extend(shadowed(spec, grant, &path));
        findings.extend(for_everybody(spec, grant, &path));
    }
    findings
}

fn time(grant: &Grant, path: &str, now: TimeMs) -> Vec<Finding> {
    let name = &grant.name;
    let (Some(state), Ok(begins), Ok(ends)) = (
        GrantState::of(grant, now),
        TimeMs::parse_rfc3339(&grant.not_before),
        TimeMs::parse_rfc3339(&grant.not_after),
    ) else {
        return Vec::new();
    };
    let at = format!("{path}.notAfter");
    let length = ends.since(begins);
    let mut findings = Vec::new();
    match (state.state, state.ends_in_seconds) {
        (GrantPhase::Ended, _) => {
            let message = format!("grant `{name}` has ended and allows nothing");
            findings.push(Finding::new(Code::GrantEnded, at.clone(), message));
        }
        // Of a short one this goes without saying.
        (GrantPhase::InForce, Some(left)) if length > DAY_MS && ends.since(now) <= DAY_MS => {
            let message = format!("grant `{name}` ends in {}", Span(left));
            findings.push(Finding::new(Code::GrantEndsSoon, at.clone(), message));
        }
        (GrantPhase::InForce | GrantPhase::ToCome, _) => {}
    }
    if length > DAY_MS && state.state != GrantPhase::Ended {
        let hours = Span(length.div_ceil(1000));
        let message = format!("grant `{name}` lasts {hours}, which is more than a day");
        findings.push(Finding::new(Code::GrantLong, at, message));
    }
    findings
}

/// Operations of which a flow covers some or all requests: there the flow decides.
fn shadowed(spec: &Spec, grant: &Grant, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, operation) in grant.operations.iter().enumerate() {
        for from in &grant.from {
            let mut flows = spec.flows.iter();
            let between = |flow: &&Flow| flow.to == grant.to && flow.from.contains(from);
            let covers = |flow: &&Flow| flow.operations.iter().any(|one| overlap(one, operation));
            let Some(flow) = flows.find(|flow| between(flow) && covers(flow)) else {
                continue;
            };
            let is_all = flow.operations.iter().any(|one| contains(one, operation));
            let what = if is_all {
                "adds nothing there"
            } else {
                "counts for the rest only"
            };
            let message = format!(
                "flow `{}` covers {} of it for callers of `{from}`, and decides there: grant `{}` {what}",
                flow.name,
                if is_all { "all" } else { "some" },
                grant.name,
            );
            let path = format!("{path}.operations[{number}]");
            findings.push(Finding::new(Code::GrantShadowed, path, message));
            break;
        }
    }
    findings
}

/// Whether some request is one of both.
fn overlap(one: &Operation, other: &Operation) -> bool {
    let any = |operation: &Operation| operation.methods.iter().any(|method| method == "*");
    let methods = any(one) || any(other) || {
        let mut methods = one.methods.iter();
        methods.any(|method| other.methods.contains(method))
    };
    let ports = match (&one.ports, &other.ports) {
        (Some(one), Some(other)) => one.iter().any(|port| other.contains(port)),
        (None, _) | (_, None) => true,
    };
    let templates = |operation: &Operation| -> Vec<PathTemplate> {
        let paths = operation.paths.iter();
        paths
            .flat_map(|text| text.parse::<PathTemplate>())
            .collect()
    };
    let others = templates(other);
    methods
        && ports
        && templates(one)
            .iter()
            .any(|path| others.iter().any(|other| path.overlaps(other)))
}

/// A grant is for somebody, and for something.
fn for_everybody(spec: &Spec, grant: &Grant, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let callers: BTreeSet<&str> = grant.from.iter().map(String::as_str).collect();
    let names = spec.segments.iter().map(|segment| segment.name.as_str());
    let others: Vec<&str> = names.filter(|name| *name != grant.to).collect();
    if others.len() > 1 && others.iter().all(|name| callers.contains(name)) {
        let message = format!("grant `{}` is for every other segment", grant.name);
        findings.push(Finding::new(
            Code::GrantForAll,
            format!("{path}.from"),
            message,
        ));
    }
    for (number, operation) in grant.operations.iter().enumerate() {
        let anything = operation.methods.iter().any(|method| method == "*")
            && operation.paths.iter().any(|path| path == "/{**}");
        if anything {
            let message = format!("grant `{}` is for every method and path", grant.name);
            let path = format!("{path}.operations[{number}]");
            findings.push(Finding::new(Code::GrantForAll, path, message));
        }
    }
    findings
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
