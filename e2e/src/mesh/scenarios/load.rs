//! Requests that go on while something changes, and what must be true of them.

use super::{Stage, check, url};
use crate::app::Outcome;
use crate::mesh::caller::{Caller, Probe};
use crate::mesh::error::MeshError;
use crate::mesh::report::Notes;
use crate::mesh::statistics::pace;

/// Flows that are allowed and flows that are not, all under load: of several callers, to workloads
/// with one replica and with two, over HTTP/1.1 and HTTP/2.
pub(super) struct Load {
    allowed: Vec<Probe>,
    denied: Vec<Probe>,
}

/// What came of the requests.
pub(super) struct Done {
    pub(super) allowed: Vec<Outcome>,
    pub(super) denied: Vec<Outcome>,
}

/// Who asks whom for what, how, and how often a second.
type Flow = (&'static str, &'static str, &'static str, &'static str, u32);

impl Load {
    /// Starts all of them; each has been answered once when this returns.
    pub(super) fn start(stage: &Stage) -> Result<Self, MeshError> {
        let start = |flows: &[Flow]| -> Result<Vec<Probe>, MeshError> {
            flows.iter().map(|flow| begin(stage, flow)).collect()
        };
        Ok(Self {
            allowed: start(&ALLOWED)?,
            denied: start(&DENIED)?,
        })
    }

    /// Ends them: every allowed request must have been answered by the application, no denied one.
    pub(super) fn finish(self, notes: &mut Notes) -> Result<(), MeshError> {
        let done = self.stop()?;
        done.note(notes);
        done.allowed_have_passed()?;
        done.denied_have_not(|_| true)
    }

    /// Ends them.
    pub(super) fn stop(self) -> Result<Done, MeshError> {
        let finish = |probes: Vec<Probe>| -> Result<Vec<Outcome>, MeshError> {
            let outcomes: Vec<_> = probes
                .into_iter()
                .map(Probe::finish)
                .collect::<Result<_, _>>()?;
            Ok(outcomes.into_iter().flatten().collect())
        };
        Ok(Done {
            allowed: finish(self.allowed)?,
            denied: finish(self.denied)?,
        })
    }

    /// The flows that are allowed.
    pub(super) const fn allowed(&mut self) -> &mut Vec<Probe> {
        &mut self.allowed
    }

    /// The flows that are not allowed.
    pub(super) const fn denied(&mut self) -> &mut Vec<Probe> {
        &mut self.denied
    }
}

impl Done {
    /// How many requests there were, and for how long there was none: what passes in such a pause
    /// is not seen.
    pub(super) fn note(&self, notes: &mut Notes) {
        for (name, outcomes) in [("allowed", &self.allowed), ("denied", &self.denied)] {
            let (rate, pause) = pace(outcomes.iter().map(|outcome| outcome.sent_at_ms));
            let slowest = outcomes.iter().map(|outcome| outcome.took_us).max();
            notes.add(&format!("{name}Requests"), outcomes.len());
            notes.add(&format!("{name}PerSecond"), rate);
            notes.add(&format!("{name}LongestPauseMs"), pause);
            notes.add(
                &format!("{name}SlowestMs"),
                slowest.unwrap_or_default() / 1000,
            );
        }
    }

    /// Every allowed request was answered by the application.
    pub(super) fn allowed_have_passed(&self) -> Result<(), MeshError> {
        let failed = |outcome: &&Outcome| outcome.status != Some(200);
        none(
            self.allowed.iter().filter(failed),
            "allowed requests failed",
        )
    }

    /// None of those denied requests that are meant was answered by the application. An answer that
    /// never came is no pass.
    pub(super) fn denied_have_not(
        &self,
        meant: impl Fn(&Outcome) -> bool,
    ) -> Result<(), MeshError> {
        let passed = |outcome: &&Outcome| has_passed(outcome) && meant(outcome);
        none(self.denied.iter().filter(passed), "denied requests passed")
    }

    /// Denied requests were refused by the filter so often that no window could be missed.
    pub(super) fn was_enough(&self) -> Result<(), MeshError> {
        let refused = self
            .denied
            .iter()
            .filter(|outcome| outcome.reason().is_some());
        let (rate, _) = pace(refused.map(|outcome| outcome.sent_at_ms));
        check(rate >= ENOUGH, || {
            format!("only {rate} denied requests a second were refused, not {ENOUGH}")
        })
    }
}

