//! What changes between two policies: as parts of the documents, and as answers to requests.
//!
//! Requests are asked of both policies through the engine, so an example cannot be wrong; they are
//! only as many as were asked. Parts are compared one by one, so that what no example shows, such as
//! an authority, is said as well. Where a change of a part could be both, it counts as widening.

mod answers;
mod artifacts;
mod members;
mod named;
mod parts;
mod questions;
mod requests;
mod restricted;
mod revived;
mod vetted;
mod ways;

use sallyport_engine::time::TimeMs;
use serde::Serialize;

use crate::explain::{Answer, Outcome};
use crate::policy_file::LoadedPolicy;
use answers::Answers;
use questions::Questions;
pub use revived::{Revived, revived};

/// Everything that changes.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// Changed parts, in the order of the new document.
    pub parts: Vec<Change>,
    /// Requests that get another answer.
    pub answers: Vec<ChangedAnswer>,
    /// How many requests were asked of both.
    pub asked: usize,
    /// Whether there were more to ask than the limit allows: then nothing is sure.
    pub is_cut: bool,
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// More passes.
    Widening,
    /// Less passes.
    Narrowing,
    /// The same passes, with another reason, flow or report.
    ReasonOnly,
}

/// A part of the policy that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it does.
    pub effect: Effect,
    /// Which part: `flow web-to-orders`.
    pub part: String,
    /// What differs.
    pub change: String,
}

/// A request that gets another answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedAnswer {
    /// What the change does.
    pub effect: Effect,
    /// The request.
    #[serde(flatten)]
    pub request: Request,
    /// The assurances of the caller with which it is so.
    pub assurances: Vec<&'static str>,
    /// What the old policy answers.
    pub before: Said,
    /// What the new policy answers.
    pub after: Said,
}

/// A request that stands for others like it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Request {
    /// SPIFFE ID of the caller.
    pub from: String,
    /// SPIFFE ID of the workload that is called.
    pub to: String,
    /// HTTP method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Port.
    pub port: u16,
    /// What the token of the caller says that it runs, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_digest: Option<String>,
    /// The same of its image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// When it is asked (RFC 3339), if that is not the time of the comparison: when a grant or a
    /// manifest begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Whether it is asked as if no break-glass were in force.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_break_glass: bool,
}

/// An answer, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Said {
    /// `allow`, `deny` or `would_deny`.
    pub verdict: &'static str,
    /// The reason of a denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// The grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
}

/// Compares two policies at a time, with at most so many requests.
#[must_use]
pub fn diff(old: &LoadedPolicy, new: &LoadedPolicy, now: TimeMs, limit: usize) -> Difference {
    let Questions { questions, is_cut } = questions::between(old, new, now, limit);
    let parts = parts::changes(&old.document.spec, &new.document.spec, now);
    let (answers, is_cut) = match Answers::of(&questions, [old, new], now) {
        Ok(answers) => (answers, is_cut),
        // What could not be asked may be anything.
        Err(_) => (Vec::new(), true),
    };
    Difference {
        parts,
        answers,
        asked: questions.len(),
        is_cut,
    }
}

impl Difference {
    /// Whether nothing differs, as far as was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.answers.is_empty()
    }

    /// Whether some change has this effect.
    #[must_use]
    pub fn has(&self, effect: Effect) -> bool {
        self.parts.iter().any(|change| change.effect == effect)
            || self.answers.iter().any(|answer| answer.effect == effect)
    }
}

impl Effect {
    fn of(before: &Answer, after: &Answer) -> Self {
        let passes = |answer: &Answer| answer.outcome != Outcome::Denied;
        match (passes(before), passes(after)) {
            (false, true) => Self::Widening,
            (true, false) => Self::Narrowing,
            (true, true) | (false, false) => Self::ReasonOnly,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Widening => "widening",
            Self::Narrowing => "narrowing",
            Self::ReasonOnly => "reason only",
        }
    }
}

impl Said {
    fn of(answer: &Answer) -> Self {
        Self {
            verdict: match answer.outcome {
                Outcome::Allowed => "allow",
                Outcome::Denied => "deny",
                Outcome::WouldBeDenied => "would_deny",
            },
            reason: answer.reason.map(|reason| reason.code()),
            flow: answer.record.flow.clone(),
            grant: answer.record.grant.as_ref().map(|grant| grant.name.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
