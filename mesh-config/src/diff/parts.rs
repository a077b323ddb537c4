//! The parts of two documents, compared by name.

mod grants;
mod overall;
mod signals;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use sallyport_engine::policy::Mode;
use sallyport_engine::policy::raw::{Flow, RequiredAssurance, Segment, Spec};
use serde::Serialize;

use super::requests::{Requests, requests};
use super::{Change, Effect, artifacts};

pub(super) fn changes(old: &Spec, new: &Spec) -> Vec<Change> {
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
    changes.set(policy, "trust domain", &domains(old), &domains(new));
    changes.segments(old, new);
    changes.flows(old, new);
    changes.grants(old, new);
    changes.lists(old, new);
    changes.signals(old, new);
    changes.post_quantum_auth(old, new);
    changes.break_glass(old, new);
    artifacts::manifests(&mut changes, old, new);
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
        for added in new.difference(old) {
            self.add(Effect::Widening, part, format!("{noun} added: {added}"));
        }
        for removed in old.difference(new) {
            self.add(
                Effect::Narrowing,
                part,
                format!("{noun} removed: {removed}"),
            );
        }
    }

    fn segments(&mut self, old: &Spec, new: &Spec) {
        let old_segments = named(&old.segments, |segment: &Segment| &segment.name);
        let new_segments = named(&new.segments, |segment: &Segment| &segment.name);
        for (name, segment) in &new_segments {
            let part = format!("segment {name}");
            match old_segments.get(name) {
                // By itself a segment lets nothing pass; its flows do.
                None => self.add(Effect::ReasonOnly, &part, "added".to_owned()),
                Some(before) => {
                    self.set(
                        &part,
                        "workloads",
                        &workloads(old, before),
                        &workloads(new, segment),
                    );
                    if (before.callers, &before.trust) != (segment.callers, &segment.trust) {
                        let text = "other numbers of trust, or kind of callers".to_owned();
                        self.add(Effect::Widening, &part, text);
                    }
                }
            }
        }
        for name in old_segments
            .keys()
            .filter(|name| !new_segments.contains_key(*name))
        {
            let part = format!("segment {name}");
            self.add(Effect::ReasonOnly, &part, "removed".to_owned());
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
                self.add(Effect::Narrowing, &part, text);
            }
        }
    }

    fn flow(
        &mut self,
        part: &str,
        (old_spec, old): (&Spec, &Flow),
        (new_spec, new): (&Spec, &Flow),
    ) {
        let callers = |flow: &Flow| flow.from.iter().cloned().collect();
        self.set(part, "caller", &callers(old), &callers(new));
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
            let kept = new.iter().find(|wide| wide.contains(removed));
            let (effect, note) = match kept {
                Some(wide) => (Effect::ReasonOnly, format!(", which {wide} covers")),
                None => (Effect::Narrowing, String::new()),
            };
            self.add(effect, part, format!("operation removed: {removed}{note}"));
        }
    }

    /// Parts that are lists of entries: what an entry says is compared as a whole.
    fn lists(&mut self, old: &Spec, new: &Spec) {
        let authorities = |spec: &Spec| {
            let authorities = spec.authorities.iter();
            authorities
                .flat_map(|authorities| {
                    let certificates = authorities.certificates.iter().flatten();
                    let tokens = authorities.tokens.iter().flatten();
                    let certificates = certificates.map(|entry| (entry.name.clone(), json(entry)));
                    certificates.chain(tokens.map(|entry| (entry.name.clone(), json(entry))))
                })
                .collect::<BTreeMap<String, String>>()
        };
        let (before, after) = (authorities(old), authorities(new));
        for (name, entry) in &after {
            let part = format!("authority {name}");
            match before.get(name) {
                None => self.add(Effect::Widening, &part, "added".to_owned()),
                Some(other) if other != entry => {
                    self.add(
                        Effect::Widening,
                        &part,
                        "another key, name or time".to_owned(),
                    );
                }
                Some(_) => {}
            }
        }
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.add(
                Effect::Narrowing,
                &format!("authority {name}"),
                "removed".to_owned(),
            );
        }
        let level = |spec: &Spec| {
            let authorities = spec.authorities.as_ref();
            authorities
                .map(|authorities| authorities.minimum_level())
                .unwrap_or_default()
        };
        if level(old) != level(new) {
            let effect = if level(new) < level(old) {
                Effect::Widening
            } else {
                Effect::Narrowing
            };
            let text = format!("{} -> {}", level(old).name(), level(new).name());
            self.add(
                effect,
                "authorities",
                format!("minimumAlternativeLevel: {text}"),
            );
        }
        let probes = |spec: &Spec| entries(spec.probes.iter().flatten());
        self.set("probes", "probe", &probes(old), &probes(new));
        // What is taken back lets less pass: the same comparison the other way round.
        let revocations = |spec: &Spec| entries(spec.revocations.iter().flatten());
        self.taken("revocations", &revocations(old), &revocations(new));
        let floors = |spec: &Spec| entries(spec.not_before_floors.iter().flatten());
        self.taken("notBeforeFloors", &floors(old), &floors(new));
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

    fn taken(&mut self, part: &str, old: &BTreeSet<String>, new: &BTreeSet<String>) {
        for added in new.difference(old) {
            self.add(Effect::Narrowing, part, format!("added: {added}"));
        }
        for removed in old.difference(new) {
            self.add(Effect::Widening, part, format!("removed: {removed}"));
        }
    }
}

fn named<T>(items: &[T], name: impl Fn(&T) -> &String) -> BTreeMap<&String, &T> {
    items.iter().map(|item| (name(item), item)).collect()
}

/// `web -> orders`.
fn way(from: &[String], to: &str) -> String {
    format!("{} -> {to}", from.join(", "))
}

/// The workloads of a segment, each as trust domain, namespace and service account.
fn workloads(spec: &Spec, segment: &Segment) -> BTreeSet<String> {
    let domains = segment
        .trust_domains
        .as_ref()
        .unwrap_or(&spec.trust_domains);
    let any = ["*".to_owned()];
    let accounts = segment.service_accounts.as_deref().unwrap_or(&any);
    let mut all = BTreeSet::new();
    for domain in domains {
        for namespace in &segment.namespaces {
            let names = accounts.iter();
            all.extend(names.map(|account| format!("{domain}/ns/{namespace}/sa/{account}")));
        }
    }
    all
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
