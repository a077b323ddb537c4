//! Signals and floors against the clock.

use sallyport_engine::policy::raw::Spec;
use sallyport_engine::time::TimeMs;

use crate::finding::{Code, Finding};

pub(super) fn findings(spec: &Spec, now: TimeMs) -> Vec<Finding> {
    let mut findings = Vec::new();
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

const SOON_MS: u64 = 24 * 60 * 60 * 1000;
