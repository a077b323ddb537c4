//! What holds for the whole mesh: what it asks of credentials, and a break-glass.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::errors::Errors;
use super::limits::{MAXIMUM_SEGMENTS, MAXIMUM_SIGNAL_TEXT};
use super::signals::time;
use crate::policy::break_glass::{BreakGlass, BreakGlassText};
use crate::policy::post_quantum::PostQuantumAuth;
use crate::policy::segment::SegmentId;
use crate::policy::{PolicyError, PolicyErrorCause as Cause, raw};

#[inline(never)]
pub(super) fn post_quantum_auth(spec: &raw::Spec, errors: &mut Errors) -> Option<PostQuantumAuth> {
    let raw = spec.post_quantum_auth.as_ref()?;
    Some(asked(raw, errors))
}

/// Compiles what a mesh asks, by itself.
///
/// # Errors
/// Every rule that it breaks, each with its path in a policy.
pub fn compile_post_quantum_auth(
    raw: &raw::PostQuantumAuth,
) -> Result<PostQuantumAuth, Vec<PolicyError>> {
    let mut errors = Errors::default();
    let compiled = asked(raw, &mut errors);
    if errors.0.is_empty() {
        Ok(compiled)
    } else {
        Err(errors.0)
    }
}

fn asked(raw: &raw::PostQuantumAuth, errors: &mut Errors) -> PostQuantumAuth {
    if let Some(names) = &raw.exempt_namespaces {
        errors.labels("spec.postQuantumAuth.exemptNamespaces", names);
    }
    raw.into()
}

impl From<&raw::PostQuantumAuth> for PostQuantumAuth {
    fn from(raw: &raw::PostQuantumAuth) -> Self {
        Self {
            mode: raw.mode(),
            minimum_assurance: raw.minimum_assurance().into(),
            key_exchange: raw.key_exchange(),
            exempt_namespaces: raw.exempt_namespaces().map(String::from).collect(),
        }
    }
}

#[inline(never)]
pub(super) fn break_glass(spec: &raw::Spec, errors: &mut Errors) -> Option<BreakGlass> {
    let raw = spec.break_glass.as_ref()?;
    let path = "spec.breakGlass";
    if !(1..=MAXIMUM_SIGNAL_TEXT).contains(&raw.reason.len()) {
        let reason = format!("{path}.reason");
        errors.add(&reason, Cause::TextLength(MAXIMUM_SIGNAL_TEXT));
    }
    let segments = raw
        .segments
        .as_ref()
        .map(|names| segments(names, spec, errors));
    let until = time(&raw.until, &format!("{path}.until"), errors)?;
    Some(BreakGlass {
        until,
        text: Arc::new(BreakGlassText {
            until: raw.until.clone(),
            reason: raw.reason.clone(),
        }),
        segments,
    })
}

fn segments(names: &[String], spec: &raw::Spec, errors: &mut Errors) -> Vec<SegmentId> {
    let path = "spec.breakGlass.segments";
    errors.count(path, names.len(), MAXIMUM_SEGMENTS);
    errors.unique(path, names.iter().map(String::as_str), "");
    let known = spec.segments.iter().enumerate();
    let known: BTreeMap<&str, SegmentId> = known
        .map(|(number, segment)| (segment.name.as_str(), SegmentId(number)))
        .collect();
    let mut found = Vec::new();
    for (number, name) in names.iter().enumerate() {
        found.extend(errors.segment(&format!("{path}[{number}]"), name, &known));
    }
    found
}

#[cfg(test)]
mod tests;
