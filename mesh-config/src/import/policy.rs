//! AuthorizationPolicies, read into rules that can be reckoned with.
//!
//! Their rules are taken apart into clauses.

use serde_json::Value;

use super::clause::{Clause, Refused, clauses, refused};
use super::labels::Labels;
use super::typed;
use crate::finding::{Code, Finding};
use crate::manifests::Object;

pub(super) use typed::Action;

/// A policy.
pub(super) struct AuthorizationPolicy<'a> {
    pub(super) object: &'a Object,
    pub(super) namespace: &'a str,
    pub(super) action: Action,
    /// Whether Istio only reports what it would do (`istio.io/dry-run`).
    pub(super) is_dry_run: bool,
    pub(super) scope: Scope,
    pub(super) clauses: Vec<Clause>,
}

/// To which workloads of its namespace a policy applies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    All,
    /// Those with these labels.
    Labels(Labels),
    /// Gateways or waypoints, and no sidecar.
    Targets,
}

/// Whether an object is an AuthorizationPolicy of Istio.
pub(super) fn is_policy(object: &Object) -> bool {
    object.is("security.istio.io", "AuthorizationPolicy")
}

impl<'a> AuthorizationPolicy<'a> {
    /// Reads a policy. One that Istio would refuse counts for the worst: as ALLOW it allows nothing,
    /// otherwise it refuses everything in its namespace.
    pub(super) fn read(object: &'a Object, findings: &mut Vec<Finding>) -> Self {
        let dry_run = object
            .value
            .pointer("/metadata/annotations/istio.io~1dry-run");
        let mut policy = Self {
            object,
            namespace: object.namespace.as_deref().unwrap_or("default"),
            action: Action::Allow,
            is_dry_run: dry_run.and_then(Value::as_str).is_some_and(is_true),
            scope: Scope::All,
            clauses: Vec::new(),
        };
        if let Err((path, message)) = policy.fill() {
            let message = format!("Istio refuses this AuthorizationPolicy: {message}");
            let hint = "correct it; until then nothing is allowed where it applies";
            findings.push(
                object
                    .finding(Code::ImportRefused, &path, message)
                    .with_hint(hint),
            );
            policy.clauses.clear();
            policy.is_dry_run = false;
            if matches!(policy.action, Action::Deny | Action::Custom) {
                policy.action = Action::Deny;
                policy.clauses.push(Clause::default());
            }
        }
        policy
    }

    fn fill(&mut self) -> Result<(), Refused> {
        let spec = match self.object.value.get("spec") {
            None | Some(Value::Null) => typed::Spec::default(),
            Some(spec) => {
                // Known even if the rest cannot be read.
                if let Some(action) = spec.get("action").filter(|value| !value.is_null()) {
                    self.action = serde_json::from_value(action.clone()).unwrap_or(Action::Deny);
                }
                serde_json::from_value(spec.clone()).map_err(|error| {
                    let text: String = error.to_string().chars().take(200).collect();
                    ("spec".to_owned(), text)
                })?
            }
        };
        self.action = spec.action.unwrap_or_default();
        let has_targets = spec.target_ref.is_some()
            || spec
                .target_refs
                .as_ref()
                .is_some_and(|refs| !refs.is_empty());
        let labels = spec.selector.and_then(|selector| selector.match_labels);
        self.scope = match labels.filter(|labels| !labels.is_empty()) {
            Some(_) if has_targets => {
                return Err(refused("spec", "a `selector` beside `targetRefs`"));
            }
            Some(labels) => Scope::Labels(labels),
            None if has_targets => Scope::Targets,
            None => Scope::All,
        };
        if (self.action == Action::Custom) != spec.provider.is_some() {
            return Err(refused("spec", "`provider` belongs to `action: CUSTOM`"));
        }
        for (number, rule) in spec.rules.iter().flatten().enumerate() {
            let path = format!("spec.rules[{number}]");
            clauses(rule, &path, self.namespace, &mut self.clauses)?;
        }
        Ok(())
    }
}

/// The values of Go's `strconv.ParseBool` that are true, by which Istio reads the annotation.
fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")
}
