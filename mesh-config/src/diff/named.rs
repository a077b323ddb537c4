//! Whom and what a change names one by one: callers, models and images that no sample of a segment
//! stands for.

use std::collections::BTreeSet;

use sallyport_engine::identity::SpiffeId;
use sallyport_engine::policy::raw::{Revocation, SignalSubject, Spec};

use crate::policy_file::LoadedPolicy;

/// What the signals, revocations and floors name that only one of two policies has.
pub(super) struct Named {
    /// Identities, each with the segments that it is in.
    callers: Vec<(String, BTreeSet<String>)>,
    models: BTreeSet<String>,
    images: BTreeSet<String>,
}

/// The model and the image that a caller's token names.
pub(super) type Running = (Option<String>, Option<String>);

impl Named {
    pub(super) fn between(old: &LoadedPolicy, new: &LoadedPolicy) -> Self {
        let mut names = Names::default();
        let (before, after) = (&old.document.spec, &new.document.spec);
        names.of_one(before, after);
        names.of_one(after, before);
        let callers = names.identities.into_iter();
        Self {
            callers: callers
                .map(|identity| {
                    let segments = segments(&identity, [old, new]);
                    (identity, segments)
                })
                .collect(),
            models: names.models,
            images: names.images,
        }
    }

    /// The named callers of these segments.
    pub(super) fn callers_of<'a>(
        &'a self,
        names: &'a [String],
    ) -> impl Iterator<Item = String> + 'a {
        let callers = self.callers.iter();
        let of_these = callers.filter(|(_, of)| names.iter().any(|name| of.contains(name)));
        of_these.map(|(identity, _)| identity.clone()).take(MAXIMUM)
    }

    /// What tokens are asked with, one thing at a time.
    pub(super) fn running(&self) -> Vec<Running> {
        let models = self.models.iter().take(MAXIMUM);
        let images = self.images.iter().take(MAXIMUM);
        let models = models.map(|digest| (Some(digest.clone()), None));
        models
            .chain(images.map(|digest| (None, Some(digest.clone()))))
            .collect()
    }
}

#[derive(Default)]
struct Names {
    identities: BTreeSet<String>,
    models: BTreeSet<String>,
    images: BTreeSet<String>,
}

impl Names {
    /// What one document names in entries that the other has not.
    fn of_one(&mut self, spec: &Spec, other: &Spec) {
        let known = other.signals.as_deref().unwrap_or_default();
        let signals = spec.signals.iter().flatten();
        for signal in signals.filter(|signal| !known.contains(signal)) {
            match &signal.about {
                SignalSubject::Identity(text) => self.identities.insert(text.clone()),
                SignalSubject::ModelDigest(text) => self.models.insert(text.clone()),
                SignalSubject::ImageDigest(text) => self.images.insert(text.clone()),
                // No assumed caller has this certificate; the members of segments are asked anyway.
                SignalSubject::Certificate(_) | SignalSubject::Segment(_) => continue,
            };
        }
        let known = other.revocations.as_deref().unwrap_or_default();
        let revocations = spec.revocations.iter().flatten();
        for revocation in revocations.filter(|revocation| !known.contains(revocation)) {
            if let Revocation::Identity(text) = revocation {
                self.identities.insert(text.clone());
            }
        }
        let known = other.not_before_floors.as_deref().unwrap_or_default();
        let floors = spec.not_before_floors.iter().flatten();
        let floors = floors.filter(|floor| !known.contains(floor));
        self.identities
            .extend(floors.filter_map(|floor| floor.identity.clone()));
    }
}

/// The segments of an identity in both policies; none where it is out of form.
fn segments(identity: &str, policies: [&LoadedPolicy; 2]) -> BTreeSet<String> {
    let Ok(identity) = identity.parse::<SpiffeId>() else {
        return BTreeSet::new();
    };
    let policies = policies.into_iter();
    policies
        .filter_map(|loaded| loaded.segment_name(&identity))
        .collect()
}

/// Of each kind, so that they leave room for the other requests.
const MAXIMUM: usize = 16;
