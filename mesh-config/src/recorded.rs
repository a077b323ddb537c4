//! Decision records as they stand in logs, whatever stands around them in a line.

use std::collections::BTreeMap;

use sallyport_engine::identity::SpiffeId;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::record::Record;
use serde::{Deserialize, Serialize};

use crate::explain::Outcome;

/// What a line says.
#[derive(Debug)]
pub enum Line {
    /// A decision.
    Record(Box<Recorded>),
    /// How many decisions of each reason were not logged one by one.
    Suppressed(BTreeMap<String, u64>),
    /// Something else.
    Other,
}

/// A decision record ([`Record`]) of whichever version. Any key may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "the fields are those of the record, where they are explained"
)]
pub struct Recorded {
    pub decision_id: Option<String>,
    pub time_ms: u64,
    pub policy: Option<String>,
    pub policy_sha256: Option<String>,
    pub mode: Option<String>,
    pub post_quantum_auth: Option<String>,
    pub break_glass: Option<BrokenGlass>,
    pub verdict: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    pub would_deny: bool,
    pub reason: Option<String>,
    pub flow: Option<String>,
    pub grant: Option<RecordedGrant>,
    pub source: Option<String>,
    pub certificate_sha256: Option<String>,
    pub source_segment: Option<String>,
    pub destination_segment: Option<String>,
    pub method: String,
    pub path: String,
    pub assurance: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<RecordedArtifact>,
    pub validated: Option<String>,
    pub trust: Option<u8>,
    pub uncertainty: Option<u8>,
    pub state: Option<String>,
    pub state_cause: Option<String>,
    pub decisive: Option<String>,
    pub lambda_mnat: Option<i32>,
    pub terms: Vec<RecordedTerm>,
    pub module_version: Option<String>,
    pub node_id: Option<String>,
}

/// What was asked of a model or image, and what came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "the fields are those of the record, where they are explained"
)]
pub struct RecordedArtifact {
    pub kind: String,
    pub digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// A break-glass that lasted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of the policy")]
pub struct BrokenGlass {
    pub until: String,
    pub reason: String,
}

/// A grant that decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of the policy")]
pub struct RecordedGrant {
    pub name: String,
    pub not_before: String,
    pub not_after: String,
    pub reason: String,
    pub approved_by: String,
}

/// A term of a score.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "the fields are those of the record, where they are explained"
)]
pub struct RecordedTerm {
    pub name: String,
    pub mnat: i32,
    pub distinct_targets: Option<u8>,
    pub span_seconds: Option<u32>,
}

impl Recorded {
    /// What came of the request.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.verdict.as_deref() != Some("allow") {
            Outcome::Denied
        } else if self.would_deny {
            Outcome::WouldBeDenied
        } else {
            Outcome::Allowed
        }
    }

    /// The reason, if this version knows it.
    #[must_use]
    pub fn known_reason(&self) -> Option<DenyReason> {
        let code = self.reason.as_deref()?;
        DenyReason::ALL
            .into_iter()
            .find(|reason| reason.code() == code)
    }

    /// What to do about a refusal.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        let (source, path) = (self.source.as_deref(), Some(self.path.as_str()));
        Some(remedy(self.known_reason()?, source, path))
    }
}

/// What to do about a refusal: for this caller and path more exactly than for all, where that is
/// possible. What is quoted is a peer's.
#[must_use]
pub fn remedy(reason: DenyReason, source: Option<&str>, path: Option<&str>) -> String {
    if reason == DenyReason::TrustDomainUnknown
        && let Some(Ok(source)) = source.map(str::parse::<SpiffeId>)
    {
        let domain = source.trust_domain();
        return format!("Add `{domain}` to `spec.trustDomains` if it should be known.");
    }
    if reason == DenyReason::PathAmbiguous && path.is_some_and(|path| !path.starts_with('/')) {
        return "Send a path that begins with `/`.".to_owned();
    }
    reason.row().remedy.to_owned()
}

