//! What another policy would change.

use std::collections::BTreeMap;

use sallyport_simulation::replay::Step;
use serde::Serialize;

/// Requests whose answers differ.
#[derive(Debug, Default, Serialize)]
pub(super) struct Differences {
    /// Allowed by the policy, refused by the other; by the other's reason.
    pub(super) newly_denied: BTreeMap<&'static str, u64>,
    /// Refused by the policy, allowed by the other; by the policy's reason.
    pub(super) newly_allowed: BTreeMap<&'static str, u64>,
    /// Refused by both, for another reason.
    pub(super) other_reason: u64,
}

impl Differences {
    pub(super) fn add(&mut self, before: &Step, after: &Step) {
        let code = |step: &Step| step.reason.map_or("none", |reason| reason.row().code);
        match (before.is_allowed, after.is_allowed) {
            (true, false) => *self.newly_denied.entry(code(after)).or_default() += 1,
            (false, true) => *self.newly_allowed.entry(code(before)).or_default() += 1,
            (false, false) => self.other_reason += u64::from(code(before) != code(after)),
            (true, true) => {}
        }
    }
}
