//! Decision records, as they stand in Envoy's log.

use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::HarnessError;

/// Something of the policy, as far as tests look at it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Its name.
    pub name: String,
}

/// The fields of a decision record that tests look at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// Identifies the decision.
    pub decision_id: String,
    /// `allow` or `deny`.
    pub verdict: String,
    /// Whether only shadow mode let the request pass.
    pub would_deny: bool,
    /// The reason code.
    pub reason: Option<String>,
    /// The flow.
    pub flow: Option<String>,
    /// The grant that decided.
    pub grant: Option<Named>,
    /// The assurance.
    pub assurance: String,
    /// The trust score.
    pub trust: Option<u8>,
    /// What the caller's behaviour allows.
    pub state: Option<String>,
    /// The path, escaped.
    pub path: String,
}

/// A log with decision records in it.
pub trait Journal {
    /// The log so far.
    ///
    /// # Errors
    /// When it cannot be read.
    fn text(&self) -> Result<String, HarnessError>;

    /// The record of a decision, if it stands in the log.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn find_record(&self, decision_id: &str) -> Result<Option<Record>, HarnessError> {
        Ok(find(&self.text()?, decision_id))
    }

    /// The record of a decision; waits a little for the log.
    ///
    /// # Errors
    /// When there is none.
    fn record(&self, decision_id: &str) -> Result<Record, HarnessError> {
        let start = Instant::now();
        loop {
            if let Some(record) = self.find_record(decision_id)? {
                return Ok(record);
            }
            if start.elapsed() >= PATIENCE {
                let what = format!("a record of decision {decision_id}");
                return Err(HarnessError::EnvoySilent(what));
            }
            thread::sleep(POLL);
        }
    }
}

/// The record of a decision in a log.
fn find(log: &str, decision_id: &str) -> Option<Record> {
    log.lines()
        .filter(|line| line.contains(decision_id))
        .filter_map(|line| line.find('{').and_then(|start| line.get(start..)))
        .filter_map(parse)
        .find(|record| record.decision_id == decision_id)
}

/// Other lines may hold the id too, so a line that is no record is passed over.
fn parse(text: &str) -> Option<Record> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Record>();
    match values.next() {
        Some(Ok(record)) => Some(record),
        Some(Err(_)) | None => None,
    }
}

const PATIENCE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_record_among_other_lines() {
        let record = r#"{"decision_id":"00-2","verdict":"deny","would_deny":false,"reason":"peer_plaintext","flow":null,"assurance":"plaintext","trust":null,"state":null,"path":"/"}"#;
        let log = format!(
            "[warning] decision 00-2: {{no record}}\n[warning] wasm log sallyport: {record}\n"
        );
        let found = find(&log, "00-2").unwrap();
        assert_eq!(found.reason.as_deref(), Some("peer_plaintext"));
        assert_eq!(find(&log, "00-3"), None);
    }
}
