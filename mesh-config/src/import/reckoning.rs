//! Which requests Istio surely allows, from each caller to each called workload.
//!
//! INVARIANT: a result never holds a request that Istio denies. What an ALLOW policy may not match
//! is left out, what a DENY policy may match is taken away, and where the labels of a workload are not
//! known, only that counts which is allowed with any labels.

use std::collections::{BTreeMap, BTreeSet};

use super::callers::Caller;
use super::clause::{Clause, Test};
use super::labels::{self, Labels};
use super::mesh::Mesh;
use super::pattern::Match;
use super::policy::{Action, AuthorizationPolicy, Scope};
use super::region::{self, Extent, Region, Regions};
use super::template::Template;
use super::values::Values;
use super::{Options, losses::Losses};
use crate::finding::{Code, Finding};

/// The service account that is called, or all those of a namespace that nobody named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Called {
    pub(super) namespace: String,
    pub(super) account: Option<String>,
}

/// What may be asked of a called workload, by caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Admission {
    pub(super) regions: Vec<Region>,
    /// Whether only ALLOW policies on trial apply there: Istio lets everything pass and reports.
    pub(super) is_trial: bool,
}

/// The number of a clause: its policy, and its place there.
pub(super) type ClauseId = (usize, usize);

/// All policies, ready to be asked.
pub(super) struct Reckoning<'a> {
    mesh: &'a Mesh,
    policies: &'a [AuthorizationPolicy<'a>],
    options: &'a Options,
    extents: BTreeMap<ClauseId, Extent>,
    /// What the clauses of ALLOW policies surely allow.
    allowed: BTreeMap<ClauseId, Regions>,
}

/// One way in which the policies may apply to pods of a service account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Hypothesis {
    /// The ALLOW policies; none: everything is allowed.
    allow: BTreeSet<usize>,
    deny: BTreeSet<usize>,
    is_trial: bool,
}

/// The clauses that concern a caller, for each hypothesis.
type Concern = Vec<(Option<Vec<ClauseId>>, Vec<ClauseId>)>;

