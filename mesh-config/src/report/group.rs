//! Denials that have the same cause.

use std::collections::BTreeSet;

use crate::recorded::{Recorded, RecordedArtifact};

/// Whom, where and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) source: Option<String>,
    pub(super) source_segment: Option<String>,
    pub(super) destination_segment: Option<String>,
    pub(super) flow: Option<String>,
    pub(super) grant: Option<String>,
    pub(super) reason: String,
}

/// How often, when, and what was asked.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) denied: u64,
    pub(super) would_deny: u64,
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
    /// Methods with path templates; the first ones only.
    pub(super) requests: BTreeSet<(String, String)>,
    /// Whether there were more of them.
    pub(super) has_more: bool,
    pub(super) assurances: BTreeSet<String>,
    /// What was asked of models and images, and what came; the first ones only.
    pub(super) artifacts: BTreeSet<String>,
}

impl Key {
    pub(super) fn of(decision: &Recorded) -> Self {
        let cut = |text: &Option<String>| text.as_deref().map(cut);
        Self {
            source: cut(&decision.source),
            source_segment: cut(&decision.source_segment),
            destination_segment: cut(&decision.destination_segment),
            flow: cut(&decision.flow),
            grant: decision.grant.as_ref().map(|grant| self::cut(&grant.name)),
            reason: cut(&decision.reason).unwrap_or_else(|| "none".to_owned()),
        }
    }
}

impl Group {
    pub(super) fn add(&mut self, decision: &Recorded) {
        if self.denied == 0 && self.would_deny == 0 {
            self.first_ms = decision.time_ms;
        }
        let count = if decision.would_deny {
            &mut self.would_deny
        } else {
            &mut self.denied
        };
        *count = count.saturating_add(1);
        self.first_ms = self.first_ms.min(decision.time_ms);
        self.last_ms = self.last_ms.max(decision.time_ms);
        let request = (cut(&decision.method), template(&cut(&decision.path)));
        if self.requests.len() < MAXIMUM_REQUESTS {
            self.requests.insert(request);
        } else if !self.requests.contains(&request) {
            self.has_more = true;
        }
        if let Some(assurance) = &decision.assurance
            && self.assurances.len() < MAXIMUM_REQUESTS
        {
            self.assurances.insert(cut(assurance));
        }
        for artifact in &decision.artifacts {
            if self.artifacts.len() < MAXIMUM_REQUESTS {
                self.artifacts.insert(cut(&shown(artifact)));
            }
        }
    }
}

/// What stands for a part of a path that differs from request to request.
pub(super) const VARIABLE: &str = "{id}";

/// A path with [`VARIABLE`] for what looks like one: numbers, hexadecimal digits, long tokens.
pub(super) fn template(path: &str) -> String {
    let part = |part: &str| {
        let is_id = part.bytes().any(|byte| byte.is_ascii_digit())
            && (part.bytes().all(|byte| byte.is_ascii_digit())
                || (part.len() >= 8
                    && part
                        .bytes()
                        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))
                || part.len() >= 24);
        if is_id {
            VARIABLE.to_owned()
        } else {
            part.to_owned()
        }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// `model sha256:.. (fraud-scorer 3.1.0, staging), required: model of manifest models, ..`.
fn shown(artifact: &RecordedArtifact) -> String {
    let digest = artifact.digest.as_deref().unwrap_or("not named");
    let found = artifact.found.iter().map(|found| format!(" ({found})"));
    let required = artifact.required.iter();
    let required = required.map(|required| format!(", required: {required}"));
    let more: String = found.chain(required).collect();
    format!("{} {digest}{more}", artifact.kind)
}

fn cut(text: &str) -> String {
    text.chars().take(MAXIMUM_CHARACTERS).collect()
}

/// Of a group. Policies allow more, but nobody reads more.
const MAXIMUM_REQUESTS: usize = 16;
/// Of a name. Records are cut at 256 bytes; a SPIFFE ID has 2048 at most.
const MAXIMUM_CHARACTERS: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_looks_like_an_id() {
        for (path, expected) in [
            ("/v1/orders/7", "/v1/orders/{id}"),
            ("/v1/0b5e9c1a-1111-4222-8333-abcdefabcdef/x", "/v1/{id}/x"),
            ("/v1/deadbeef01", "/v1/{id}"),
            ("/v1/feedback", "/v1/feedback"),
            ("/", "/"),
            ("/v2/models/llm-7b", "/v2/models/llm-7b"),
        ] {
            assert_eq!(template(path), expected);
        }
    }
}
