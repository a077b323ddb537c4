//! Manifests of artifacts against the clock, and what flows ask of them.

use std::collections::BTreeSet;

use sallyport_engine::policy::raw::Spec;
use sallyport_engine::policy::{ArtifactRequirement, Manifest};
use sallyport_engine::time::TimeMs;

use crate::clock;
use crate::finding::{Code, Finding};
use crate::policy_file::LoadedPolicy;

pub(super) fn findings(loaded: &LoadedPolicy, now: TimeMs) -> Vec<Finding> {
    let mut findings = manifests(loaded, now);
    findings.extend(unused(loaded));
    let has_tokens = has_tokens(&loaded.document.spec);
    for (number, flow) in loaded.policy.flows().iter().enumerate() {
        for required in flow.requires() {
            let kind = required.kind().as_str();
            let path = format!("spec.flows[{number}].requires.{kind}");
            let message = unmet(required).or_else(|| {
                (!has_tokens).then(|| {
                    format!("no authority of tokens is pinned, and only a token names a {kind}")
                })
            });
            findings.extend(message.map(|message| {
                let code = Code::RequirementUnmet;
                Finding::new(code, path, message).with_hint(code.row().remedy)
            }));
        }
    }
    findings
}

/// Manifests that do not count at this time, which are errors, and those that end soon.
#[must_use]
pub fn manifests(loaded: &LoadedPolicy, now: TimeMs) -> Vec<Finding> {
    let compiled = loaded.policy.manifests().iter();
    compiled
        .filter_map(|manifest| {
            let end = manifest.not_after();
            let (code, message) = if end <= now {
                let message = format!("has expired at {}", clock::show(end));
                (Code::ManifestExpired, message)
            } else if !manifest.is_in_force(now) {
                let message = "is not valid yet".to_owned();
                (Code::ManifestNotYetValid, message)
            } else if end.since(now) <= SOON_MS {
                let message = format!("ends within 14 days, at {}", clock::show(end));
                (Code::ManifestExpiresSoon, message)
            } else {
                return None;
            };
            let message = format!("the manifest `{}` {message}", manifest.name());
            let path = path(&loaded.document.spec, manifest);
            Some(Finding::new(code, path, message).with_hint(code.row().remedy))
        })
        .collect()
}

fn unused(loaded: &LoadedPolicy) -> Vec<Finding> {
    let flows = loaded.policy.flows().iter();
    let used: BTreeSet<&str> = flows
        .flat_map(|flow| flow.requires())
        .map(|required| &**required.manifest().name())
        .collect();
    let manifests = loaded.policy.manifests().iter();
    manifests
        .filter(|manifest| !used.contains(&**manifest.name()))
        .map(|manifest| {
            let message = format!("no flow requires the manifest `{}`", manifest.name());
            let path = path(&loaded.document.spec, manifest);
            let code = Code::ManifestUnused;
            Finding::new(code, path, message).with_hint(code.row().remedy)
        })
        .collect()
}

/// Why no artifact of the manifest is good enough, if none is.
fn unmet(required: &ArtifactRequirement) -> Option<String> {
    let (kind, name) = (required.kind().as_str(), required.manifest().name());
    let listed = || required.manifest().artifacts(required.kind());
    if listed().next().is_none() {
        return Some(format!("the manifest `{name}` lists no {kind}"));
    }
    let is_met = listed().any(|artifact| required.admits(artifact));
    (!is_met)
        .then(|| format!("no {kind} of the manifest `{name}` has such a name, version and stage"))
}

/// Only their tokens have claims.
fn has_tokens(spec: &Spec) -> bool {
    let authorities = spec.authorities.as_ref();
    authorities.is_some_and(|authorities| authorities.tokens.is_some())
}

fn path(spec: &Spec, manifest: &Manifest) -> String {
    let entries = spec
        .artifacts
        .iter()
        .flat_map(|artifacts| &artifacts.manifests);
    let mut entries = entries.enumerate();
    let place = entries.find(|(_, entry)| *entry.name == **manifest.name());
    place.map_or_else(String::new, |(number, _)| {
        format!("spec.artifacts.manifests[{number}]")
    })
}

/// Long enough to review, sign and roll out another.
const SOON_MS: u64 = 14 * 24 * 60 * 60 * 1000;
