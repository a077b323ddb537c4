//! Signals of two documents: what counts against callers lets less pass, what releases them more.

use sallyport_engine::policy::raw::{Signal, SignalEffect, SignalSubject, Spec};
use sallyport_engine::time::TimeMs;

use super::super::Effect;
use super::{Changes, named};

impl Changes {
    pub(super) fn signals(&mut self, old: &Spec, new: &Spec, now: TimeMs) {
        let of = |spec: &Spec| -> Vec<Signal> { spec.signals.iter().flatten().cloned().collect() };
        let (before, after) = (of(old), of(new));
        let before = named(&before, |signal: &Signal| &signal.name);
        let after = named(&after, |signal: &Signal| &signal.name);
        for (name, signal) in &after {
            let part = format!("signal {name}");
            match before.get(name) {
                None => self.add(added(signal), &part, format!("added: {}", shown(signal))),
                Some(was) if was != signal => {
                    let text = format!("{} -> {}", shown(was), shown(signal));
                    self.add(changed(was, signal, now), &part, text);
                }
                Some(_) => {}
            }
        }
        for (name, signal) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
            let effect = match added(signal) {
                Effect::Widening => Effect::Narrowing,
                Effect::Narrowing | Effect::ReasonOnly => Effect::Widening,
            };
            let text = format!("removed: {}", shown(signal));
            self.add(effect, &format!("signal {name}"), text);
        }
    }
}

const fn added(signal: &Signal) -> Effect {
    match signal.effect {
        SignalEffect::Quarantine | SignalEffect::Weigh => Effect::Narrowing,
        SignalEffect::Release => Effect::Widening,
    }
}

/// Less passes where that is certain; what could be both is widening.
fn changed(old: &Signal, new: &Signal, now: TimeMs) -> Effect {
    let words = |signal: &Signal| {
        let (source, reason) = (signal.source.clone(), signal.reason.clone());
        (source, reason, signal.author.clone())
    };
    let counts = |signal: &Signal| {
        let (issued, expires) = (signal.issued.clone(), signal.expires.clone());
        (signal.effect, signal.milli_nats, issued, expires)
    };
    if words(old) != words(new) && (&old.about, counts(old)) == (&new.about, counts(new)) {
        return Effect::ReasonOnly;
    }
    let is_later = |old: &str, new: &str| -> Option<bool> {
        let (Ok(old), Ok(new)) = (TimeMs::parse_rfc3339(old), TimeMs::parse_rfc3339(new)) else {
            return None;
        };
        Some(new >= old)
    };
    let lasts = is_later(&old.expires, &new.expires) == Some(true);
    let is_narrowing = old.about == new.about
        && match (old.effect, new.effect) {
            (SignalEffect::Release, SignalEffect::Release) => {
                // It releases from what was before `issued`, and from nothing before that time comes.
                let counts = TimeMs::parse_rfc3339(&old.issued).is_ok_and(|issued| issued <= now);
                (counts || new.issued == old.issued)
                    && is_later(&new.issued, &old.issued) == Some(true)
                    && is_later(&new.expires, &old.expires) == Some(true)
            }
            (SignalEffect::Release, SignalEffect::Quarantine | SignalEffect::Weigh) => true,
            (SignalEffect::Quarantine | SignalEffect::Weigh, SignalEffect::Quarantine) => lasts,
            (SignalEffect::Weigh, SignalEffect::Weigh) => lasts && new.milli_nats >= old.milli_nats,
            (SignalEffect::Quarantine, SignalEffect::Weigh | SignalEffect::Release)
            | (SignalEffect::Weigh, SignalEffect::Release) => false,
        };
    if is_narrowing {
        Effect::Narrowing
    } else {
        Effect::Widening
    }
}

/// `quarantine of identity spiffe://.., 2026-11-21T08:00:00Z to 2026-11-22T08:00:00Z`.
fn shown(signal: &Signal) -> String {
    let effect = match (signal.effect, signal.milli_nats) {
        (SignalEffect::Quarantine, _) => "quarantine of".to_owned(),
        (SignalEffect::Release, _) => "release of".to_owned(),
        (SignalEffect::Weigh, weight) => {
            format!("weighs {} milli-nats against", weight.unwrap_or_default())
        }
    };
    let about = match &signal.about {
        SignalSubject::Certificate(digest) => format!("certificate {digest}"),
        SignalSubject::Identity(identity) => format!("identity {identity}"),
        SignalSubject::Segment(name) => format!("segment {name}"),
        SignalSubject::ModelDigest(digest) => format!("model {digest}"),
        SignalSubject::ImageDigest(digest) => format!("image {digest}"),
    };
    format!("{effect} {about}, {} to {}", signal.issued, signal.expires)
}
