//! Signals, floors and a break-glass against the clock.

use sallyport_engine::policy::BreakGlass;
use sallyport_engine::policy::raw::Spec;
use sallyport_engine::time::TimeMs;

use crate::finding::{Code, Finding};

pub(super) fn findings(spec: &Spec, now: TimeMs) -> Vec<Finding> {
    let mut findings: Vec<Finding> = break_glass(spec, now).into_iter().collect();
    for (number, signal) in spec.signals.iter().flatten().enumerate() {
        let Ok(expires) = TimeMs::parse_rfc3339(&signal.expires) else {
            continue;
        };
        let path = format!("spec.signals[{number}].expires");
        let name = &signal.name;
        if expires <= now {
            let message = format!("signal `{name}` has expired and does nothing");
            findings.push(Finding::new(Code::SignalExpired, path, message));
        } else if expires.since(now) <= SOON_MS {
            let message = format!(
                "signal `{name}` expires within a day, at {}",
                signal.expires
            );
            findings.push(Finding::new(Code::SignalExpiresSoon, path, message));
        }
    }
    for (number, floor) in spec.not_before_floors.iter().flatten().enumerate() {
        let Ok(time) = TimeMs::parse_rfc3339(&floor.not_before) else {
            continue;
        };
        if time > now {
            let message = format!(
                "the floor lies in the future: until {} no credential can satisfy it",
                floor.not_before
            );
            let path = format!("spec.notBeforeFloors[{number}].notBefore");
            findings.push(Finding::new(Code::FloorInFuture, path, message));
        }
    }
    findings
}

/// What a break-glass does at this time, if the policy has one.
#[must_use]
pub fn break_glass(spec: &Spec, now: TimeMs) -> Option<Finding> {
    let glass = spec.break_glass.as_ref()?;
    let Ok(until) = TimeMs::parse_rfc3339(&glass.until) else {
        return None;
    };
    let (code, message) = if until <= now {
        let message = format!("is over since {}, and does nothing", glass.until);
        (Code::BreakGlassOver, message)
    } else if until.since(now) > BreakGlass::MAXIMUM_MS {
        let message = "is more than 7 days ahead: until it is nearer, proxies enforce".to_owned();
        (Code::BreakGlassTooLong, message)
    } else {
        let whom = match &glass.segments {
            Some(names) => names.join(", "),
            None => "all segments".to_owned(),
        };
        let message = format!("nothing is refused by {whom} until {}", glass.until);
        (Code::BreakGlassLasts, message)
    };
    Some(Finding::new(code, "spec.breakGlass.until", message))
}

const SOON_MS: u64 = 24 * 60 * 60 * 1000;
