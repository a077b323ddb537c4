//! Grants of two documents: a new one opens something, and so does one that lasts longer, or beside
//! which the flows ask for less.

use std::collections::BTreeSet;

use sallyport_engine::policy::raw::{ArtifactKind, ArtifactRequirement, Flow, Grant, Spec};

use super::super::requests::requests;
use super::super::{Effect, artifacts};
use super::{Changes, json, name_of, named, rank, way};

impl Changes {
    pub(super) fn grants(&mut self, old: &Spec, new: &Spec) {
        let of = |spec: &Spec| -> Vec<Grant> { spec.grants.iter().flatten().cloned().collect() };
        let (before, after) = (of(old), of(new));
        let before = named(&before, |grant: &Grant| &grant.name);
        let after = named(&after, |grant: &Grant| &grant.name);
        for (name, grant) in &after {
            let part = format!("grant {name}");
            match before.get(name) {
                None => self.add(Effect::Widening, &part, format!("added: {}", shown(grant))),
                Some(was) => self.grant(&part, (old, was), (new, grant)),
            }
        }
        for (name, grant) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
            let text = format!("removed: {}", shown(grant));
            self.add(Effect::Narrowing, &format!("grant {name}"), text);
        }
    }

    fn grant(
        &mut self,
        part: &str,
        (old_spec, old): (&Spec, &Grant),
        (new_spec, new): (&Spec, &Grant),
    ) {
        let callers = |grant: &Grant| -> BTreeSet<String> { grant.from.iter().cloned().collect() };
        self.set(part, "caller", &callers(old), &callers(new));
        if old.to != new.to {
            let text = format!("to: {} -> {}", old.to, new.to);
            self.add(Effect::Widening, part, text);
        }
        let (begins, ends) = ("notBefore", "notAfter");
        self.time(
            part,
            begins,
            &old.not_before,
            &new.not_before,
            Effect::Narrowing,
        );
        self.time(part, ends, &old.not_after, &new.not_after, Effect::Widening);
        self.operations(part, &requests(&old.operations), &requests(&new.operations));
        if (&old.reason, &old.approved_by) != (&new.reason, &new.approved_by) {
            let text = "another reason, or approved by another".to_owned();
            self.add(Effect::ReasonOnly, part, text);
        }
        for from in callers(old).intersection(&callers(new)) {
            let (before, after) = (
                Minima::of(old_spec, from, &old.to),
                Minima::of(new_spec, from, &new.to),
            );
            self.minima(part, from, &before, &after);
        }
    }

    /// What it asks for changes with the policy and the flows beside it.
    fn minima(&mut self, part: &str, from: &str, old: &Minima, new: &Minima) {
        let key = |name: &str| format!("{name} of callers of {from}");
        let (before, after) = (old.assurance, new.assurance);
        self.floor_shown(part, &key("least assurance"), before, after, name_of);
        self.floor(part, &key("least trust"), old.trust, new.trust);
        let left = |value: usize| 100_usize.saturating_sub(value);
        let (before, after) = (left(old.uncertainty), left(new.uncertainty));
        self.floor_shown(part, &key("most uncertainty"), before, after, |value| {
            left(value).to_string()
        });
        let shown = |(kind, asked): &Asked| format!("requires.{}: {}", kind.as_str(), json(asked));
        let missing = |all: &[Asked], of: &[Asked]| -> Vec<String> {
            let is_met = |asked: &&Asked| all.iter().any(|one| is_no_less(one, asked));
            of.iter()
                .filter(|asked| !is_met(asked))
                .map(shown)
                .collect()
        };
        for gone in missing(&new.requires, &old.requires) {
            let text = format!("no more of callers of {from}: {gone}");
            self.add(Effect::Widening, part, text);
        }
        for asked in missing(&old.requires, &new.requires) {
            let text = format!("also of callers of {from}: {asked}");
            self.add(Effect::Narrowing, part, text);
        }
    }
}

/// What a grant from one segment to another asks for.
struct Minima {
    assurance: usize,
    trust: usize,
    uncertainty: usize,
    requires: Vec<Asked>,
}

/// What a flow requires of models or of images.
type Asked = (ArtifactKind, ArtifactRequirement);

/// Whether who brings the one brings the other as well.
fn is_no_less((kind, one): &Asked, (other_kind, other): &Asked) -> bool {
    kind == other_kind && artifacts::is_no_less(one, other)
}

impl Minima {
    fn of(spec: &Spec, from: &str, to: &str) -> Self {
        let of_policy = Self {
            assurance: rank(spec.minimum_assurance),
            trust: usize::from(spec.minimum_trust.unwrap_or(0)),
            uncertainty: 100,
            requires: Vec::new(),
        };
        let leads = |flow: &&Flow| flow.to == to && flow.from.iter().any(|name| name == from);
        spec.flows
            .iter()
            .filter(leads)
            .fold(of_policy, |mut all, flow| {
                let assurance = flow.minimum_assurance.map_or(0, rank);
                let uncertainty = usize::from(flow.maximum_uncertainty.unwrap_or(100));
                let required = flow.requires.iter().flat_map(|requires| requires.iter());
                let required = required.map(|(kind, asked)| (kind, asked.clone()));
                all.requires.extend(required);
                Self {
                    assurance: all.assurance.max(assurance),
                    trust: all.trust.max(usize::from(flow.minimum_trust.unwrap_or(0))),
                    uncertainty: all.uncertainty.min(uncertainty),
                    requires: all.requires,
                }
            })
    }
}

fn shown(grant: &Grant) -> String {
    let way = way(&grant.from, &grant.to);
    format!("{way}, {} to {}", grant.not_before, grant.not_after)
}
