//! The flows and grants of two policies, as what is asked about: what differs comes first, and what
//! only the old policy has before all, since nobody sees it in the new one.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_engine::policy::raw::{Flow, Grant, Operation, Spec};
use sallyport_engine::time::TimeMs;

use super::named::Running;
use super::vetted::vetted;

/// From where to where, and what.
pub(super) struct Way<'a> {
    pub(super) from: &'a [String],
    pub(super) to: &'a String,
    pub(super) operations: &'a [Operation],
    /// Times after now from which on it counts, or what it requires does (RFC 3339).
    pub(super) begins: BTreeSet<&'a str>,
    /// What callers run, where it is asked about that.
    pub(super) vetted: Vec<Running>,
}

pub(super) fn ways<'a>(old: &'a Spec, new: &'a Spec, now: TimeMs) -> Vec<Way<'a>> {
    let manifests = Begins::of([old, new], now);
    let (mut changed, mut kept) = (Vec::new(), Vec::new());
    for (spec, other, is_new) in [(old, new, false), (new, old, true)] {
        let (flows, grants) = (flows(other), grants(other));
        for flow in &spec.flows {
            let way = Way {
                from: &flow.from,
                to: &flow.to,
                operations: &flow.operations,
                begins: manifests.of_flow(flow),
                vetted: vetted(flow, [old, new]),
            };
            match flows.get(flow.name.as_str()) == Some(&flow) {
                false => changed.push(way),
                true if is_new => kept.push(way),
                // It is the same as that of the new one.
                true => {}
            }
        }
        for grant in spec.grants.iter().flatten() {
            let way = Way {
                from: &grant.from,
                to: &grant.to,
                operations: &grant.operations,
                begins: later(&grant.not_before, now).into_iter().collect(),
                vetted: Vec::new(),
            };
            match grants.get(grant.name.as_str()) == Some(&grant) {
                false => changed.push(way),
                true if is_new => kept.push(way),
                true => {}
            }
        }
    }
    changed.extend(kept);
    changed
}

/// When the manifests of both policies begin, by their names.
struct Begins<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> Begins<'a> {
    fn of(specs: [&'a Spec; 2], now: TimeMs) -> Self {
        let mut begins: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let artifacts = specs.into_iter().filter_map(|spec| spec.artifacts.as_ref());
        for entry in artifacts.flat_map(|artifacts| &artifacts.manifests) {
            let begin = entry.verified.as_ref();
            let begin = begin.and_then(|verified| later(&verified.not_before, now));
            begins.entry(&entry.name).or_default().extend(begin);
        }
        Self(begins)
    }

    fn of_flow(&self, flow: &Flow) -> BTreeSet<&'a str> {
        let required = flow.requires.iter().flat_map(|requires| requires.iter());
        let begins = required.filter_map(|(_, asked)| self.0.get(asked.manifest.as_str()));
        begins.flatten().copied().collect()
    }
}

fn flows(spec: &Spec) -> BTreeMap<&str, &Flow> {
    let flows = spec.flows.iter();
    flows.map(|flow| (flow.name.as_str(), flow)).collect()
}

fn grants(spec: &Spec) -> BTreeMap<&str, &Grant> {
    let grants = spec.grants.iter().flatten();
    grants.map(|grant| (grant.name.as_str(), grant)).collect()
}

fn later(time: &str, now: TimeMs) -> Option<&str> {
    let begin = TimeMs::parse_rfc3339(time);
    begin.is_ok_and(|begin| begin > now).then_some(time)
}
