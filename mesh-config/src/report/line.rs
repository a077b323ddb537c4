//! A line of a log, whatever stands around the record in it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What a line says.
#[derive(Debug)]
pub(super) enum Line {
    /// A decision.
    Record(Box<Decision>),
    /// How many decisions of each reason were not logged one by one.
    Suppressed(BTreeMap<String, u64>),
    /// Something else.
    Other,
}

/// A decision record, as far as it is counted, or another object of a log. Any key may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Decision {
    pub(super) verdict: Option<String>,
    pub(super) time_ms: u64,
    pub(super) would_deny: bool,
    pub(super) reason: Option<String>,
    pub(super) flow: Option<String>,
    pub(super) source: Option<String>,
    pub(super) source_segment: Option<String>,
    pub(super) destination_segment: Option<String>,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) assurance: Option<String>,
    /// Stands alone, in a summary.
    suppressed_records: Option<BTreeMap<String, u64>>,
    /// What container runtimes and collectors put a line into.
    log: Option<String>,
    message: Option<String>,
}

/// Reads a line: the first JSON object in it that is one of the filter's.
pub(super) fn read(text: &str) -> Line {
    read_within(text, true)
}

fn read_within(text: &str, is_outer: bool) -> Line {
    for (start, _) in text.match_indices('{').take(MAXIMUM_STARTS) {
        let rest = text.get(start..).unwrap_or_default();
        let mut objects = serde_json::Deserializer::from_str(rest).into_iter::<Decision>();
        let Some(Ok(object)) = objects.next() else {
            continue;
        };
        if let Some(counts) = object.suppressed_records {
            return Line::Suppressed(counts);
        }
        if object.verdict.is_some() {
            return Line::Record(Box::new(object));
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
            Line::Record(decision) => decision.reason,
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