/// Whether a request got through to the application.
pub(super) fn has_passed(outcome: &Outcome) -> bool {
    outcome.status.is_some_and(|status| status < 400)
}

fn begin(stage: &Stage, flow: &Flow) -> Result<Probe, MeshError> {
    let (from, to, path, protocol, rate) = flow;
    let caller = Caller::new(from, &url(&stage.mesh, to, path))
        .option("protocol", protocol)
        .option("connections", "4");
    let mut probe = caller.probe(&stage.mesh, *rate)?;
    probe.until("a first answer", super::SETTLED, |outcomes| {
        outcomes.first().map(drop)
    })?;
    Ok(probe)
}

fn none<'a>(bad: impl Iterator<Item = &'a Outcome>, what: &str) -> Result<(), MeshError> {
    let bad: Vec<&Outcome> = bad.collect();
    check(bad.is_empty(), || {
        format!("{} {what}, first: {:?}", bad.len(), bad.first())
    })
}

/// The second caller asks seldom: its habits are judged, as those of the gateway are not.
const ALLOWED: [Flow; 2] = [
    ("gateway-0", "inference", "/v1/models/one", "http1", 120),
    (
        "inference-0",
        "registry",
        "/v1/models/one/versions/one/file",
        "http2",
        15,
    ),
];

/// The gateway speaks for others, so it is not isolated for what it asks for: each of its requests
/// is decided by the flows. The outsider is isolated after ten.
const DENIED: [Flow; 3] = [
    ("gateway-0", "registry", "/nobody/may", "http1", 120),
    ("gateway-0", "inference", "/nobody/may", "http2", 120),
    ("outsider-0", "registry", "/v1/models", "http1", 60),
];

/// Refused requests a second; more are asked for, since a busy machine does not keep up.
const ENOUGH: u64 = 200;

#[cfg(test)]
mod tests {
    use super::{Done, has_passed};
    use crate::app::Outcome;

    fn answered(status: u16, sent_at_ms: u64) -> Outcome {
        let denied = "denied by sallyport: flow_not_allowed (decision 00ff)";
        Outcome {
            status: Some(status),
            sent_at_ms,
            body: denied.to_owned(),
            ..Outcome::default()
        }
    }

    fn done(allowed: Vec<Outcome>, denied: Vec<Outcome>) -> Done {
        Done { allowed, denied }
    }

    #[test]
    fn an_allowed_request_without_an_answer_has_failed() {
        let fine = done(vec![answered(200, 0)], vec![]);
        assert!(fine.allowed_have_passed().is_ok());
        for bad in [answered(503, 1), answered(403, 1), Outcome::default()] {
            let failed = done(vec![answered(200, 0), bad], vec![]);
            let error = failed.allowed_have_passed().unwrap_err().to_string();
            assert!(error.starts_with("1 allowed requests failed"), "{error}");
        }
    }

    #[test]
    fn a_denied_request_passes_only_with_an_answer_of_the_application() {
        assert!(!has_passed(&Outcome::default()));
        let refused = done(vec![], vec![answered(403, 0), Outcome::default()]);
        assert!(refused.denied_have_not(|_| true).is_ok());
        let passed = done(vec![], vec![answered(403, 0), answered(200, 7)]);
        let error = passed.denied_have_not(|_| true).unwrap_err().to_string();
        assert!(error.starts_with("1 denied requests passed"), "{error}");
        assert!(
            passed
                .denied_have_not(|outcome| outcome.sent_at_ms > 7)
                .is_ok()
        );
    }

    #[test]
    fn a_prober_that_did_not_probe_proves_nothing() {
        let every = |pause: usize| (0..2000).step_by(pause).map(|time| answered(403, time));
        assert!(done(vec![], every(4).collect()).was_enough().is_ok());
        assert!(done(vec![], every(6).collect()).was_enough().is_err());
        assert!(done(vec![], vec![]).was_enough().is_err());
        let nobody = |outcome: Outcome| Outcome {
            body: String::new(),
            ..outcome
        };
        let unanswered = every(4).map(nobody).collect();
        assert!(done(vec![], unanswered).was_enough().is_err());
    }
}
