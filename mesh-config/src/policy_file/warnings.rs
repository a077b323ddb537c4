//! What is allowed in a policy, and is probably not meant.

use std::collections::BTreeSet;

use sallyport_engine::policy::Mode;
use sallyport_engine::policy::raw::{
    AlternativeTokenAlgorithm, Flow, PolicyDocument, RequiredAssurance, Spec,
};

use crate::finding::{Code, Finding};

/// All warnings about a policy that is valid.
pub(super) fn warnings(document: &PolicyDocument) -> Vec<Finding> {
    let spec = &document.spec;
    let mut findings = shadow(spec);
    findings.extend(unreachable_assurance(spec));
    findings.extend(lonely_segments(spec));
    findings.extend(legacy_algorithms(spec));
    findings.extend(idle_authorities(spec));
    findings
}

fn shadow(spec: &Spec) -> Vec<Finding> {
    let shadow = |path: String, message: String| {
        Finding::new(Code::Shadow, path, message)
            .with_hint("set `mode: enforce` once the reports are clean")
    };
    let enforces = |flow: &Flow| matches!(flow.mode, Some(Mode::Enforce));
    let policy = matches!(spec.mode, Mode::Shadow).then(|| {
        let message = if spec.flows.iter().any(enforces) {
            "the policy is in shadow: only flows that enforce refuse, the rest is only reported"
        } else {
            "the policy is in shadow: nothing is refused, only reported"
        };
        shadow("spec.mode".to_owned(), message.to_owned())
    });
    let flows = spec.flows.iter().enumerate().filter_map(|(number, flow)| {
        let name = &flow.name;
        let message = match (spec.mode, flow.mode) {
            (Mode::Enforce, Some(Mode::Shadow)) => {
                format!("flow `{name}` is in shadow: what it covers is not refused, only reported")
            }
            (Mode::Shadow, Some(Mode::Enforce)) => format!(
                "flow `{name}` enforces within a policy in shadow: only callers whose segment the \
                 flow names are refused; others pass until the policy enforces"
            ),
            (Mode::Enforce, Some(Mode::Enforce) | None)
            | (Mode::Shadow, Some(Mode::Shadow) | None) => return None,
        };
        Some(shadow(format!("spec.flows[{number}].mode"), message))
    });
    policy.into_iter().chain(flows).collect()
}

/// Without an ML-DSA key nobody can be `hybrid`.
fn unreachable_assurance(spec: &Spec) -> Vec<Finding> {
    let authorities = spec.authorities.as_ref();
    let hybrid_certificates = authorities
        .and_then(|authorities| authorities.certificates.as_ref())
        .is_some_and(|entries| entries.iter().any(|entry| entry.alternative_key.is_some()));
    let tokens = authorities.is_some_and(|authorities| authorities.tokens.is_some());
    if hybrid_certificates || tokens {
        return Vec::new();
    }
    let policy = (
        "spec.minimumAssurance".to_owned(),
        Some(spec.minimum_assurance),
    );
    let flows = spec.flows.iter().enumerate().map(|(number, flow)| {
        (
            format!("spec.flows[{number}].minimumAssurance"),
            flow.minimum_assurance,
        )
    });
    [policy]
        .into_iter()
        .chain(flows)
        .filter(|(_, required)| {
            matches!(
                required,
                Some(RequiredAssurance::Hybrid | RequiredAssurance::HybridProven)
            )
        })
        .map(|(path, _)| {
            Finding::new(
                Code::UnreachableAssurance,
                path,
                "no pinned authority has an ML-DSA key, so nobody is `hybrid`",
            )
            .with_hint("pin one under `spec.authorities`, or require `classical`")
        })
        .collect()
}

fn lonely_segments(spec: &Spec) -> Vec<Finding> {
    let grants = spec.grants.iter().flatten();
    let named: BTreeSet<&str> = spec
        .flows
        .iter()
        .flat_map(|flow| flow.from.iter().chain([&flow.to]))
        .chain(grants.flat_map(|grant| grant.from.iter().chain([&grant.to])))
        .map(String::as_str)
        .collect();
    spec.segments
        .iter()
        .enumerate()
        .filter(|(_, segment)| !named.contains(segment.name.as_str()))
        .map(|(number, segment)| {
            let path = format!("spec.segments[{number}]");
            let message = format!("no flow leads to or from segment `{}`", segment.name);
            Finding::new(Code::LonelySegment, path, message)
                .with_hint("its workloads may call nobody, and nobody them")
        })
        .collect()
}

fn legacy_algorithms(spec: &Spec) -> Vec<Finding> {
    let tokens = spec
        .authorities
        .iter()
        .filter_map(|authorities| authorities.tokens.as_ref());
    tokens
        .flatten()
        .enumerate()
        .filter(|(_, entry)| {
            matches!(
                entry.alternative_key.algorithm,
                AlternativeTokenAlgorithm::Dilithium5
            )
        })
        .map(|(number, _)| {
            let path = format!("spec.authorities.tokens[{number}].alternativeKey.algorithm");
            let message = "`Dilithium5` is the code before FIPS 204; it is no longer maintained";
            Finding::new(Code::LegacyAlgorithm, path, message)
                .with_hint("let the authority sign with `ML-DSA-87`")
        })
        .collect()
}

/// Authorities of a trust domain that no segment is of.
fn idle_authorities(spec: &Spec) -> Vec<Finding> {
    let everywhere = spec
        .segments
        .iter()
        .any(|segment| segment.trust_domains.is_none());
    let used: BTreeSet<&str> = spec
        .segments
        .iter()
        .flat_map(|segment| segment.trust_domains.iter().flatten())
        .map(String::as_str)
        .collect();
    let authorities = spec.authorities.as_ref();
    let certificates = authorities.and_then(|entries| entries.certificates.as_ref());
    let certificates = certificates.into_iter().flatten().enumerate();
    let tokens = authorities.and_then(|entries| entries.tokens.as_ref());
    let tokens = tokens.into_iter().flatten().enumerate();
    certificates
        .map(|(number, entry)| ("certificates", number, &entry.trust_domain))
        .chain(tokens.map(|(number, entry)| ("tokens", number, &entry.trust_domain)))
        .filter(|(_, _, domain)| !everywhere && !used.contains(domain.as_str()))
        .map(|(role, number, domain)| {
            let path = format!("spec.authorities.{role}[{number}]");
            let message = format!("no segment is of its trust domain `{domain}`");
            Finding::new(Code::IdleAuthority, path, message)
                .with_hint("remove the authority, or add the segment")
        })
        .collect()
}
