//! Manifests of vetted models and images, and what flows ask of them.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Arguments;

use super::errors::Errors;
use super::limits::{
    MAXIMUM_ARTIFACT_TEXT, MAXIMUM_ARTIFACTS, MAXIMUM_AUTHORITIES, MAXIMUM_MANIFESTS,
    MAXIMUM_REQUIRED_TEXTS,
};
use super::signals::time;
use crate::artifact::ArtifactDigest;
use crate::policy::artifacts::{Artifact, ArtifactRequirement, Manifest};
use crate::policy::{PolicyErrorCause as Cause, raw};

/// The manifests by the names that flows use.
pub(super) type Manifests<'a> = Vec<(&'a str, Option<Arc<Manifest>>)>;

/// A manifest with an error has a name still, so that flows which use it are not in error too.
#[inline(never)]
pub(super) fn manifests<'a>(spec: &'a raw::Spec, errors: &mut Errors) -> Manifests<'a> {
    let mut compiled = Manifests::new();
    let Some(artifacts) = &spec.artifacts else {
        return compiled;
    };
    authorities(artifacts, errors);
    let path = "spec.artifacts.manifests";
    let entries = &artifacts.manifests;
    errors.count(path, entries.len(), MAXIMUM_MANIFESTS);
    errors.unique(
        path,
        entries.iter().map(|entry| entry.name.as_str()),
        ".name",
    );
    let mut left = MAXIMUM_ARTIFACTS;
    for (number, entry) in entries.iter().take(MAXIMUM_MANIFESTS).enumerate() {
        let path = format!("{path}[{number}]");
        errors.label(format_args!("{path}.name"), &entry.name);
        let manifest = manifest(entry, &path, &mut left, errors);
        compiled.push((entry.name.as_str(), manifest.map(Arc::new)));
    }
    compiled
}

/// Their keys are read by who verifies manifests, which is not the engine.
fn authorities(artifacts: &raw::Artifacts, errors: &mut Errors) {
    let path = "spec.artifacts.authorities";
    let named = artifacts.authorities.as_deref();
    if let Some(entries) = named {
        errors.count(path, entries.len(), MAXIMUM_AUTHORITIES);
        for (number, entry) in entries.iter().enumerate() {
            if let raw::Material::File(_) = entry {
                errors.add(format_args!("{path}[{number}]"), Cause::Unresolved);
            }
        }
    }
}

fn manifest(
    entry: &raw::PolicyManifest,
    path: &str,
    left: &mut usize,
    errors: &mut Errors,
) -> Option<Manifest> {
    let verified = match (&entry.file, &entry.verified) {
        (None, Some(verified)) => verified,
        (Some(_), None) => {
            errors.add(format_args!("{path}.file"), Cause::Unresolved);
            return None;
        }
        (Some(_), Some(_)) | (None, None) => {
            errors.add(path, Cause::ManifestOfOne);
            return None;
        }
    };
    let minimum = entry.minimum_serial.unwrap_or(1);
    if verified.serial < minimum {
        let serial = verified.serial;
        errors.add(path, Cause::ManifestOlder { serial, minimum });
    }
    let path = format!("{path}.verified");
    errors.label(format_args!("{path}.signedBy"), &verified.signed_by);
    errors.keep(
        format_args!("{path}.sha256"),
        super::revocations::digest(&verified.sha256),
    );
    let not_before = time(&verified.not_before, &format!("{path}.notBefore"), errors);
    let not_after = time(&verified.not_after, &format!("{path}.notAfter"), errors);
    let (not_before, not_after) = not_before.zip(not_after)?;
    if not_after <= not_before {
        errors.add(format_args!("{path}.notAfter"), Cause::EndsBeforeItBegins);
    }
    let entries = &verified.artifacts;
    let path = format!("{path}.artifacts");
    if entries.is_empty() {
        errors.add(&path, Cause::Empty);
    }
    if entries.len() > *left {
        errors.add(&path, Cause::TooManyArtifacts(MAXIMUM_ARTIFACTS));
    }
    let mut manifest = Manifest {
        name: Arc::from(entry.name.as_str()),
        serial: verified.serial,
        not_before,
        not_after,
        artifacts: Vec::new(),
    };
    for (number, entry) in entries.iter().take(*left).enumerate() {
        let path = format_args!("{path}[{number}]");
        let Some(artifact) = artifact(entry, path, errors) else {
            continue;
        };
        // INVARIANT: in this order, which they are searched by, and each once.
        let before = manifest.artifacts.last();
        if before.is_some_and(|before| before.key() >= artifact.key()) {
            errors.add(path, Cause::ArtifactOrder);
        }
        manifest.artifacts.push(artifact);
    }
    *left = left.saturating_sub(entries.len());
    Some(manifest)
}