impl<'a> Reckoning<'a> {
    pub(super) fn new(
        mesh: &'a Mesh,
        policies: &'a [AuthorizationPolicy<'a>],
        options: &'a Options,
    ) -> Self {
        let mut extents = BTreeMap::new();
        let mut allowed = BTreeMap::new();
        for (number, policy) in policies.iter().enumerate() {
            for (place, clause) in policy.clauses.iter().enumerate() {
                let extent = extent(clause, mesh);
                if policy.action == Action::Allow {
                    allowed.insert((number, place), extent.surely());
                }
                extents.insert((number, place), extent);
            }
        }
        Self {
            mesh,
            policies,
            options,
            extents,
            allowed,
        }
    }

    /// What each of the callers may ask of the called workloads. Where nobody runs, nothing is lost.
    pub(super) fn admissions(
        &self,
        called: &Called,
        callers: &[Caller],
        losses: &mut Losses,
    ) -> Vec<Admission> {
        let mut unseen = Losses::default();
        let has_pods = self.mesh.may_have_pods(called);
        let losses = if has_pods { losses } else { &mut unseen };
        let hypotheses = self.hypotheses(called, losses);
        let is_trial = hypotheses.iter().all(|hypothesis| hypothesis.is_trial);
        // Most callers are alike.
        let mut known: BTreeMap<Concern, Vec<Region>> = BTreeMap::new();
        let mut admissions = Vec::new();
        for caller in callers {
            let concern = self.concern(&hypotheses, caller, losses);
            let regions = match known.get(&concern) {
                Some(regions) => regions.clone(),
                None => {
                    let regions = self.regions(&concern, losses);
                    known.insert(concern, regions.clone());
                    regions
                }
            };
            admissions.push(Admission { regions, is_trial });
        }
        admissions
    }

    fn hypotheses(&self, called: &Called, losses: &mut Losses) -> BTreeSet<Hypothesis> {
        let namespace = self.mesh.namespaces.get(&called.namespace);
        let workloads = namespace.iter().flat_map(|namespace| &namespace.workloads);
        let of_account =
            workloads.filter(|workload| Some(&workload.account) == called.account.as_ref());
        let labels: Vec<&Labels> = of_account.map(|workload| &workload.labels).collect();
        let mut hypotheses = BTreeSet::new();
        if labels.is_empty() {
            self.suppose(called, |_| Match::Maybe, &mut hypotheses, losses);
            return hypotheses;
        }
        let mut ways = 0_usize;
        for labels in labels {
            let mut own = BTreeSet::new();
            self.suppose(
                called,
                |wanted| labels::meets(labels, wanted),
                &mut own,
                losses,
            );
            ways = ways.max(own.len());
            hypotheses.extend(own);
        }
        if hypotheses.len() > ways {
            losses.differing.insert(called.clone());
        }
        hypotheses
    }

    /// The ways in which the policies may apply to pods whose labels meet selectors as `meets` says.
    /// Of the selectors of ALLOW policies that may meet them, each may be the only one that does, or
    /// none. DENY policies that may apply do.
    fn suppose(
        &self,
        called: &Called,
        meets: impl Fn(&Labels) -> Match,
        hypotheses: &mut BTreeSet<Hypothesis>,
        losses: &mut Losses,
    ) {
        let mut selectors: BTreeSet<Option<&Scope>> = BTreeSet::from([None]);
        for (number, policy) in self.policies_of(called) {
            if let Scope::Labels(wanted) = &policy.scope
                && meets(wanted) == Match::Maybe
            {
                losses
                    .unresolved
                    .entry(number)
                    .or_default()
                    .insert(called.clone());
                if policy.action == Action::Allow {
                    selectors.insert(Some(&policy.scope));
                }
            }
        }
        for selector in selectors {
            hypotheses.insert(self.hypothesis(called, |policy| match &policy.scope {
                Scope::All => true,
                Scope::Labels(wanted) => match meets(wanted) {
                    Match::Yes => true,
                    Match::No => false,
                    Match::Maybe => {
                        policy.action != Action::Allow || selector == Some(&policy.scope)
                    }
                },
                Scope::Targets => false,
            }));
        }
    }

    fn policies_of(
        &self,
        called: &Called,
    ) -> impl Iterator<Item = (usize, &'a AuthorizationPolicy<'a>)> {
        let is_of = {
            let (namespace, root) = (
                called.namespace.clone(),
                self.options.root_namespace.clone(),
            );
            move |policy: &AuthorizationPolicy<'_>| {
                policy.namespace == namespace || policy.namespace == root
            }
        };
        let policies = self.policies.iter().enumerate();
        policies.filter(move |(_, policy)| is_of(policy))
    }

    fn hypothesis(
        &self,
        called: &Called,
        applies: impl Fn(&AuthorizationPolicy<'_>) -> bool,
    ) -> Hypothesis {
        let mut hypothesis = Hypothesis {
            allow: BTreeSet::new(),
            deny: BTreeSet::new(),
            is_trial: false,
        };
        for (number, policy) in self
            .policies_of(called)
            .filter(|(_, policy)| applies(policy))
        {
            match (policy.action, policy.is_dry_run) {
                (Action::Allow, false) => {
                    hypothesis.allow.insert(number);
                }
                (Action::Allow, true) => hypothesis.is_trial = true,
                (Action::Deny, false) => {
                    hypothesis.deny.insert(number);
                }
                (Action::Custom, false) if !self.options.keep_custom => {
                    hypothesis.deny.insert(number);
                }
                (Action::Custom | Action::Audit, _) | (Action::Deny, true) => {}
            }
        }
        hypothesis.is_trial &= hypothesis.allow.is_empty();
        hypothesis
    }

    fn concern(
        &self,
        hypotheses: &BTreeSet<Hypothesis>,
        caller: &Caller,
        losses: &mut Losses,
    ) -> Concern {
        let mut meant = |policies: &BTreeSet<usize>, least: Match| -> Vec<ClauseId> {
            let mut clauses = Vec::new();
            for number in policies {
                let policy = self.policies.get(*number);
                let own = policy
                    .into_iter()
                    .flat_map(|policy| policy.clauses.iter().enumerate());
                for (place, clause) in own {
                    let meant = clause.means(caller, &self.mesh.trust_domains);
                    if meant >= least {
                        clauses.push((*number, place));
                    }
                    if meant == Match::Maybe && clause.unsaid.is_empty() {
                        let unclear = losses.unclear.entry((*number, place)).or_default();
                        unclear.insert(caller.clone());
                    }
                }
            }
            clauses
        };
        let mut concern = BTreeSet::new();
        for hypothesis in hypotheses {
            let is_free = hypothesis.allow.is_empty();
            let allow = (!is_free).then(|| meant(&hypothesis.allow, Match::Yes));
            concern.insert((allow, meant(&hypothesis.deny, Match::Maybe)));
        }
        concern.into_iter().collect()
    }

    fn regions(&self, concern: &Concern, losses: &mut Losses) -> Vec<Region> {
        let mut result: Option<Vec<Region>> = None;
        for (allow, deny) in concern {
            let mut regions = match allow {
                None => vec![self.everything()],
                Some(clauses) => {
                    let allowed = clauses.iter().filter_map(|id| self.allowed.get(id));
                    allowed.flat_map(|regions| regions.kept.clone()).collect()
                }
            };
            for id in deny {
                let Some(extent) = self.extents.get(id) else {
                    continue;
                };
                let mut left = Regions::default();
                for region in region::simplified(regions) {
                    extent.cut_from(region, &mut left);
                }
                losses.cut.entry(*id).or_default().extend(left.lost);
                regions = left.kept;
            }
            let regions = region::simplified(regions);
            result = Some(match result {
                None => regions,
                Some(before) => region::intersection(&before, &regions),
            });
        }
        result.unwrap_or_default()
    }

    fn everything(&self) -> Region {
        Region {
            methods: Values::all(&self.mesh.methods),
            ports: Values::all(&self.mesh.ports),
            paths: Template::everything(),
        }
    }

    /// Namespaces with workloads to which no ALLOW policy applies, on trial or not.
    pub(super) fn unprotected(&self, called: &[Called]) -> Option<Finding> {
        let is_free = |called: &&Called| {
            if !self.mesh.may_have_pods(called) {
                return false;
            }
            let mut losses = Losses::default();
            let hypotheses = self.hypotheses(called, &mut losses);
            hypotheses
                .iter()
                .any(|one| one.allow.is_empty() && !one.is_trial)
        };
        let free = called.iter().filter(is_free);
        let names: BTreeSet<&str> = free.map(|called| called.namespace.as_str()).collect();
        if names.is_empty() {
            return None;
        }
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "no ALLOW policy applies to all or some workloads in {}: as in Istio, everything known here \
             may ask them everything that no DENY policy forbids",
            names.join(", ")
        );
        Some(
            Finding::new(Code::ImportUnprotected, "spec.flows", message)
                .with_hint("narrow the flows towards them"),
        )
    }

    /// Clauses whose methods may be others than those that are known, or can be said.
    pub(super) fn open_methods(&self) -> impl Iterator<Item = ClauseId> {
        let is_open = |(number, place): ClauseId, extent: &Extent| {
            let policy = self.policies.get(number);
            let clause = policy.and_then(|policy| policy.clauses.get(place));
            let named = clause.map(Clause::named_methods).unwrap_or_default();
            extent.methods.others == Match::Maybe || !named.is_subset(&self.mesh.methods)
        };
        let open = self.extents.iter();
        open.filter(move |(id, extent)| is_open(**id, extent))
            .map(|(id, _)| *id)
    }

    /// What templates cannot say of the ALLOW policies' paths.
    pub(super) fn unsaid_paths(&self) -> impl Iterator<Item = (ClauseId, &[String])> {
        let lossy = self
            .allowed
            .iter()
            .filter(|(_, regions)| !regions.lost.is_empty());
        lossy.map(|(id, regions)| (*id, regions.lost.as_slice()))
    }
}

