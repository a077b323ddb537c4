//! Objects of which it is not known what the cluster has of them. Nothing can be reckoned with these.

use std::collections::BTreeMap;

use super::policy::is_policy;
use crate::finding::{Code, Finding};
use crate::manifests::Object;
use crate::workloads::pod_template;

/// Objects that do not say their namespace, so that they may be in any, and policies that stand twice in
/// two versions, of which the cluster has one.
pub(super) fn doubts(objects: &[Object]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut known: BTreeMap<(&str, &str), &Object> = BTreeMap::new();
    for object in objects {
        let is_policy = is_policy(object);
        let Some(namespace) = object.namespace.as_deref() else {
            let is_placed = is_policy
                || object.is("", "Service")
                || object.is("", "ServiceAccount")
                || pod_template(object).is_some();
            if is_placed {
                let message = format!("the {} does not say its namespace", object.kind);
                findings.push(
                    object
                        .finding(Code::NamespaceUnknown, "metadata", message)
                        .with_hint("write `metadata.namespace`, or give `--namespace`"),
                );
            }
            continue;
        };
        if !is_policy || object.name.is_empty() {
            continue;
        }
        let other = known.insert((namespace, &object.name), object);
        if other.is_some_and(|other| other.value != object.value) {
            let message = "another AuthorizationPolicy of this name says something else, and the \
                           cluster has one of them";
            findings.push(
                object
                    .finding(Code::ImportRefused, "metadata.name", message)
                    .with_hint("leave out the one that is not applied"),
            );
        }
    }
    findings
}
