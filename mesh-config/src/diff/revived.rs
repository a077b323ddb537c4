//! What the way back to an earlier policy brings back, though somebody took it away on purpose.

use sallyport_engine::policy::raw::{PolicyDocument, Spec};
use sallyport_engine::time::TimeMs;

use super::{Change, Effect, parts};

/// What does not stay as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revived {
    /// Revocations, floors and signals that are lost, or count for less.
    pub lost: Vec<Change>,
    /// Grants that let callers in again, or for longer; each has not ended.
    pub granted: Vec<Change>,
}

/// Compares the policy in force with the one that is gone back to, as far as both still count at a time.
#[must_use]
pub fn revived(current: &PolicyDocument, earlier: &PolicyDocument, now: TimeMs) -> Revived {
    let (old, new) = (lasting(&current.spec, now), lasting(&earlier.spec, now));
    let opens = |changes: Vec<Change>| {
        let changes = changes.into_iter();
        changes
            .filter(|change| change.effect == Effect::Widening)
            .collect()
    };
    Revived {
        lost: opens(parts::taken_back(&old, &new, now)),
        granted: opens(parts::granted(&old, &new)),
    }
}

/// Without the signals and grants that are over.
fn lasting(spec: &Spec, now: TimeMs) -> Spec {
    let lasts = |end: &str| !TimeMs::parse_rfc3339(end).is_ok_and(|end| end <= now);
    let mut spec = spec.clone();
    if let Some(signals) = &mut spec.signals {
        signals.retain(|signal| lasts(&signal.expires));
    }
    if let Some(grants) = &mut spec.grants {
        grants.retain(|grant| lasts(&grant.not_after));
    }
    spec
}
