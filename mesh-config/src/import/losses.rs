//! What could not be carried over, as findings at the policies that it comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::callers::Caller;
use super::mesh::Mesh;
use super::policy::{Action, AuthorizationPolicy, Scope};
use super::reckoning::{Called, ClauseId};
use crate::finding::{Code, Finding};

/// What was lost while reckoning.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Paths that a clause of a DENY policy meets in part, and that were left out as a whole.
    pub(super) cut: BTreeMap<ClauseId, BTreeSet<String>>,
    /// Policies whose selector meets workloads that no manifest shows, and these workloads.
    pub(super) unresolved: BTreeMap<usize, BTreeSet<Called>>,
    /// Service accounts with pods to which different policies apply.
    pub(super) differing: BTreeSet<Called>,
    /// Callers of whom it cannot be said whether a clause means them.
    pub(super) unclear: BTreeMap<ClauseId, BTreeSet<Caller>>,
}

/// What is to be said about each policy by itself.
pub(super) fn about_policies(
    policies: &[AuthorizationPolicy<'_>],
    keep_custom: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for policy in policies {
        findings.extend(about_action(policy, keep_custom));
        if policy.scope == Scope::Targets && policy.action != Action::Audit {
            let message = "it applies to a gateway or waypoint, where no filter of sidecars is: it is \
                           left out";
            findings.push(
                policy
                    .object
                    .finding(Code::ImportTargets, "spec", message)
                    .with_hint("keep it applied"),
            );
            continue;
        }
        if policy.action == Action::Audit || policy.is_dry_run {
            continue;
        }
        if policy.action == Action::Custom && keep_custom {
            continue;
        }
        about_clauses(policy, &mut findings);
    }
    findings
}

fn about_action(policy: &AuthorizationPolicy<'_>, keep_custom: bool) -> Option<Finding> {
    let finding = |code, path: &str, message: &str| policy.object.finding(code, path, message);
    let dry_run = "metadata.annotations";
    match (policy.action, policy.is_dry_run) {
        (Action::Audit, _) => Some(finding(
            Code::ImportAudit,
            "spec.action",
            "AUDIT neither allows nor denies, so nothing of it is carried over",
        )),
        (Action::Custom, false) if keep_custom => Some(
            finding(
                Code::ImportCustom,
                "spec.action",
                "CUSTOM is not carried over: the external provider decides",
            )
            .with_hint("keep it applied, as `--keep-custom` assumes"),
        ),
        (Action::Custom, false) => Some(
            finding(
                Code::ImportCustom,
                "spec.action",
                "CUSTOM is not carried over: what the external provider decides on is left out of all \
                 flows",
            )
            .with_hint("to keep the policy applied beside the filter, import with `--keep-custom`"),
        ),
        (Action::Allow, true) => Some(
            finding(
                Code::ImportDryRun,
                dry_run,
                "the policy is on trial: Istio does not enforce it. Where no other ALLOW policy applies, \
                 the flows allow what Istio lets pass, and are in shadow",
            )
            .with_hint("remove the annotation to import what it would enforce"),
        ),
        (Action::Deny | Action::Custom, true) => Some(
            finding(
                Code::ImportDryRun,
                dry_run,
                "the policy is on trial: Istio does not enforce it, so it takes nothing away",
            )
            .with_hint("remove the annotation to import what it would enforce"),
        ),
        (Action::Allow | Action::Deny, false) => None,
    }
}

fn about_clauses(policy: &AuthorizationPolicy<'_>, findings: &mut Vec<Finding>) {
    let mut said = BTreeSet::new();
    for clause in &policy.clauses {
        for unsaid in &clause.unsaid {
            if !said.insert(unsaid.path.clone()) {
                continue;
            }
            let name = &unsaid.name;
            let (code, message, hint) = if policy.action == Action::Allow {
                (
                    Code::ImportConditionLeftOut,
                    format!("`{name}` cannot be carried over, so this rule allows nothing"),
                    "write a flow by hand if it may allow more than this, and keep the \
                     AuthorizationPolicy applied",
                )
            } else {
                (
                    Code::ImportDeniesMore,
                    format!(
                        "`{name}` cannot be carried over: the rule is taken to hold without it"
                    ),
                    "if that denies too much, add a flow by hand, and keep the AuthorizationPolicy applied",
                )
            };
            let finding = policy.object.finding(code, &unsaid.path, message);
            findings.push(finding.with_hint(hint));
        }
        if policy.action == Action::Allow
            && clause.means_unlisted()
            && clause.unsaid.is_empty()
            && said.insert("callers".to_owned())
        {
            let message = "it also allows callers without an identity, or of namespaces that are not \
                           known here: these are left out";
            findings.push(
                policy
                    .object
                    .finding(Code::ImportCallersUnknown, &clause.path, message)
                    .with_hint("give `--manifests`, so that all namespaces are known"),
            );
        }
    }
}

/// What templates cannot say of an ALLOW policy's paths.
pub(super) fn about_paths<'a>(
    policies: &[AuthorizationPolicy<'_>],
    unsaid: impl Iterator<Item = (ClauseId, &'a [String])>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((number, place), paths) in unsaid {
        let Some(policy) = policies.get(number).filter(|policy| !policy.is_dry_run) else {
            continue;
        };
        let Some(clause) = policy
            .clauses
            .get(place)
            .filter(|clause| clause.unsaid.is_empty())
        else {
            continue;
        };
        let message = format!(
            "not all of these paths can be said in templates; the rest is left out: {}",
            listed(paths.iter())
        );
        let finding = policy
            .object
            .finding(Code::ImportPath, &clause.path, message);
        findings.push(finding.with_hint(
            "templates replace whole segments: `/info/{**}`, not `/info*`, and there is no \"all but\"",
        ));
    }
    findings
}

/// Patterns that may meet methods that nobody named.
pub(super) fn about_methods(
    policies: &[AuthorizationPolicy<'_>],
    clauses: impl Iterator<Item = ClauseId>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, place) in clauses {
        let policy = policies.get(number);
        let policy = policy.filter(|policy| !policy.is_dry_run && policy.action != Action::Audit);
        let Some((policy, clause)) =
            policy.and_then(|policy| Some((policy, policy.clauses.get(place)?)))
        else {
            continue;
        };
        let message = "some of its methods are patterns, or no methods of HTTP: those that no standard \
                       or policy names are denied";
        let finding = policy
            .object
            .finding(Code::ImportValuesUnknown, &clause.path, message);
        findings.push(finding.with_hint("name the methods"));
    }
    findings
}

impl Losses {
    pub(super) fn findings(
        &self,
        policies: &[AuthorizationPolicy<'_>],
        mesh: &Mesh,
    ) -> Vec<Finding> {
        let mut findings = self.about_callers(policies, mesh);
        for ((number, place), paths) in &self.cut {
            let Some(policy) = policies.get(*number).filter(|_| !paths.is_empty()) else {
                continue;
            };
            let path = policy
                .clauses
                .get(*place)
                .map_or("spec", |clause| &clause.path);
            let message = format!(
                "it denies a part of paths that are allowed, and templates cannot say the other part: \
                 left out as a whole: {}",
                listed(paths.iter())
            );
            let finding = policy.object.finding(Code::ImportDenyPart, path, message);
            findings.push(finding.with_hint("name the paths that are allowed in the ALLOW policy"));
        }
        for (number, called) in &self.unresolved {
            let Some(policy) = policies.get(*number) else {
                continue;
            };
            let message = format!(
                "no manifest shows whether {} has these labels: only what is allowed with any labels is \
                 carried over",
                listed(called.iter().map(Called::described))
            );
            findings.push(
                policy
                    .object
                    .finding(Code::ImportSelector, "spec.selector", message)
                    .with_hint("give the workloads with `--manifests`, or select by labels of their templates"),
            );
        }
        for called in &self.differing {
            let message = format!(
                "different policies apply to the pods of {}: only what all of them allow is carried \
                 over",
                called.described()
            );
            findings.push(
                Finding::new(Code::ImportPodsDiffer, "spec.segments", message)
                    .with_hint("give workloads of different duties different service accounts"),
            );
        }
        findings
    }
}

impl Losses {
    fn about_callers(&self, policies: &[AuthorizationPolicy<'_>], mesh: &Mesh) -> Vec<Finding> {
        let mut findings = Vec::new();
        for ((number, place), callers) in &self.unclear {
            let policy = policies.get(*number);
            let Some((policy, clause)) =
                policy.and_then(|policy| Some((policy, policy.clauses.get(*place)?)))
            else {
                continue;
            };
            let effect = if policy.action == Action::Allow {
                "allows them nothing"
            } else {
                "denies them"
            };
            let (named, others): (Vec<&Caller>, Vec<&Caller>) =
                callers.iter().partition(|caller| caller.account.is_some());
            // Manifests are taken to be complete.
            let others = others.into_iter().filter(|caller| {
                let namespace = mesh.namespaces.get(&caller.namespace);
                namespace.is_none_or(|namespace| namespace.workloads.is_empty())
            });
            let others: BTreeSet<String> = others
                .map(|caller| format!("other service accounts in `{}`", caller.namespace))
                .collect();
            let named: BTreeSet<String> = named.into_iter().map(Caller::described).collect();
            for (code, who, hint) in [
                (
                    Code::ImportCallersUnclear,
                    named,
                    "write the pattern with one `*`, at its end",
                ),
                (
                    Code::ImportAccountsUnknown,
                    others,
                    "give the workloads with `--manifests`",
                ),
            ] {
                if !who.is_empty() {
                    let who = listed(who.iter());
                    let message = format!("whether it means {who} cannot be said, so it {effect}");
                    let finding = policy.object.finding(code, &clause.path, message);
                    findings.push(finding.with_hint(hint));
                }
            }
        }
        findings
    }
}

impl Caller {
    fn described(&self) -> String {
        let account = self.account.as_deref().unwrap_or("*");
        format!("`{}/ns/{}/sa/{account}`", self.trust_domain, self.namespace)
    }
}

impl Called {
    fn described(&self) -> String {
        match &self.account {
            Some(account) => format!("`{}/{account}`", self.namespace),
            None => format!("other service accounts in `{}`", self.namespace),
        }
    }
}

/// At most five of them.
fn listed(items: impl Iterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    let shown: Vec<&str> = items.iter().take(SHOWN).map(String::as_str).collect();
    let more = items.len().saturating_sub(shown.len());
    let text = shown.join(", ");
    if more == 0 {
        text
    } else {
        format!("{text} and {more} more")
    }
}

const SHOWN: usize = 5;
