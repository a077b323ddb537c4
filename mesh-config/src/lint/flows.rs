//! Flows that nothing can take, and operations that stand behind a wider one.

use std::collections::BTreeMap;

use sallyport_engine::identity::Assurance;
use sallyport_engine::names::PathTemplate;
use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, Flow, Operation, Segment, SignalEffect, SignalSubject, Spec,
};
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust;

use crate::finding::{Code, Finding};
use crate::policy_file::LoadedPolicy;
use crate::sample;

pub(super) fn findings(loaded: &LoadedPolicy, now: TimeMs) -> Vec<Finding> {
    let spec = &loaded.document.spec;
    let segments: BTreeMap<&str, Callers<'_>> = spec
        .segments
        .iter()
        .map(|segment| (segment.name.as_str(), Callers::of(loaded, segment)))
        .collect();
    let mut findings = Vec::new();
    for (number, flow) in spec.flows.iter().enumerate() {
        let path = format!("spec.flows[{number}]");
        let names = flow.from.iter();
        let callers: Vec<&Callers<'_>> = names
            .filter_map(|name| segments.get(name.as_str()))
            .collect();
        findings.extend(out_of_reach(spec, flow, &path, &callers));
        findings.extend(quarantined(spec, flow, &path, now));
        let name = format!("flow `{}`", flow.name);
        findings.extend(shadowed(&name, &flow.operations, &path));
        findings.extend(colons(&flow.operations, &path));
    }
    for (number, grant) in spec.grants.iter().flatten().enumerate() {
        let name = format!("grant `{}`", grant.name);
        let path = format!("spec.grants[{number}]");
        findings.extend(shadowed(&name, &grant.operations, &path));
        findings.extend(colons(&grant.operations, &path));
    }
    findings
}

/// What the callers of a segment can reach at best.
struct Callers<'a> {
    segment: &'a str,
    assurance: Assurance,
    trust: u8,
}

impl<'a> Callers<'a> {
    fn of(loaded: &LoadedPolicy, segment: &'a Segment) -> Self {
        let spec = &loaded.document.spec;
        let domains = segment
            .trust_domains
            .as_ref()
            .unwrap_or(&spec.trust_domains);
        let levels: Vec<Option<AlternativeAlgorithm>> = hybrid_authorities(spec)
            .filter(|(domain, _)| domains.iter().any(|known| known == domain))
            .map(|(_, level)| level)
            .collect();
        // A key of its own makes a hybrid caller hybridProven; a policy cannot rule that out.
        let assurance = if levels.is_empty() {
            Assurance::Classical
        } else {
            Assurance::HybridProven
        };
        let member = sample::members(spec, segment).next();
        let id = member.and_then(|member| loaded.policy.segment_of(&member));
        let prior = loaded.policy.trust_params(id).prior;
        let without = trust::ceiling(prior, assurance, None);
        let with = |level| trust::ceiling(prior, assurance, level);
        let trust = levels.into_iter().map(with).max().unwrap_or(without);
        Self {
            segment: &segment.name,
            assurance,
            trust,
        }
    }
}

/// The authorities that make callers hybrid: trust domain and level.
pub(crate) fn hybrid_authorities(
    spec: &Spec,
) -> impl Iterator<Item = (&str, Option<AlternativeAlgorithm>)> {
    let authorities = spec.authorities.iter();
    authorities.flat_map(|authorities| {
        let certificates = authorities
            .certificates
            .iter()
            .flatten()
            .filter_map(|entry| {
                let key = entry.alternative_key.as_ref()?;
                Some((entry.trust_domain.as_str(), Some(key.algorithm)))
            });
        let tokens = authorities.tokens.iter().flatten().map(|entry| {
            let level = entry.alternative_key.algorithm.level();
            (entry.trust_domain.as_str(), level)
        });
        certificates.chain(tokens)
    })
}

