//! Requests that go on while something changes.

use super::{Stage, check, url};
use crate::app::Outcome;
use crate::mesh::caller::{Caller, Probe};
use crate::mesh::error::MeshError;
use crate::mesh::report::Notes;

/// One flow that is allowed and one that is not, both under load.
pub(super) struct Load {
    allowed: Probe,
    denied: Probe,
}

impl Load {
    /// Starts both.
    pub(super) fn start(stage: &Stage) -> Result<Self, MeshError> {
        let mesh = &stage.mesh;
        let allowed = Caller::new("gateway-0", &url(mesh, "inference", "/v1/models/one"));
        let denied = Caller::new("outsider-0", &url(mesh, "registry", "/v1/models"));
        Ok(Self {
            allowed: allowed.probe(mesh, RATE)?,
            denied: denied.probe(mesh, DENIED_RATE)?,
        })
    }

    /// Ends both: every allowed request must have been answered by the application, no denied one.
    pub(super) fn finish(self, notes: &mut Notes) -> Result<(), MeshError> {
        let (allowed, denied) = (self.allowed.finish()?, self.denied.finish()?);
        note_rate(notes, "allowed", &allowed);
        note_rate(notes, "denied", &denied);
        let failed = |outcome: &&Outcome| outcome.status != Some(200);
        let failures: Vec<&Outcome> = allowed.iter().filter(failed).collect();
        check(failures.is_empty(), || {
            format!(
                "{} allowed requests failed, first: {:?}",
                failures.len(),
                failures.first()
            )
        })?;
        // An answer that never came is no pass.
        let passed = |outcome: &&Outcome| outcome.status.is_some_and(|status| status < 400);
        let passes: Vec<&Outcome> = denied.iter().filter(passed).collect();
        check(passes.is_empty(), || {
            format!(
                "{} denied requests passed, first: {:?}",
                passes.len(),
                passes.first()
            )
        })
    }
}

/// The longest pause shows what an average hides.
fn note_rate(notes: &mut Notes, name: &str, outcomes: &[Outcome]) {
    let first = outcomes.first().map_or(0, |outcome| outcome.sent_at_ms);
    let last = outcomes.last().map_or(0, |outcome| outcome.sent_at_ms);
    let count = u64::try_from(outcomes.len()).unwrap_or(u64::MAX);
    let rate = count
        .saturating_mul(1000)
        .checked_div(last.saturating_sub(first))
        .unwrap_or_default();
    let slowest = outcomes.iter().map(|outcome| outcome.took_us).max();
    notes.add(&format!("{name}Requests"), count);
    notes.add(&format!("{name}PerSecond"), rate);
    notes.add(
        &format!("{name}SlowestMs"),
        slowest.unwrap_or_default() / 1000,
    );
}

/// Requests a second that are allowed.
const RATE: u32 = 220;
/// Fewer: what is isolated after the first ten of them is refused quickly ever after.
const DENIED_RATE: u32 = 100;