/// A record of this version, as a log would hold it.
///
/// # Errors
/// Never: a record is plain data.
impl TryFrom<&Record> for Recorded {
    type Error = serde_json::Error;

    fn try_from(record: &Record) -> Result<Self, Self::Error> {
        serde_json::from_value(serde_json::to_value(record)?)
    }
}

/// An object of a log.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    #[serde(flatten)]
    record: Recorded,
    /// Stands alone, in a summary.
    suppressed_records: Option<BTreeMap<String, u64>>,
    /// What container runtimes and collectors put a line into.
    log: Option<String>,
    message: Option<String>,
}

/// Reads a line: the first JSON object in it that is one of the filter's.
#[must_use]
pub fn read(text: &str) -> Line {
    read_within(text, true)
}

fn read_within(text: &str, is_outer: bool) -> Line {
    for (start, _) in text.match_indices('{').take(MAXIMUM_STARTS) {
        let rest = text.get(start..).unwrap_or_default();
        let mut objects = serde_json::Deserializer::from_str(rest).into_iter::<Object>();
        let Some(Ok(object)) = objects.next() else {
            continue;
        };
        if let Some(counts) = object.suppressed_records {
            return Line::Suppressed(counts);
        }
        if object.record.verdict.is_some() {
            return Line::Record(Box::new(object.record));
        }
        if is_outer && let Some(inner) = object.log.or(object.message) {
            return read_within(&inner, false);
        }
    }
    Line::Other
}

/// A prefix of Envoy or Istio holds few braces.
const MAXIMUM_STARTS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"decision_id":"0-1","time_ms":5,"verdict":"deny","would_deny":false,"reason":"flow_not_allowed","source":null,"method":"GET","path":"/a"}"#;

    fn reason(text: &str) -> Option<String> {
        match read(text) {
            Line::Record(record) => record.reason,
            Line::Suppressed(_) | Line::Other => None,
        }
    }

    #[test]
    fn finds_the_record_in_a_line() {
        let wrapped = serde_json::json!({"log": format!("x {RECORD}\n"), "stream": "stderr"});
        for text in [
            RECORD.to_owned(),
            format!(
                "[2026-11-21 08:00:00.000][7][warning][wasm] [source/a.cc:1] wasm log sallyport: {RECORD}"
            ),
            format!("{{not json}} {RECORD} trailing"),
            wrapped.to_string(),
        ] {
            assert_eq!(reason(&text).as_deref(), Some("flow_not_allowed"), "{text}");
        }
    }

    #[test]
    fn a_remedy_names_what_is_known() {
        let foreign = Some("spiffe://other.example/ns/edge/sa/gateway");
        let unknown = DenyReason::TrustDomainUnknown;
        assert!(remedy(unknown, foreign, None).contains("`other.example`"));
        for source in [None, Some("nobody")] {
            assert_eq!(remedy(unknown, source, None), unknown.row().remedy);
        }
        let ambiguous = DenyReason::PathAmbiguous;
        for (path, is_general) in [(Some("v1/a"), false), (Some("/v1//a"), true), (None, true)] {
            let found = remedy(ambiguous, foreign, path);
            assert_eq!(
                found == ambiguous.row().remedy,
                is_general,
                "{path:?}: {found}"
            );
        }
    }

    #[test]
    fn knows_summaries_and_leaves_the_rest() {
        let summary = r#"wasm log: {"suppressed_records":{"flow_not_allowed":7}}"#;
        assert!(
            matches!(read(summary), Line::Suppressed(counts) if counts["flow_not_allowed"] == 7)
        );
        for text in [
            "",
            "{",
            "no record",
            r#"{"event":"ISOLATED"}"#,
            r#"{"verdict":3}"#,
            "{{{{{{{{{{",
        ] {
            assert!(matches!(read(text), Line::Other), "{text}");
        }
    }
}
