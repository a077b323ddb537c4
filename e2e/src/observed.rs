//! What a driver saw of a decision, and how it differs from what was expected.

use sallyport_engine::reason::DenyReason;

use crate::scenario::{Expectation, Verdict};

/// What a driver saw of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Whether the request reached the application.
    pub verdict: Verdict,
    /// Whether only shadow mode let it pass.
    pub would_deny: bool,
    /// The reason code.
    pub reason: Option<String>,
    /// The flow.
    pub flow: Seen,
    /// The grant.
    pub grant: Seen,
    /// The assurance.
    pub assurance: String,
    /// The trust score.
    pub trust: Option<u8>,
    /// HTTP status of the answer.
    pub status: u16,
}

/// What can be seen of the flow, or of the grant, of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The decision names this one.
    Named(String),
    /// The decision names none.
    None,
    /// The sidecar does not tell: it writes no record of a request that is simply allowed.
    NotTold,
}

impl Seen {
    /// That of a decision that is known in full.
    #[must_use]
    pub fn of(name: Option<&str>) -> Self {
        name.map_or(Self::None, |name| Self::Named(name.to_owned()))
    }

    fn agrees_with(&self, expected: Option<&str>) -> bool {
        match self {
            Self::Named(name) => expected == Some(name.as_str()),
            Self::None => expected.is_none(),
            Self::NotTold => true,
        }
    }
}

impl Observed {
    /// Each difference to the expectation, as a line for people; none when they agree.
    #[must_use]
    pub fn differences(&self, expected: &Expectation) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, agrees: bool, expected: String, seen: String| {
            if !agrees {
                differences.push(format!("{what}: expected {expected}, got {seen}"));
            }
        };
        let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
        let verdict = self.verdict == expected.verdict;
        compare(
            "verdict",
            verdict,
            text(&expected.verdict),
            text(&self.verdict),
        );
        let would_deny = self.would_deny == expected.would_deny;
        compare(
            "wouldDeny",
            would_deny,
            text(&expected.would_deny),
            text(&self.would_deny),
        );
        let reason = self.reason == expected.reason;
        compare("reason", reason, text(&expected.reason), text(&self.reason));
        let flow = self.flow.agrees_with(expected.flow.as_deref());
        compare("flow", flow, text(&expected.flow), text(&self.flow));
        let grant = self.grant.agrees_with(expected.grant.as_deref());
        compare("grant", grant, text(&expected.grant), text(&self.grant));
        let assurance = self.assurance == expected.assurance;
        compare(
            "assurance",
            assurance,
            text(&expected.assurance),
            text(&self.assurance),
        );
        let trust = match (expected.trust, self.trust) {
            (Some(range), Some(trust)) => (range.min..=range.max).contains(&trust),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        compare("trust", trust, text(&expected.trust), text(&self.trust));
        let status = expected_status(expected);
        compare(
            "status",
            self.status == status,
            status.to_string(),
            self.status.to_string(),
        );
        differences
    }
}

/// The status follows from the reason: the engine's table says which.
fn expected_status(expected: &Expectation) -> u16 {
    if let Some(status) = expected.status {
        return status;
    }
    let row = |code: &str| DenyReason::ALL.iter().find(|reason| reason.code() == code);
    match (expected.verdict, expected.reason.as_deref().and_then(row)) {
        (Verdict::Allow, _) => 200,
        (Verdict::Deny, Some(reason)) => reason.row().status,
        (Verdict::Deny, None) => 0,
    }
}
