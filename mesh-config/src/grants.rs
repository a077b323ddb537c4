//! The grants of a policy at a time, as commands show them.

use std::fmt;

use sallyport_engine::policy::{GrantPhase, raw};
use sallyport_engine::time::TimeMs;
use serde::Serialize;

use crate::finding::Printable;

/// A grant at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantState {
    /// Its name.
    pub name: String,
    /// Where its time is.
    pub state: GrantPhase,
    /// Segments that may call.
    pub from: Vec<String>,
    /// The segment that is called.
    pub to: String,
    /// When it begins (RFC 3339).
    pub not_before: String,
    /// When it ends (RFC 3339).
    pub not_after: String,
    /// Seconds until it ends, while it is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_in_seconds: Option<u64>,
    /// Seconds until it begins, while it is to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begins_in_seconds: Option<u64>,
    /// Why it was given.
    pub reason: String,
    /// Who allowed it.
    pub approved_by: String,
}

/// All grants of a policy at a time: those in force first, then those to come, then those that ended.
/// One whose times cannot be read is none that a valid policy has, and is left out.
#[must_use]
pub fn at(grants: &[raw::Grant], now: TimeMs) -> Vec<GrantState> {
    let states = grants.iter().filter_map(|grant| GrantState::of(grant, now));
    let mut states: Vec<GrantState> = states.collect();
    states.sort_by_key(|state| state.state);
    states
}

impl GrantState {
    /// A grant at a time; none where its times cannot be read.
    #[must_use]
    pub fn of(grant: &raw::Grant, now: TimeMs) -> Option<Self> {
        let (Ok(begins), Ok(ends)) = (
            TimeMs::parse_rfc3339(&grant.not_before),
            TimeMs::parse_rfc3339(&grant.not_after),
        ) else {
            return None;
        };
        let state = GrantPhase::of(begins, ends, now);
        // What is left is rounded up: until the last second is over, one is left.
        let seconds = |until: TimeMs| until.since(now).div_ceil(1000);
        Some(Self {
            name: grant.name.clone(),
            state,
            from: grant.from.clone(),
            to: grant.to.clone(),
            not_before: grant.not_before.clone(),
            not_after: grant.not_after.clone(),
            ends_in_seconds: (state == GrantPhase::InForce).then(|| seconds(ends)),
            begins_in_seconds: (state == GrantPhase::ToCome).then(|| seconds(begins)),
            reason: grant.reason.clone(),
            approved_by: grant.approved_by.clone(),
        })
    }
}

/// `incident-4711: in force for 1 h 5 min more, until 2026-11-21T12:00:00Z: training -> registry
/// (reason: ..; approved by ..)`.
impl fmt::Display for GrantState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", Printable(&self.name))?;
        let (begins, ends) = (Printable(&self.not_before), Printable(&self.not_after));
        match (self.state, self.ends_in_seconds, self.begins_in_seconds) {
            (GrantPhase::InForce, Some(left), _) => {
                write!(f, "in force for {} more, until {ends}", Span(left))?;
            }
            (GrantPhase::ToCome, _, Some(left)) => {
                write!(f, "begins in {}, at {begins}, until {ends}", Span(left))?;
            }
            (GrantPhase::InForce | GrantPhase::ToCome | GrantPhase::Ended, _, _) => {
                write!(f, "ended at {ends}")?
            }
        }
        write!(
            f,
            ": {} -> {} (reason: {}; approved by {})",
            Printable(&self.from.join(", ")),
            Printable(&self.to),
            Printable(&self.reason),
            Printable(&self.approved_by)
        )
    }
}

/// Seconds in the two largest units that say something: `2 h 5 min`, `40 s`.
#[derive(Debug, Clone, Copy)]
pub struct Span(pub u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400_u64, "d"), (3_600, "h"), (60, "min"), (1, "s")];
        let (mut rest, mut written) = (self.0, 0_u8);
        for (length, unit) in units {
            let count = rest.checked_div(length).unwrap_or_default();
            rest = rest.checked_rem(length).unwrap_or_default();
            if count > 0 && written < 2 {
                let space = if written == 0 { "" } else { " " };
                write!(f, "{space}{count} {unit}")?;
            }
            if count > 0 || written > 0 {
                written = written.saturating_add(1);
            }
        }
        if written == 0 {
            f.write_str("0 s")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_two_units() {
        for (seconds, shown) in [
            (0, "0 s"),
            (40, "40 s"),
            (60, "1 min"),
            (7_500, "2 h 5 min"),
            (7_201, "2 h"),
            (90_000, "1 d 1 h"),
            (604_800, "7 d"),
        ] {
            assert_eq!(Span(seconds).to_string(), shown);
        }
    }

    fn grant(name: &str, begins: &str, ends: &str) -> raw::Grant {
        raw::Grant {
            name: name.to_owned(),
            from: vec!["training".to_owned()],
            to: "registry".to_owned(),
            not_before: begins.to_owned(),
            not_after: ends.to_owned(),
            reason: "incident 7".to_owned(),
            approved_by: "on-call lead".to_owned(),
            operations: Vec::new(),
        }
    }

    #[test]
    fn says_of_each_what_is_left_of_it() {
        // 2027-01-15T08:00:00Z.
        let now = TimeMs(1_800_000_000_000);
        let grants = [
            grant("over", "2027-01-15T07:00:00Z", "2027-01-15T08:00:00Z"),
            grant("early", "2027-01-15T08:00:01Z", "2027-01-15T09:00:00Z"),
            grant("now", "2027-01-15T08:00:00Z", "2027-01-15T10:05:00Z"),
        ];
        let shown: Vec<String> = at(&grants, now).iter().map(ToString::to_string).collect();
        let whom = "training -> registry (reason: incident 7; approved by on-call lead)";
        assert_eq!(
            shown,
            [
                format!("now: in force for 2 h 5 min more, until 2027-01-15T10:05:00Z: {whom}"),
                format!(
                    "early: begins in 1 s, at 2027-01-15T08:00:01Z, until 2027-01-15T09:00:00Z: \
                     {whom}"
                ),
                format!("over: ended at 2027-01-15T08:00:00Z: {whom}"),
            ]
        );
        let last = GrantState::of(&grants[0], TimeMs(now.0 - 1)).unwrap();
        assert_eq!(last.ends_in_seconds, Some(1));
    }
}