fn artifact(
    entry: &raw::VettedArtifact,
    path: Arguments<'_>,
    errors: &mut Errors,
) -> Option<Artifact> {
    let texts = [
        ("name", Some(&entry.name)),
        ("version", entry.version.as_ref()),
        ("stage", entry.stage.as_ref()),
    ];
    for (field, value) in texts {
        if let Some(value) = value {
            errors.text(format_args!("{path}.{field}"), value, MAXIMUM_ARTIFACT_TEXT);
        }
    }
    let digest = digest(&entry.digest, format_args!("{path}.digest"), errors)?;
    Some(Artifact {
        kind: entry.kind,
        digest,
        name: Box::from(entry.name.as_str()),
        version: entry.version.as_deref().map(Box::from),
        stage: entry.stage.as_deref().map(Box::from),
    })
}

/// What a flow asks of its callers.
pub(super) fn requirements(
    asked: Option<&raw::Requirements>,
    path: Arguments<'_>,
    manifests: &Manifests<'_>,
    errors: &mut Errors,
) -> Vec<Arc<ArtifactRequirement>> {
    let Some(asked) = asked else {
        return Vec::new();
    };
    if asked.model.is_none() && asked.image.is_none() {
        errors.add(path, Cause::Empty);
    }
    let mut compiled = Vec::new();
    for (kind, asked) in asked.iter() {
        let path = format_args!("{path}.{}", kind.as_str());
        let names = texts(asked.names.as_deref(), format_args!("{path}.names"), errors);
        let versions = texts(
            asked.versions.as_deref(),
            format_args!("{path}.versions"),
            errors,
        );
        let stages = texts(
            asked.stages.as_deref(),
            format_args!("{path}.stages"),
            errors,
        );
        let manifest = errors.manifest(format_args!("{path}.manifest"), &asked.manifest, manifests);
        if let Some(manifest) = manifest {
            compiled.push(Arc::new(ArtifactRequirement {
                kind,
                manifest,
                names,
                versions,
                stages,
            }));
        }
    }
    compiled
}

/// An absent list is any; an empty one is an error.
fn texts(
    list: Option<&[String]>,
    path: Arguments<'_>,
    errors: &mut Errors,
) -> Option<Vec<Box<str>>> {
    let list = list?;
    errors.count(path, list.len(), MAXIMUM_REQUIRED_TEXTS);
    errors.unique(path, list.iter().map(String::as_str), "");
    for (number, value) in list.iter().take(MAXIMUM_REQUIRED_TEXTS).enumerate() {
        errors.text(
            format_args!("{path}[{number}]"),
            value,
            MAXIMUM_ARTIFACT_TEXT,
        );
    }
    Some(list.iter().map(|text| Box::from(text.as_str())).collect())
}

pub(super) fn digest(
    text: &str,
    path: Arguments<'_>,
    errors: &mut Errors,
) -> Option<ArtifactDigest> {
    let digest = text
        .parse()
        .map_err(|_| Cause::NotAnArtifactDigest(text.into()));
    errors.keep(path, digest)
}

#[cfg(test)]
mod tests;
