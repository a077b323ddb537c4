//! What came of a request.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

/// What came of a request of `mesh-app call`: one line of its output.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The number of the request, from 1.
    pub number: u32,
    /// The number of the connection, from 1; a new one has a new number.
    pub connection: u32,
    /// When it was sent, in milliseconds since the Unix epoch.
    pub sent_at_ms: u64,
    /// How long it took until the answer was read, in microseconds.
    pub took_us: u64,
    /// The status; none when there was no answer.
    pub status: Option<u16>,
    /// The headers of the answer, then its trailers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The start of the body, or what came back through a WebSocket.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Outcome {
    /// Fills in an answer; briefly, that is without headers, and without a body where its status is
    /// below 300.
    pub(super) fn answer(
        &mut self,
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
        brief: bool,
    ) {
        self.status = Some(status);
        if !brief {
            self.headers = headers;
        }
        if !brief || status >= 300 {
            self.body = body;
        }
    }

    /// Prints it as a line of JSON.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(super) fn print(&self) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        io::stdout().lock().write_all(&line)
    }

    /// The value of a header or trailer.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        values.next().map(|(_, value)| value.as_str())
    }

    /// The reason of a denial by the filter: it stands in the body, or in the message of gRPC.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        let text = self.header("grpc-message").unwrap_or(&self.body);
        let rest = text.strip_prefix("denied by sallyport: ")?;
        rest.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_')
            .next()
    }

    /// Whether the application answered, as opposed to something in front of it.
    #[must_use]
    pub fn is_from_application(&self) -> bool {
        self.header("x-mesh-app").is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn a_reason_is_read_from_body_and_grpc_message() {
        let text = "denied by sallyport: flow_not_allowed (decision 00ff)";
        let mut outcome = Outcome {
            body: text.to_owned(),
            ..Outcome::default()
        };
        assert_eq!(outcome.reason(), Some("flow_not_allowed"));
        outcome.headers = vec![("grpc-message".to_owned(), text.to_owned())];
        outcome.body.clear();
        assert_eq!(outcome.reason(), Some("flow_not_allowed"));
    }

    #[test]
    fn other_refusals_have_no_reason() {
        let outcome = Outcome {
            body: "RBAC: access denied".to_owned(),
            ..Outcome::default()
        };
        assert_eq!(outcome.reason(), None);
    }
}
