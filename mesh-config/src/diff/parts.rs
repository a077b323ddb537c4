//! The parts of two documents, compared by name.

mod authorities;
mod grants;
mod overall;
mod segments;
mod signals;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use sallyport_engine::policy::Mode;
use sallyport_engine::policy::raw::{Flow, RequiredAssurance, Spec};
use sallyport_engine::time::TimeMs;
use serde::Serialize;

use super::requests::{Requests, requests};
use super::{Change, Effect, artifacts, restricted};

pub(super) fn changes(old: &Spec, new: &Spec, now: TimeMs) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    let policy = "policy";
    changes.mode(policy, old.mode, new.mode);
    changes.floor_shown(
        policy,
        "minimumAssurance",
        rank(old.minimum_assurance),
        rank(new.minimum_assurance),
        name_of,
    );
    let trust = |spec: &Spec| usize::from(spec.minimum_trust.unwrap_or(0));
    changes.floor(policy, "minimumTrust", trust(old), trust(new));
    let domains = |spec: &Spec| spec.trust_domains.iter().cloned().collect();
    let (before, after) = (domains(old), domains(new));
    let removal = segments::removal(old, new);
    changes.set_with(policy, "trust domain", &before, &after, removal);
    changes.segments(old, new);
    changes.flows(old, new);
    changes.grants(old, new);
    restricted::compare(&mut changes, old, new);
    changes.authorities(old, new);
    changes.lists(old, new);
    changes.taken_back(old, new, now);
    changes.post_quantum_auth(old, new);
    changes.break_glass(old, new);
    artifacts::manifests(&mut changes, old, new);
    changes.0
}

/// What shuts callers out beside the flows: revocations, floors and signals.
pub(super) fn taken_back(old: &Spec, new: &Spec, now: TimeMs) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    changes.taken_back(old, new, now);
    changes.0
}

/// What lets callers in for a while.
pub(super) fn granted(old: &Spec, new: &Spec) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    changes.grants(old, new);
    changes.0
}

pub(super) struct Changes(Vec<Change>);

impl Changes {
    pub(super) fn add(&mut self, effect: Effect, part: &str, change: String) {
        self.0.push(Change {
            effect,
            part: part.to_owned(),
            change,
        });
    }

    fn mode(&mut self, part: &str, old: Mode, new: Mode) {
        if old != new {
            let effect = match new {
                Mode::Enforce => Effect::Narrowing,
                Mode::Shadow => Effect::Widening,
            };
            self.add(
                effect,
                part,
                format!("mode: {} -> {}", old.as_str(), new.as_str()),
            );
        }
    }

    /// A time that lets more or less pass the later it is.
    pub(super) fn time(&mut self, part: &str, key: &str, old: &str, new: &str, if_later: Effect) {
        let (Ok(before), Ok(after)) = (TimeMs::parse_rfc3339(old), TimeMs::parse_rfc3339(new))
        else {
            return;
        };
        let is_later = match after.cmp(&before) {
            std::cmp::Ordering::Equal => return,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
        };
        let effect = if is_later == (if_later == Effect::Widening) {
            Effect::Widening
        } else {
            Effect::Narrowing
        };
        self.add(effect, part, format!("{key}: {old} -> {new}"));
    }

    /// A limit of which more lets less pass.
    pub(super) fn floor<T: Ord + Copy + Display>(&mut self, part: &str, key: &str, old: T, new: T) {
        self.floor_shown(part, key, old, new, |limit| limit.to_string());
    }

    /// The same, shown in other words.
    fn floor_shown<T: Ord + Copy>(
        &mut self,
        part: &str,
        key: &str,
        old: T,
        new: T,
        shown: impl Fn(T) -> String,
    ) {
        let effect = match new.cmp(&old) {
            std::cmp::Ordering::Less => Effect::Widening,
            std::cmp::Ordering::Greater => Effect::Narrowing,
            std::cmp::Ordering::Equal => return,
        };
        self.add(
            effect,
            part,
            format!("{key}: {} -> {}", shown(old), shown(new)),
        );
    }

    /// Things of which more lets more pass.
    pub(super) fn set(
        &mut self,
        part: &str,
        noun: &str,
        old: &BTreeSet<String>,
        new: &BTreeSet<String>,
    ) {
        self.set_with(part, noun, old, new, Effect::Narrowing);
    }

