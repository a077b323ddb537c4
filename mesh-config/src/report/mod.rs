//! Who was denied, or would be: decision records, counted by source, flow or grant, and reason.
//!
//! Records come as they stand in logs. What is no record is counted and left. Memory is bounded: of
//! distinct groups there is a limit, and what is beyond it is counted together.

mod advice;
mod group;
mod page;

use std::collections::BTreeMap;

use sallyport_engine::time::TimeMs;
use serde::Serialize;

pub use page::html;

use crate::clock;
use crate::policy_file::LoadedPolicy;
use crate::recorded::{self, Line};
use group::{Group, Key};

/// Counts records.
#[derive(Debug, Default)]
pub struct Tally {
    groups: BTreeMap<Key, Group>,
    summary: Counts,
}

/// What was read.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Counts {
    /// Decision records.
    pub records: u64,
    /// Of them, those that neither denied nor would deny.
    pub allowed: u64,
    /// Requests that were refused.
    pub denied: u64,
    /// Requests that only shadow mode let pass.
    pub would_deny: u64,
    /// Lines that are no records.
    pub other_lines: u64,
    /// Denials and would-denies that the proxies counted instead of logging them, by reason.
    pub suppressed: BTreeMap<String, u64>,
    /// Denials and would-denies in groups beyond the limit.
    pub beyond_limit: u64,
}

/// The result.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was read.
    #[serde(flatten)]
    pub counts: Counts,
    /// The groups, the largest first.
    pub groups: Vec<Cause>,
}

/// Denials with the same source, flow, grant and reason.
#[derive(Debug, Serialize)]
pub struct Cause {
    /// SPIFFE ID of the callers; none without an identity.
    pub source: Option<String>,
    /// The segment of the callers.
    pub source_segment: Option<String>,
    /// The segment that was called.
    pub destination_segment: Option<String>,
    /// The flow.
    pub flow: Option<String>,
    /// The grant that is over, to come, or in force.
    pub grant: Option<String>,
    /// The reason.
    pub reason: String,
    /// How many were refused.
    pub denied: u64,
    /// How many only shadow mode let pass.
    pub would_deny: u64,
    /// When the first one was, RFC 3339.
    pub first: String,
    /// When the last one was.
    pub last: String,
    /// What was asked: methods and path templates.
    pub requests: Vec<String>,
    /// Whether more was asked than stands there.
    pub more_requests: bool,
    /// Assurances of the callers.
    pub assurances: Vec<String>,
    /// What was asked of models and images, and what came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
    /// What the reason means.
    pub meaning: Option<&'static str>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// A piece of policy that would allow it.
    pub suggestion: Option<String>,
}

impl Tally {
    /// Counts a line of a log.
    pub fn add(&mut self, text: &str) {
        match recorded::read(text) {
            Line::Other => self.skip(),
            Line::Suppressed(counts) => {
                for (reason, count) in counts {
                    // The reasons are a closed set; another log's words must not fill memory.
                    if self.summary.suppressed.len() < MAXIMUM_REASONS
                        || self.summary.suppressed.contains_key(&reason)
                    {
                        let total = self.summary.suppressed.entry(reason).or_default();
                        *total = total.saturating_add(count);
                    }
                }
            }
            Line::Record(decision) => {
                let summary = &mut self.summary;
                summary.records = summary.records.saturating_add(1);
                let is_denied = decision.verdict.as_deref() == Some("deny");
                let total = match (is_denied, decision.would_deny) {
                    (true, _) => &mut summary.denied,
                    (false, true) => &mut summary.would_deny,
                    (false, false) => &mut summary.allowed,
                };
                *total = total.saturating_add(1);
                if !is_denied && !decision.would_deny {
                    return;
                }
                let key = Key::of(&decision);
                if self.groups.len() >= MAXIMUM_GROUPS && !self.groups.contains_key(&key) {
                    summary.beyond_limit = summary.beyond_limit.saturating_add(1);
                } else {
                    self.groups.entry(key).or_default().add(&decision);
                }
            }
        }
    }

    /// Counts a line that cannot be read at all.
    pub fn skip(&mut self) {
        self.summary.other_lines = self.summary.other_lines.saturating_add(1);
    }

    /// The result. With the policy it says what would allow the requests.
    #[must_use]
    pub fn report(&self, policy: Option<&LoadedPolicy>) -> Report {
        let groups = self.groups.iter();
        let mut groups: Vec<Cause> = groups
            .map(|(key, group)| cause(key, group, policy))
            .collect();
        // Equal counts stay in the order of their keys.
        groups
            .sort_by_key(|cause| std::cmp::Reverse(cause.denied.saturating_add(cause.would_deny)));
        Report {
            counts: self.summary.clone(),
            groups,
        }
    }
}

fn cause(key: &Key, group: &Group, policy: Option<&LoadedPolicy>) -> Cause {
    let advice = advice::advice(key, group, policy);
    let requests = group.requests.iter();
    Cause {
        source: key.source.clone(),
        source_segment: key.source_segment.clone(),
        destination_segment: key.destination_segment.clone(),
        flow: key.flow.clone(),
        grant: key.grant.clone(),
        reason: key.reason.clone(),
        denied: group.denied,
        would_deny: group.would_deny,
        first: clock::show(TimeMs(group.first_ms)),
        last: clock::show(TimeMs(group.last_ms)),
        requests: requests
            .map(|(method, path)| format!("{method} {path}"))
            .collect(),
        more_requests: group.has_more,
        assurances: group.assurances.iter().cloned().collect(),
        artifacts: group.artifacts.iter().cloned().collect(),
        meaning: advice.meaning,
        remedy: advice.remedy,
        suggestion: advice.suggestion,
    }
}

/// The most groups that are told apart.
pub const MAXIMUM_GROUPS: usize = 10_000;
const MAXIMUM_REASONS: usize = 256;

#[cfg(test)]
mod tests;
