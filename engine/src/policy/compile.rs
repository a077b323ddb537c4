//! From a document to a policy: all or nothing, and all errors at once.
//!
//! The parts are never inlined. The compiler would make one function of 54 KB of them, and V8 keeps what
//! it took to optimise the largest functions of a module: 7 MB in every sidecar, for nothing.

mod artifacts;
mod errors;
mod flows;
mod grants;
mod limits;
mod mesh;
mod probes;
mod revocations;
mod segments;
mod signals;
mod trust;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use self::artifacts::manifests;
use self::errors::Errors;
use self::flows::{Defaults, flows};
use self::grants::grants;
use self::limits::{MAXIMUM_AUTHORITIES, MAXIMUM_TRUST_DOMAINS};
pub use self::mesh::compile_post_quantum_auth;
use self::mesh::{break_glass, post_quantum_auth};
use self::probes::probes;
use self::revocations::revocations;
use self::segments::segments;
use self::trust::trust;
use super::raw::{self, RequiredAssurance};
use super::{Policy, PolicyError, PolicyErrorCause as Cause};
use crate::identity::{Assurance, TrustDomain};

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
    let minimum_trust = errors
        .trust("spec.minimumTrust", spec.minimum_trust)
        .unwrap_or(0);
    let (segments, segment_index) = segments(spec, &trust_domains, &mut errors);
    authorities(spec, &trust_domains, &mut errors);
    let post_quantum_auth = post_quantum_auth(spec, &mut errors);
    let break_glass = break_glass(spec, &mut errors);
    let defaults = Defaults {
        mode: spec.mode,
        minimum_assurance: spec.minimum_assurance.into(),
        minimum_trust,
    };
    let manifests = manifests(spec, &mut errors);
    let (flows, flow_index) = flows(spec, &defaults, &manifests, &mut errors);
    let grants = grants(spec, &mut errors);
    let probes = probes(spec, &mut errors);
    let revocations = revocations(spec, &mut errors);
    let trust = trust(spec, &mut errors);
    if !errors.0.is_empty() {
        return Err(errors.0);
    }
    Ok(Policy {
        name: Arc::from(document.metadata.name.as_str()),
        mode: defaults.mode,
        trust_domains,
        minimum_assurance: defaults.minimum_assurance,
        post_quantum_auth,
        break_glass,
        minimum_trust,
        application_headers: spec.application_headers.unwrap_or(false),
        access_log: spec.access_log.unwrap_or(false),
        authorities: spec.authorities.clone(),
        manifests: manifests.into_iter().filter_map(|(_, it)| it).collect(),
        segments,
        segment_index,
        flows,
        flow_index,
        grants,
        probes,
        revocations,
        trust,
    })
}

impl From<RequiredAssurance> for Assurance {
    fn from(required: RequiredAssurance) -> Self {
        match required {
            RequiredAssurance::Classical => Self::Classical,
            RequiredAssurance::Hybrid => Self::Hybrid,
            RequiredAssurance::HybridProven => Self::HybridProven,
        }
    }
}

#[inline(never)]
fn trust_domains(names: &[String], errors: &mut Errors) -> Vec<TrustDomain> {
    let path = "spec.trustDomains";
    errors.count(path, names.len(), MAXIMUM_TRUST_DOMAINS);
    errors.unique(path, names.iter().map(String::as_str), "");
    let mut parsed = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let result = name.parse().map_err(|cause| Cause::TrustDomain {
            name: name.clone(),
            cause,
        });
        parsed.extend(errors.keep(&format!("{path}[{number}]"), result));
    }
    parsed
}

#[inline(never)]
fn authorities(spec: &raw::Spec, known: &[TrustDomain], errors: &mut Errors) {
    let Some(authorities) = &spec.authorities else {
        return;
    };
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
        (
            "certificates",
            authorities.certificates.as_ref().is_some_and(Vec::is_empty),
        ),
        (
            "tokens",
            authorities.tokens.as_ref().is_some_and(Vec::is_empty),
        ),
    ] {
        if empty {
            errors.add(&format!("spec.authorities.{role}"), Cause::Empty);
        }
    }
    levels(authorities, errors);
    if count > MAXIMUM_AUTHORITIES {
        errors.add("spec.authorities", Cause::TooMany(MAXIMUM_AUTHORITIES));
    }
}

/// No pinned ML-DSA key is of a lower level than the policy's least.
fn levels(authorities: &raw::Authorities, errors: &mut Errors) {
    let minimum = authorities.minimum_level();
    let certificates = authorities.certificates.iter().flatten().enumerate();
    let certificates = certificates.map(|(number, entry)| {
        let level = entry.alternative_key.as_ref().map(|key| key.algorithm);
        ("certificates", number, level)
    });
    let tokens = authorities.tokens.iter().flatten().enumerate();
    let tokens =
        tokens.map(|(number, entry)| ("tokens", number, entry.alternative_key.algorithm.level()));
    for (role, number, level) in certificates.chain(tokens) {
        if let Some(level) = level
            && level < minimum
        {
            errors.add(
                &format!("spec.authorities.{role}[{number}].alternativeKey.algorithm"),
                Cause::LevelTooLow { level, minimum },
            );
        }
    }
}

#[cfg(test)]
mod tests;