    /// The same, where it is another question what it does when one goes.
    fn set_with(
        &mut self,
        part: &str,
        noun: &str,
        old: &BTreeSet<String>,
        new: &BTreeSet<String>,
        removal: Effect,
    ) {
        for added in new.difference(old) {
            self.add(Effect::Widening, part, format!("{noun} added: {added}"));
        }
        for removed in old.difference(new) {
            self.add(removal, part, format!("{noun} removed: {removed}"));
        }
    }

    fn flows(&mut self, old: &Spec, new: &Spec) {
        let old_flows = named(&old.flows, |flow: &Flow| &flow.name);
        let new_flows = named(&new.flows, |flow: &Flow| &flow.name);
        for (name, flow) in &new_flows {
            let part = format!("flow {name}");
            match old_flows.get(name) {
                None => {
                    let text = format!("added: {}", way(&flow.from, &flow.to));
                    self.add(Effect::Widening, &part, text);
                }
                Some(before) => self.flow(&part, (old, before), (new, flow)),
            }
        }
        for (name, flow) in &old_flows {
            if !new_flows.contains_key(name) {
                let part = format!("flow {name}");
                let text = format!("removed: {}", way(&flow.from, &flow.to));
                let effect = without((old, flow), new, &flow.from);
                self.add(effect, &part, text);
            }
        }
    }

    fn flow(
        &mut self,
        part: &str,
        (old_spec, old): (&Spec, &Flow),
        (new_spec, new): (&Spec, &Flow),
    ) {
        for added in new.from.iter().filter(|from| !old.from.contains(*from)) {
            self.add(Effect::Widening, part, format!("caller added: {added}"));
        }
        for removed in old.from.iter().filter(|from| !new.from.contains(*from)) {
            let effect = without((old_spec, old), new_spec, std::slice::from_ref(removed));
            self.add(effect, part, format!("caller removed: {removed}"));
        }
        if old.to != new.to {
            self.add(
                Effect::Widening,
                part,
                format!("to: {} -> {}", old.to, new.to),
            );
        }
        // What applies is compared, where the flow's own words differ; a change of the policy's is
        // said there.
        if old.mode != new.mode {
            let mode = |spec: &Spec, flow: &Flow| flow.mode.unwrap_or(spec.mode);
            self.mode(part, mode(old_spec, old), mode(new_spec, new));
        }
        if old.minimum_assurance != new.minimum_assurance {
            let assurance = |spec: &Spec, flow: &Flow| {
                rank(flow.minimum_assurance.unwrap_or(spec.minimum_assurance))
            };
            let (before, after) = (assurance(old_spec, old), assurance(new_spec, new));
            self.floor_shown(part, "minimumAssurance", before, after, name_of);
        }
        if old.minimum_trust != new.minimum_trust {
            let trust = |spec: &Spec, flow: &Flow| {
                usize::from(flow.minimum_trust.or(spec.minimum_trust).unwrap_or(0))
            };
            let (before, after) = (trust(old_spec, old), trust(new_spec, new));
            self.floor(part, "minimumTrust", before, after);
        }
        let uncertainty = |flow: &Flow| usize::from(flow.maximum_uncertainty.unwrap_or(100));
        // More uncertainty lets more pass.
        let (before, after) = (uncertainty(old), uncertainty(new));
        let left = |value: usize| 100_usize.saturating_sub(value);
        self.floor_shown(
            part,
            "maximumUncertainty",
            left(before),
            left(after),
            |value| left(value).to_string(),
        );
        let rechecks = |flow: &Flow| usize::from(flow.recheck_streams.unwrap_or(false));
        self.floor_shown(
            part,
            "recheckStreams",
            rechecks(old),
            rechecks(new),
            |value| (value == 1).to_string(),
        );
        artifacts::requirements(self, part, old, new);
        self.operations(part, &requests(&old.operations), &requests(&new.operations));
    }

