//! Signals about callers.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::fmt::{Arguments, Display};

use super::artifacts::digest as artifact_digest;
use super::errors::Errors;
use super::limits::{MAXIMUM_SIGNAL_TEXT, MAXIMUM_SIGNALS};
use super::revocations::{digest, identity};
use crate::policy::raw::ArtifactKind;
use crate::policy::segment::SegmentId;
use crate::policy::trust::{Effect, Signal, Signals};
use crate::policy::{PolicyErrorCause as Cause, raw};
use crate::time::TimeMs;
use crate::trust::Params;

#[inline(never)]
pub(super) fn signals(spec: &raw::Spec, errors: &mut Errors) -> Signals {
    let mut compiled = Signals::default();
    let Some(entries) = &spec.signals else {
        return compiled;
    };
    errors.count("spec.signals", entries.len(), MAXIMUM_SIGNALS);
    errors.unique(
        "spec.signals",
        entries.iter().map(|signal| signal.name.as_str()),
        ".name",
    );
    let segments = spec.segments.iter().enumerate();
    let segments: BTreeMap<&str, SegmentId> = segments
        .map(|(number, segment)| (segment.name.as_str(), SegmentId(number)))
        .collect();
    for (number, entry) in entries.iter().take(MAXIMUM_SIGNALS).enumerate() {
        let path = format!("spec.signals[{number}]");
        let Some(signal) = signal(entry, &path, errors) else {
            continue;
        };
        insert(signal, entry, &path, &segments, &mut compiled, errors);
    }
    compiled
}

fn signal(entry: &raw::Signal, path: &str, errors: &mut Errors) -> Option<Signal> {
    errors.label(&format!("{path}.name"), &entry.name);
    for (name, text) in [
        ("source", &entry.source),
        ("reason", &entry.reason),
        ("author", &entry.author),
    ] {
        if !(1..=MAXIMUM_SIGNAL_TEXT).contains(&text.len()) {
            errors.add(
                &format!("{path}.{name}"),
                Cause::TextLength(MAXIMUM_SIGNAL_TEXT),
            );
        }
    }
    let effect = effect(entry, path, errors)?;
    let issued = time(&entry.issued, format_args!("{path}.issued"), errors);
    let expires = time(&entry.expires, format_args!("{path}.expires"), errors);
    let (issued, expires) = issued.zip(expires)?;
    if expires <= issued {
        errors.add(&format!("{path}.expires"), Cause::ExpiresBeforeIssued);
    }
    Some(Signal {
        issued,
        expires,
        effect,
    })
}

fn effect(entry: &raw::Signal, path: &str, errors: &mut Errors) -> Option<Effect> {
    let path = format!("{path}.milliNats");
    match (entry.effect, entry.milli_nats) {
        (raw::SignalEffect::Quarantine, None) => Some(Effect::Quarantine),
        (raw::SignalEffect::Release, None) => Some(Effect::Release),
        (raw::SignalEffect::Weigh, Some(weight @ 1..=Params::SIGNAL_CAP)) => {
            Some(Effect::Weigh(weight))
        }
        (raw::SignalEffect::Weigh, Some(_) | None) => {
            let (least, most) = (1, Params::SIGNAL_CAP.into());
            errors.add(&path, Cause::OutOfRange { least, most });
            None
        }
        (raw::SignalEffect::Quarantine | raw::SignalEffect::Release, Some(_)) => {
            errors.add(&path, Cause::WeightWithoutWeigh);
            None
        }
    }
}

fn insert(
    signal: Signal,
    entry: &raw::Signal,
    path: &str,
    segments: &BTreeMap<&str, SegmentId>,
    compiled: &mut Signals,
    errors: &mut Errors,
) {
    match &entry.about {
        raw::SignalSubject::Certificate(text) => {
            let digest = errors.keep(&format!("{path}.about.certificate"), digest(text));
            if let Some(digest) = digest {
                compiled
                    .certificates
                    .entry(digest)
                    .or_default()
                    .push(signal);
            }
        }
        raw::SignalSubject::Identity(text) => {
            let identity: Option<String> =
                errors.keep(&format!("{path}.about.identity"), identity(text));
            if let Some(identity) = identity {
                compiled
                    .identities
                    .entry(identity)
                    .or_default()
                    .push(signal);
            }
        }
        raw::SignalSubject::Segment(name) => {
            let segment = errors.segment(&format!("{path}.about.segment"), name, segments);
            if let Some(segment) = segment {
                compiled.segments.entry(segment).or_default().push(signal);
            }
        }
        raw::SignalSubject::ModelDigest(text) => {
            let path = format_args!("{path}.about.modelDigest");
            quarantine(signal, ArtifactKind::Model, text, path, compiled, errors);
        }
        raw::SignalSubject::ImageDigest(text) => {
            let path = format_args!("{path}.about.imageDigest");
            quarantine(signal, ArtifactKind::Image, text, path, compiled, errors);
        }
    }
}

/// What runs an artifact is known from tokens only, one by one: there is nobody to weigh against or
/// to release.
fn quarantine(
    signal: Signal,
    kind: ArtifactKind,
    text: &str,
    path: Arguments<'_>,
    compiled: &mut Signals,
    errors: &mut Errors,
) {
    let Some(digest) = artifact_digest(text, path, errors) else {
        return;
    };
    match signal.effect {
        Effect::Quarantine => compiled.artifacts.insert(kind, digest, signal.expires),
        Effect::Weigh(_) | Effect::Release => errors.add(path, Cause::DigestNotQuarantined),
    }
}

pub(super) fn time(text: &str, path: impl Display + Copy, errors: &mut Errors) -> Option<TimeMs> {
    let time = TimeMs::parse_rfc3339(text).map_err(|_| Cause::NotATime(text.into()));
    errors.keep(path, time)
}

#[cfg(test)]
mod tests;