fn extent(clause: &Clause, mesh: &Mesh) -> Extent {
    let mut methods = Values::all(&mesh.methods);
    for Test { values, not_values } in &clause.methods {
        // Methods that nobody named are met by a star alone, and perhaps by one beside text.
        let select = |patterns: &[super::pattern::Pattern]| Values {
            named: mesh
                .methods
                .iter()
                .filter(|method| patterns.iter().any(|pattern| pattern.matches(method)))
                .cloned()
                .collect(),
            others: patterns
                .iter()
                .map(|pattern| others(pattern, mesh))
                .max()
                .unwrap_or(Match::No),
        };
        if !values.is_empty() {
            methods = methods.intersection(&select(values));
        }
        methods = methods.difference(&select(not_values));
    }
    let mut ports = Values::all(&mesh.ports);
    for Test { values, not_values } in &clause.ports {
        let select = |values: &[u16]| Values {
            named: values.iter().copied().collect(),
            others: Match::No,
        };
        if !values.is_empty() {
            ports = ports.intersection(&select(values));
        }
        ports = ports.difference(&select(not_values));
    }
    Extent {
        methods,
        ports,
        paths: clause.paths.clone(),
        not_paths: clause.not_paths.clone(),
    }
}

fn others(pattern: &super::pattern::Pattern, mesh: &Mesh) -> Match {
    use super::pattern::Pattern;
    match pattern {
        Pattern::Any => Match::Yes,
        Pattern::Exact(name) if mesh.methods.contains(name) => Match::No,
        // A policy cannot name it, but `*` covers it.
        Pattern::Exact(_) => Match::Maybe,
        Pattern::Prefix(_) | Pattern::Suffix(_) => Match::Maybe,
    }
}
