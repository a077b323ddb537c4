//! What restricted callers may do. Of the operations that cover a request the first one says so, so
//! here their order counts; the grants come behind all flows.
//!
//! What an entry refused before may be admitted by another one now: because the entry went, or stands
//! behind the other one, or says something else. It counts as widening unless an earlier entry of
//! either list takes all that both cover, so that one of them was never asked.

use std::collections::BTreeMap;

use sallyport_engine::names::PathTemplate;
use sallyport_engine::policy::raw::{Operation, Spec, WhenRestricted};

use super::Effect;
use super::parts::Changes;
use super::requests::ports;

pub(super) fn compare(changes: &mut Changes, old: &Spec, new: &Spec) {
    let (before, after) = (ways(old), ways(new));
    for (way, new) in &after {
        // Where nothing was covered, all that is covered now was added.
        let Some(old) = before.get(way).filter(|old| *old != new) else {
            continue;
        };
        let has_rule = |list: &[Entry<'_>]| {
            let mut list = list.iter();
            list.any(|entry| entry.operation.when_restricted.is_some())
        };
        // Without a word about them, each method is for them or not wherever it stands.
        if !has_rule(old) && !has_rule(new) {
            continue;
        }
        let (old, new) = (rules(old), rules(new));
        for (number, rule) in new.iter().enumerate() {
            let shadows = new.get(..number).unwrap_or_default();
            if let Some(refused) = first_refused(&old, rule, shadows) {
                let (from, to) = way;
                let text = format!(
                    "may do {} from {from} to {to}, where {} refused them",
                    rule.text(),
                    refused.text()
                );
                changes.add(Effect::Widening, "restricted callers", text);
            }
        }
    }
}

/// The operations of a flow, or of a grant, between two segments.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry<'a> {
    operation: &'a Operation,
    /// A grant counts for a while only.
    is_lasting: bool,
}

/// From one segment to another: the operations in their order.
fn ways(spec: &Spec) -> BTreeMap<(&str, &str), Vec<Entry<'_>>> {
    let flows = spec.flows.iter();
    let flows = flows.map(|flow| (&flow.from, &flow.to, &flow.operations, true));
    let grants = spec.grants.iter().flatten();
    let grants = grants.map(|grant| (&grant.from, &grant.to, &grant.operations, false));
    let mut ways: BTreeMap<(&str, &str), Vec<Entry<'_>>> = BTreeMap::new();
    for (callers, to, operations, is_lasting) in flows.chain(grants) {
        for from in callers {
            let way = ways.entry((from, to)).or_default();
            way.extend(operations.iter().map(|operation| Entry {
                operation,
                is_lasting,
            }));
        }
    }
    ways
}

/// One method on one path at one port, or at each.
struct Rule<'a> {
    method: &'a str,
    path: &'a str,
    template: PathTemplate,
    port: Option<u16>,
    when_restricted: Option<WhenRestricted>,
    is_lasting: bool,
}

fn rules<'a>(entries: &[Entry<'a>]) -> Vec<Rule<'a>> {
    let mut rules = Vec::new();
    for Entry {
        operation,
        is_lasting,
    } in entries
    {
        let ports = ports(operation);
        for path in &operation.paths {
            // A compiled policy has no other ones.
            let Ok(template) = path.parse::<PathTemplate>() else {
                continue;
            };
            for method in &operation.methods {
                rules.extend(ports.iter().map(|port| Rule {
                    method,
                    path,
                    template: template.clone(),
                    port: *port,
                    when_restricted: operation.when_restricted,
                    is_lasting: *is_lasting,
                }));
            }
        }
    }
    rules
}

/// The first rule of before that refused something which this one admits.
fn first_refused<'r, 'a>(
    old: &'r [Rule<'a>],
    new: &Rule<'a>,
    before_new: &[Rule<'a>],
) -> Option<&'r Rule<'a>> {
    let refused = |(number, rule): &(usize, &Rule<'a>)| {
        let before_old = old.get(..*number).unwrap_or_default();
        rule.overlaps(new)
            && rule.shared_methods(new).into_iter().any(|method| {
                let is_shadowed = |earlier: &[Rule<'a>]| {
                    let mut earlier = earlier.iter();
                    earlier.any(|earlier| earlier.takes_all_of(method, rule, new))
                };
                new.admits(method) > rule.admits(method)
                    && !is_shadowed(before_old)
                    && !is_shadowed(before_new)
            })
    };
    old.iter().enumerate().find(refused).map(|(_, rule)| rule)
}

/// How much of a method is for restricted callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Admits {
    Nothing,
    /// What is no upgrade.
    Reads,
    All,
}

/// A method; none is any that no rule names.
type MethodOf<'a> = Option<&'a str>;

impl<'a> Rule<'a> {
    fn admits(&self, method: MethodOf<'_>) -> Admits {
        match self.when_restricted {
            Some(WhenRestricted::Allow) => Admits::All,
            Some(WhenRestricted::Deny) => Admits::Nothing,
            None if matches!(method, Some("GET" | "HEAD")) => Admits::Reads,
            None => Admits::Nothing,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        let methods = self.method == other.method || self.is_any() || other.is_any();
        let ports = self.port.is_none() || other.port.is_none() || self.port == other.port;
        methods && ports && self.template.overlaps(&other.template)
    }

    /// Methods that stand for all that two rules share.
    fn shared_methods(&self, other: &Self) -> Vec<MethodOf<'a>> {
        match (self.is_any(), other.is_any()) {
            (true, true) => vec![Some("GET"), Some("HEAD"), None],
            (true, false) => vec![Some(other.method)],
            (false, _) => vec![Some(self.method)],
        }
    }

    /// Whether all that two rules share is covered by this one first.
    fn takes_all_of(&self, method: MethodOf<'_>, one: &Self, other: &Self) -> bool {
        let contains = |rule: &Self| self.template.contains(&rule.template);
        self.is_lasting
            && (self.is_any() || method == Some(self.method))
            && (self.port.is_none() || self.port == one.port.or(other.port))
            && (contains(one) || contains(other))
    }

    fn is_any(&self) -> bool {
        self.method == "*"
    }

    /// `DELETE /v1/orders/{order} at 8080`.
    fn text(&self) -> String {
        let port = match self.port {
            Some(port) => port.to_string(),
            None => "any port".to_owned(),
        };
        format!("{} {} at {port}", self.method, self.path)
    }
}
