//! Workloads that stand for all others. Two policies tell workloads apart by segment, trust domain and
//! namespace, and by their own name only where they name one; so one of each kind is enough.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy_file::LoadedPolicy;
use crate::sample;

/// One workload for each trust domain and namespace of a segment in the old and one in the new policy.
pub(super) struct Members {
    by_segment: BTreeMap<String, BTreeSet<String>>,
}

/// The segments of a workload in both policies, and what else tells it apart.
type Kind = ([Option<String>; 2], String);

impl Members {
    pub(super) fn of(policies: [&LoadedPolicy; 2]) -> Self {
        let mut kinds: BTreeMap<Kind, String> = BTreeMap::new();
        for loaded in policies {
            let spec = &loaded.document.spec;
            for segment in &spec.segments {
                for member in sample::members(spec, segment) {
                    let segments = policies.map(|loaded| loaded.segment_name(&member));
                    let place = place(member.as_str());
                    let member = member.to_string();
                    kinds.entry((segments, place)).or_insert(member);
                }
            }
        }
        let mut by_segment: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for ((segments, _), member) in kinds {
            for segment in segments.into_iter().flatten() {
                by_segment
                    .entry(segment)
                    .or_default()
                    .insert(member.clone());
            }
        }
        Self { by_segment }
    }

    /// Those that are in one of the segments, in either policy.
    pub(super) fn of_segments<'a>(
        &'a self,
        names: impl IntoIterator<Item = &'a String>,
    ) -> BTreeSet<String> {
        let names = names.into_iter();
        let members = names.filter_map(|name| self.by_segment.get(name));
        members.flatten().cloned().collect()
    }

    pub(super) fn all(&self) -> BTreeSet<String> {
        self.by_segment.values().flatten().cloned().collect()
    }
}

/// Trust domain and namespace: all but the service account.
fn place(identity: &str) -> String {
    let place = identity.rsplit_once('/').map(|(place, _)| place);
    place.unwrap_or(identity).to_owned()
}