/// Segments whose callers can never satisfy the floors of the flow.
fn out_of_reach(spec: &Spec, flow: &Flow, path: &str, callers: &[&Callers<'_>]) -> Vec<Finding> {
    let required = flow.minimum_assurance.unwrap_or(spec.minimum_assurance);
    let nobody_is_hybrid = hybrid_authorities(spec).next().is_none();
    let floor = flow.minimum_trust.or(spec.minimum_trust).unwrap_or(0);
    let key = if flow.minimum_trust.is_some() {
        ".minimumTrust"
    } else {
        ""
    };
    let mut findings = Vec::new();
    for caller in callers {
        let segment = caller.segment;
        if caller.assurance < Assurance::from(required) {
            // Said once for the whole policy, as SP209.
            if !nobody_is_hybrid {
                let message = format!(
                    "no pinned authority of the trust domains of segment `{segment}` has an ML-DSA \
                     key, so its callers cannot take flow `{}`",
                    flow.name
                );
                findings.push(Finding::new(
                    Code::UnreachableFlow,
                    format!("{path}.from"),
                    message,
                ));
            }
        } else if caller.trust < floor {
            let message = format!(
                "callers of segment `{segment}` reach a trust of {} at best, flow `{}` wants {floor}",
                caller.trust, flow.name
            );
            let finding = Finding::new(Code::UnreachableTrust, format!("{path}{key}"), message);
            findings.push(finding.with_hint(format!("use at most {}", caller.trust)));
        }
    }
    findings
}

/// A flow all of whose callers are in quarantine.
fn quarantined(spec: &Spec, flow: &Flow, path: &str, now: TimeMs) -> Option<Finding> {
    let expires = |name: &String| {
        let signals = spec.signals.iter().flatten();
        let mut lasting = signals.filter(|signal| {
            signal.effect == SignalEffect::Quarantine
                && signal.about == SignalSubject::Segment(name.clone())
                && TimeMs::parse_rfc3339(&signal.expires).is_ok_and(|time| now < time)
        });
        lasting.next().map(|signal| signal.name.as_str())
    };
    let signals: Vec<&str> = flow.from.iter().map_while(expires).collect();
    let first = signals.first()?;
    (signals.len() == flow.from.len()).then(|| {
        let message = format!(
            "all callers of flow `{}` are in quarantine by signal `{first}`",
            flow.name
        );
        Finding::new(Code::UnreachableFlow, format!("{path}.from"), message)
            .with_hint("it is shut until the signal expires or is removed")
    })
}

/// Operations all of whose requests an earlier operation of the flow or grant covers.
fn shadowed(name: &str, operations: &[Operation], path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, operation) in operations.iter().enumerate() {
        let mut earlier = operations.iter().take(number).enumerate();
        let Some((other, wide)) = earlier.find(|(_, wide)| contains(wide, operation)) else {
            continue;
        };
        let path = format!("{path}.operations[{number}]");
        let message = format!("operation {other} of {name} covers all of this one");
        let hint = if wide.when_restricted == operation.when_restricted {
            "remove it"
        } else {
            "the first one that covers a request counts, so its `whenRestricted` never does: put \
             this one first"
        };
        findings.push(Finding::new(Code::ShadowedOperation, path, message).with_hint(hint));
    }
    findings
}

/// Segments of paths that look like variables of other software.
fn colons(operations: &[Operation], path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, operation) in operations.iter().enumerate() {
        for (place, template) in operation.paths.iter().enumerate() {
            let names = template
                .split('/')
                .filter_map(|part| part.strip_prefix(':'));
            findings.extend(names.filter(|name| !name.is_empty()).map(|name| {
                let path = format!("{path}.operations[{number}].paths[{place}]");
                let message = format!("`:{name}` is text like any other, and no variable");
                let hint = format!("write `{{{name}}}` where any text may stand");
                Finding::new(Code::ColonSegment, path, message).with_hint(hint)
            }));
        }
    }
    findings
}

/// Whether each request of the one is one of the other. False where it takes several paths of the
/// wide operation together to cover one of the narrow one.
pub(super) fn contains(wide: &Operation, narrow: &Operation) -> bool {
    let methods = wide.methods.iter().any(|method| method == "*")
        || narrow
            .methods
            .iter()
            .all(|method| wide.methods.contains(method));
    let ports = match (&wide.ports, &narrow.ports) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow.iter().all(|port| wide.contains(port)),
    };
    methods && ports && {
        let templates = wide.paths.iter();
        let templates = templates.flat_map(|text| text.parse::<PathTemplate>());
        let templates: Vec<PathTemplate> = templates.collect();
        let covered = |narrow: PathTemplate| templates.iter().any(|path| path.contains(&narrow));
        let mut paths = narrow.paths.iter();
        paths.all(|text| text.parse::<PathTemplate>().is_ok_and(covered))
    }
}