    /// What was covered before by a wider template is not widened by being said again.
    fn operations(&mut self, part: &str, old: &BTreeSet<Requests>, new: &BTreeSet<Requests>) {
        for added in new.difference(old) {
            let known = old.iter().find(|wide| wide.contains(added));
            let (effect, note) = match known {
                Some(wide) => (Effect::ReasonOnly, format!(", which {wide} covered")),
                None => (Effect::Widening, String::new()),
            };
            self.add(effect, part, format!("operation added: {added}{note}"));
        }
        for removed in old.difference(new) {
            let mut wider = new.iter().filter(|wide| wide.contains(removed));
            let kept = wider.find(|wide| wide.admits_as(removed));
            let (effect, note) = match kept {
                Some(wide) => (Effect::ReasonOnly, format!(", which {wide} covers")),
                None => (Effect::Narrowing, String::new()),
            };
            self.add(effect, part, format!("operation removed: {removed}{note}"));
        }
    }

    /// Parts that are lists of entries: what an entry says is compared as a whole.
    fn lists(&mut self, old: &Spec, new: &Spec) {
        let probes = |spec: &Spec| entries(spec.probes.iter().flatten());
        self.set("probes", "probe", &probes(old), &probes(new));
        let (before, after) = (json(&old.trust), json(&new.trust));
        if before != after {
            self.add(Effect::Widening, "trust", format!("{before} -> {after}"));
        }
        let headers = (old.application_headers, new.application_headers);
        if headers.0 != headers.1 {
            let text = "applicationHeaders differ".to_owned();
            self.add(Effect::ReasonOnly, "policy", text);
        }
    }

    /// What is taken back lets less pass: the same comparison the other way round.
    fn taken_back(&mut self, old: &Spec, new: &Spec, now: TimeMs) {
        let revocations = |spec: &Spec| entries(spec.revocations.iter().flatten());
        self.taken("revocations", &revocations(old), &revocations(new));
        let floors = |spec: &Spec| entries(spec.not_before_floors.iter().flatten());
        self.taken("notBeforeFloors", &floors(old), &floors(new));
        self.signals(old, new, now);
    }

    fn taken(&mut self, part: &str, old: &BTreeSet<String>, new: &BTreeSet<String>) {
        for added in new.difference(old) {
            self.add(Effect::Narrowing, part, format!("added: {added}"));
        }
        for removed in old.difference(new) {
            self.add(Effect::Widening, part, format!("removed: {removed}"));
        }
    }
}

/// What it does when a flow is not about some callers any more. What it refused of one passes then, if
/// it enforced, the policy only reports, and no other flow between the two enforces.
fn without((old_spec, old): (&Spec, &Flow), new: &Spec, callers: &[String]) -> Effect {
    let enforces = |spec: &Spec, flow: &Flow| flow.mode.unwrap_or(spec.mode) == Mode::Enforce;
    let opens = |from: &String| {
        let mut between = new.flows.iter();
        enforces(old_spec, old)
            && new.mode == Mode::Shadow
            && !between
                .any(|flow| flow.to == old.to && flow.from.contains(from) && enforces(new, flow))
    };
    if callers.iter().any(opens) {
        Effect::Widening
    } else {
        Effect::Narrowing
    }
}

fn named<T>(items: &[T], name: impl Fn(&T) -> &String) -> BTreeMap<&String, &T> {
    items.iter().map(|item| (name(item), item)).collect()
}

/// `web -> orders`.
fn way(from: &[String], to: &str) -> String {
    format!("{} -> {to}", from.join(", "))
}

fn entries<T: Serialize>(items: impl Iterator<Item = T>) -> BTreeSet<String> {
    items.map(|item| json(&item)).collect()
}

/// What is compared and shown; empty where there is nothing, or what cannot be shown.
fn json(value: &impl Serialize) -> String {
    match serde_json::to_string(value) {
        Ok(text) if text == "null" => "none".to_owned(),
        Ok(text) => text,
        Err(_) => "what cannot be shown".to_owned(),
    }
}

const fn rank(assurance: RequiredAssurance) -> usize {
    match assurance {
        RequiredAssurance::Classical => 0,
        RequiredAssurance::Hybrid => 1,
        RequiredAssurance::HybridProven => 2,
    }
}

fn name_of(rank: usize) -> String {
    let name = ASSURANCES.get(rank);
    name.map_or(String::new(), |name| (*name).to_owned())
}

const ASSURANCES: [&str; 3] = ["classical", "hybrid", "hybridProven"];
