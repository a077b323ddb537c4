//! From an answer over the wire to what was decided.

use crate::HarnessError;
use crate::envoy::{Journal, Record, number};
use crate::observed::{Observed, Seen};
use crate::scenario::Verdict;
use crate::upstream::Echo;
use crate::wire::Response;

/// The reason that is observed where Envoy itself refuses, before or instead of the filter.
pub const REFUSED_BY_ENVOY: &str = "refused_by_envoy";

/// What an answer says about the decision, completed by the record where there is one. `journal`
/// is that of the proxy that decided.
///
/// # Errors
/// When neither tells.
pub fn answer(journal: &impl Journal, response: &Response) -> Result<Observed, HarnessError> {
    match serde_json::from_slice::<Echo>(&response.body) {
        Ok(echo) => allowed(journal, &echo, response.status),
        Err(_) => denied(journal, response),
    }
}

fn denied(journal: &impl Journal, response: &Response) -> Result<Observed, HarnessError> {
    let text = response.text();
    let Some(decision_id) = decision_of(&text) else {
        return Ok(Observed {
            verdict: Verdict::Deny,
            would_deny: false,
            reason: Some(REFUSED_BY_ENVOY.to_owned()),
            flow: Seen::NotTold,
            grant: Seen::NotTold,
            assurance: String::new(),
            trust: None,
            status: response.status,
        });
    };
    let record = journal.record(decision_id)?;
    Ok(Observed {
        verdict: Verdict::Deny,
        would_deny: record.would_deny,
        flow: Seen::of(record.flow.as_deref()),
        grant: grant(&record),
        reason: record.reason,
        assurance: record.assurance,
        trust: record.trust,
        status: response.status,
    })
}

/// The application was told the score; the record of a would-deny tells the rest.
fn allowed(journal: &impl Journal, echo: &Echo, status: u16) -> Result<Observed, HarnessError> {
    let told = |name: &str| {
        let silent = || HarnessError::EnvoySilent(format!("the application one `{name}`"));
        echo.header(name).ok_or_else(silent)
    };
    let trust = match echo.header("x-sallyport-trust") {
        None => None,
        Some(text) => Some(number("x-sallyport-trust", text)?),
    };
    // The record of a would-deny stands in the log before the application is asked.
    let record = journal.find_record(told("x-sallyport-decision-id")?)?;
    let (reason, flow, grant) = match record {
        Some(record) => (
            record.reason.clone(),
            Seen::of(record.flow.as_deref()),
            grant(&record),
        ),
        None => (None, Seen::NotTold, Seen::NotTold),
    };
    Ok(Observed {
        verdict: Verdict::Allow,
        would_deny: reason.is_some(),
        reason,
        flow,
        grant,
        assurance: told("x-sallyport-assurance")?.to_owned(),
        trust,
        status,
    })
}

fn grant(record: &Record) -> Seen {
    Seen::of(record.grant.as_ref().map(|grant| grant.name.as_str()))
}

/// The number in `denied by sallyport: <reason> (decision <number>)`.
fn decision_of(text: &str) -> Option<&str> {
    let (_, rest) = text
        .strip_prefix("denied by sallyport: ")?
        .split_once("(decision ")?;
    rest.split(')').next()
}
