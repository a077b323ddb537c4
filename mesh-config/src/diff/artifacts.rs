//! Manifests of artifacts and what flows require of them, compared.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_engine::policy::raw::{
    ArtifactKind, ArtifactRequirement, Flow, Material, PolicyManifest, Spec, VerifiedManifest,
};

use super::Effect;
use super::parts::Changes;

pub(super) fn manifests(changes: &mut Changes, old: &Spec, new: &Spec) {
    let (before, after) = (named(old), named(new));
    for (name, entry) in &after {
        let part = format!("manifest {name}");
        match before.get(name) {
            // By itself a manifest lets nothing pass; flows that require it do.
            None => changes.add(Effect::ReasonOnly, &part, "added".to_owned()),
            Some(other) => manifest(changes, &part, other, entry),
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        let part = format!("manifest {name}");
        changes.add(Effect::ReasonOnly, &part, "removed".to_owned());
    }
    let part = "artifacts";
    changes.set(
        part,
        "signing authority",
        &authorities(old),
        &authorities(new),
    );
}

fn manifest(changes: &mut Changes, part: &str, old: &PolicyManifest, new: &PolicyManifest) {
    let least = |entry: &PolicyManifest| entry.minimum_serial.unwrap_or(1);
    changes.floor(part, "minimumSerial", least(old), least(new));
    let (Some(old), Some(new)) = (&old.verified, &new.verified) else {
        return;
    };
    changes.floor(part, "serial", old.serial, new.serial);
    // It counts longer, the later it ends and the earlier it begins.
    let (begins, ends) = ("notBefore", "notAfter");
    let (before, after) = (&old.not_before, &new.not_before);
    changes.time(part, begins, before, after, Effect::Narrowing);
    let (before, after) = (&old.not_after, &new.not_after);
    changes.time(part, ends, before, after, Effect::Widening);
    if old.signed_by != new.signed_by {
        let text = format!("signed by: {} -> {}", old.signed_by, new.signed_by);
        changes.add(Effect::ReasonOnly, part, text);
    }
    changes.set(part, "artifact", &listed(old), &listed(new));
}

/// What a flow requires. Less of it lets more pass; another manifest may do both.
pub(super) fn requirements(changes: &mut Changes, part: &str, old: &Flow, new: &Flow) {
    for kind in ArtifactKind::ALL {
        let key = format!("requires.{}", kind.as_str());
        match (asked(old, kind), asked(new, kind)) {
            (None, None) => {}
            (None, Some(_)) => changes.add(Effect::Narrowing, part, format!("{key} added")),
            (Some(_), None) => changes.add(Effect::Widening, part, format!("{key} removed")),
            (Some(before), Some(after)) => requirement(changes, part, &key, before, after),
        }
    }
}

fn requirement(
    changes: &mut Changes,
    part: &str,
    key: &str,
    old: &ArtifactRequirement,
    new: &ArtifactRequirement,
) {
    if old.manifest != new.manifest {
        let text = format!("{key}.manifest: {} -> {}", old.manifest, new.manifest);
        changes.add(Effect::Widening, part, text);
    }
    for (field, before, after) in [
        ("names", &old.names, &new.names),
        ("versions", &old.versions, &new.versions),
        ("stages", &old.stages, &new.stages),
    ] {
        let key = format!("{key}.{field}");
        match (before, after) {
            (None, None) => {}
            (None, Some(_)) => changes.add(Effect::Narrowing, part, format!("{key} added")),
            (Some(_), None) => changes.add(Effect::Widening, part, format!("{key} removed")),
            (Some(before), Some(after)) => {
                let set = |list: &[String]| list.iter().cloned().collect();
                changes.set(part, &key, &set(before), &set(after));
            }
        }
    }
}

/// Whether each artifact that meets the one requirement meets the other as well.
pub(super) fn is_no_less(one: &ArtifactRequirement, other: &ArtifactRequirement) -> bool {
    let within = |one: &Option<Vec<String>>, other: &Option<Vec<String>>| match (one, other) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(one), Some(other)) => one.iter().all(|text| other.contains(text)),
    };
    one.manifest == other.manifest
        && within(&one.names, &other.names)
        && within(&one.versions, &other.versions)
        && within(&one.stages, &other.stages)
}

fn asked(flow: &Flow, kind: ArtifactKind) -> Option<&ArtifactRequirement> {
    let mut asked = flow.requires.iter().flat_map(|requires| requires.iter());
    asked.find(|(of, _)| *of == kind).map(|(_, asked)| asked)
}

fn named(spec: &Spec) -> BTreeMap<&str, &PolicyManifest> {
    let manifests = spec.artifacts.iter();
    let manifests = manifests.flat_map(|artifacts| &artifacts.manifests);
    manifests
        .map(|entry| (entry.name.as_str(), entry))
        .collect()
}

/// `model sha256:.., fraud-scorer, version 3.1.0, stage production`.
fn listed(manifest: &VerifiedManifest) -> BTreeSet<String> {
    let artifacts = manifest.artifacts.iter();
    artifacts
        .map(|artifact| {
            let version = artifact
                .version
                .iter()
                .map(|text| format!(", version {text}"));
            let stage = artifact.stage.iter().map(|text| format!(", stage {text}"));
            let (kind, digest, name) = (artifact.kind.as_str(), &artifact.digest, &artifact.name);
            let more: String = version.chain(stage).collect();
            format!("{kind} {digest}, {name}{more}")
        })
        .collect()
}

/// Who may sign: sidecars do not have them, so in slices nothing is compared.
fn authorities(spec: &Spec) -> BTreeSet<String> {
    let artifacts = spec.artifacts.iter();
    let authorities = artifacts.flat_map(|artifacts| artifacts.authorities.iter().flatten());
    authorities
        .map(|authority| match authority {
            Material::Inline(text) | Material::File(text) => {
                let digest = sallyport_credentials::sha256(text.as_bytes());
                sallyport_engine::hexadecimal::encode(&digest)
            }
        })
        .collect()
}
