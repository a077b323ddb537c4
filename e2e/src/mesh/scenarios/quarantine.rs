//! How long a quarantine needs until every sidecar refuses, beside any other change.

use std::net::SocketAddr;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::{SETTLED, Stage, check};
use crate::app::Outcome;
use crate::mesh::caller::{Caller, Probe};
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::Deployment;
use crate::mesh::error::MeshError;
use crate::mesh::layout::{PORT, WORKLOADS, Workload, pods};
use crate::mesh::report::Notes;
use crate::mesh::statistics::Spread;
use crate::world::now_ms;

/// A gateway asks every sidecar for something that it may, on a connection to each that stays open.
/// A quarantine of the gateway and another change of the same size, which takes that one operation
/// away, are applied in turns and taken back.
pub(super) fn reaches_every_sidecar(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let flows = stage.flows()?;
    stage.deploy(&patch(&flows, ASKED, NOBODY))?;
    let passing = plugins(stage.deployment()?)?;
    let quarantined = plugins(&stage.rendered(&patch(&flows, ASKED, GATEWAY))?)?;
    let moved = plugins(&stage.rendered(&patch(&flows, OTHER, NOBODY))?)?;
    let mut watch = Watch::start(stage)?;
    let (mut quarantines, mut others) = (Vec::new(), Vec::new());
    for _ in 0..stage.profile.quarantines {
        quarantines.push(watch.change(stage, &quarantined, Answer::Quarantined)?);
        watch.change(stage, &passing, Answer::Passed)?;
        others.push(watch.change(stage, &moved, Answer::Refused)?);
        watch.change(stage, &passing, Answer::Passed)?;
    }
    watch.finish()?;
    let pushes = pushes(stage)?;
    let quarantine = note(notes, "quarantine", &quarantines, &pushes)?;
    let other = note(notes, "otherChange", &others, &pushes)?;
    let (quarantine, other) = (quarantine.after_apply, other.after_apply);
    goal(notes, "p99AfterApply", quarantine.p99, GOAL_MS);
    let more = quarantine.p99.saturating_sub(other.p99);
    goal(notes, "p99AboveOtherChange", more, GOAL_MORE_MS);
    stage.deploy(&Value::Null)?;
    check(quarantine.max <= LIMIT_MS, || {
        format!(
            "a quarantine needed {} ms after it was applied",
            quarantine.max
        )
    })
}

/// What a sidecar answers the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Passed,
    Quarantined,
    Refused,
}

/// Requests of a gateway at every sidecar with a policy.
pub(super) struct Watch(Vec<Probe>);

/// When a change was applied, and when it had arrived: milliseconds since the Unix epoch.
pub(super) struct Change {
    begun: u64,
    applied: u64,
    /// From then on all sidecars answer as they should.
    arrived: u64,
}

impl Watch {
    fn start(stage: &Stage) -> Result<Self, MeshError> {
        let mut probes = Vec::new();
        for pod in pods().into_iter().filter(|pod| is_asked(pod.workload)) {
            let address = SocketAddr::from((stage.mesh.pod_address(&pod.name)?, PORT));
            let caller = Caller::thief(&stage.mesh, address, ASKED);
            let caller = caller.option("protocol", "istio-http/1.1");
            let mut probe = caller.probe(&stage.mesh, RATE)?;
            probe.until("a first answer", SETTLED, |outcomes| {
                (answer(outcomes.last()?) == Some(Answer::Passed)).then_some(())
            })?;
            probes.push(probe);
        }
        Ok(Self(probes))
    }

    /// Requests that pass already.
    pub(super) const fn of(probes: Vec<Probe>) -> Self {
        Self(probes)
    }

    /// Applies what changed of a policy, and waits until all sidecars answer as it says.
    pub(super) fn change(
        &mut self,
        stage: &Stage,
        manifests: &str,
        expected: Answer,
    ) -> Result<Change, MeshError> {
        let begun = now_ms().0;
        stage.mesh.apply(manifests)?;
        let applied = now_ms().0;
        let mut arrivals = Vec::new();
        for probe in &mut self.0 {
            arrivals.push(
                probe.until("a change's way into a sidecar", SETTLED, |outcomes| {
                    let since = outcomes.iter().rev();
                    let since = since.take_while(|outcome| outcome.sent_at_ms >= begun);
                    let as_expected = since.take_while(|outcome| answer(outcome) == Some(expected));
                    as_expected.last().map(|outcome| outcome.sent_at_ms)
                })?,
            );
        }
        Ok(Change {
            begun,
            applied,
            arrived: arrivals.into_iter().max().unwrap_or_default(),
        })
    }

    /// A sidecar that has come to a policy stays with it, and nobody's connection was closed.
    pub(super) fn finish(self) -> Result<(), MeshError> {
        for probe in self.0 {
            let outcomes = probe.finish()?;
            let odd = outcomes
                .iter()
                .find(|outcome| outcome.connection != 1 || answer(outcome).is_none());
            check(odd.is_none(), || format!("an odd answer: {odd:?}"))?;
            let answers: Vec<_> = outcomes.iter().map(answer).collect();
            let back = |three: &&[Option<Answer>]| three.first() == three.last();
            let alone = answers
                .windows(3)
                .filter(|three| three.first() != three.get(1));
            let flickers = alone.filter(back).count();
            check(flickers == 0, || {
                format!("{flickers} answers were of an older policy")
            })?;
        }
        Ok(())
    }
}

fn answer(outcome: &Outcome) -> Option<Answer> {
    match (outcome.status, outcome.reason()) {
        (Some(200), _) => Some(Answer::Passed),
        (_, Some("peer_quarantined")) => Some(Answer::Quarantined),
        (_, Some("operation_not_allowed")) => Some(Answer::Refused),
        (_, _) => None,
    }
}

/// What differs between the renderings here: all else would be compared, and found to be the same.
pub(super) fn plugins(deployment: &Deployment) -> Result<String, MeshError> {
    let mut items = deployment.objects()?;
    items.retain(|item| item.get("kind").and_then(Value::as_str) == Some("WasmPlugin"));
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string())
}

/// The example's policy, in which the gateway may ask every segment for a path, and somebody is in
/// quarantine.
fn patch(flows: &[Value], path: &str, identity: &str) -> Value {
    let asked = WORKLOADS.into_iter().filter(|workload| is_asked(*workload));
    let more = asked.map(|workload| {
        json!({
            "name": format!("gateway-asks-{}", workload.name),
            "from": ["gateway"],
            "to": workload.name,
            "operations": [{"methods": ["GET"], "paths": [path]}],
        })
    });
    let flows: Vec<Value> = flows.iter().cloned().chain(more).collect();
    json!({"spec": {"flows": flows, "signals": [{
        "name": "alert",
        "source": "e2e",
        "reason": "it scans",
        "author": "e2e",
        "issued": time(-10),
        "expires": time(7200),
        "about": {"identity": identity},
        "effect": "quarantine",
    }]}})
}

/// A time so many seconds from now.
pub(super) fn time(offset: i64) -> String {
    let time = OffsetDateTime::now_utc().saturating_add(Duration::seconds(offset));
    time.format(&Rfc3339).unwrap_or_default()
}

/// Whether it is a segment of the policy.
fn is_asked(workload: Workload) -> bool {
    !["outsider", "bare"].contains(&workload.name)
}

/// When istiod began to push, by its own log.
pub(super) fn pushes(stage: &Stage) -> Result<Vec<u64>, MeshError> {
    let log = stage.mesh.istiod_log()?;
    let stable = log
        .lines()
        .filter(|line| line.contains("Push debounce stable"));
    Ok(stable.filter_map(time_ms).collect())
}

/// The time at the start of a line, in milliseconds since the Unix epoch.
fn time_ms(line: &str) -> Option<u64> {
    let first = line.split_whitespace().next()?;
    let Ok(time) = OffsetDateTime::parse(first, &Rfc3339) else {
        return None;
    };
    let Ok(ms) = u64::try_from(time.unix_timestamp_nanos() / 1_000_000) else {
        return None;
    };
    Some(ms)
}

/// How long changes took until all answers were as they should.
pub(super) struct Took {
    /// From the end of `kubectl apply` on.
    pub(super) after_apply: Spread,
    /// From when istiod began to push, by its log.
    pub(super) after_push: Spread,
}

/// Notes where the time of changes went.
pub(super) fn note(
    notes: &mut Notes,
    name: &str,
    changes: &[Change],
    pushes: &[u64],
) -> Result<Took, MeshError> {
    let spread =
        |time: &dyn Fn(&Change) -> Option<u64>| Spread::of(changes.iter().filter_map(time));
    let push = |change: &Change| {
        let within = |time: &&u64| (change.begun..=change.arrived).contains(time);
        pushes.iter().copied().rev().find(|time| within(&time))
    };
    let missing = || MeshError::Wrong("nothing was measured".to_owned());
    let after_push = spread(&|change| Some(change.arrived.saturating_sub(push(change)?)));
    let all = spread(&|change| Some(change.arrived.saturating_sub(change.applied)));
    let parts = json!({
        "fromStartOfApply": spread(&|change| Some(change.arrived.saturating_sub(change.begun))),
        "apply": spread(&|change| Some(change.applied.saturating_sub(change.begun))),
        "applyUntilIstiodPushes": spread(&|change| Some(push(change)?.saturating_sub(change.applied))),
        "pushUntilAllSidecars": after_push,
        "afterApply": all,
    });
    notes.add(&format!("{name}Ms"), parts);
    Ok(Took {
        after_apply: all.ok_or_else(missing)?,
        after_push: after_push.ok_or_else(missing)?,
    })
}

pub(super) fn goal(notes: &mut Notes, name: &str, seen: u64, most: u64) {
    let word = if seen <= most { "met" } else { "missed" };
    notes.add(
        &format!("goal.{name}"),
        format!("{word}: {seen} ms, at most {most} ms wanted"),
    );
}

/// What the gateway asks for, and a path of the same length.
const ASKED: &str = "/asked";
const OTHER: &str = "/other";
/// The gateway, and nobody: identities of the same length.
const GATEWAY: &str = "spiffe://ai.example/ns/gateway/sa/gateway";
const NOBODY: &str = "spiffe://ai.example/ns/gateway/sa/nobodys";
/// Requests a second at each sidecar: as exact as ten milliseconds.
const RATE: u32 = 100;
/// Goals on a machine that does nothing else.
const GOAL_MS: u64 = 500;
const GOAL_MORE_MS: u64 = 100;
/// On any machine.
pub(super) const LIMIT_MS: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::time_ms;

    #[test]
    fn lines_of_istiod_begin_with_their_time() {
        let line = "2026-11-21T17:20:31.123456Z\tinfo\tads\tPush debounce stable[23] 7 for config";
        assert_eq!(time_ms(line), Some(1_795_281_631_123));
        assert_eq!(time_ms("info\tads"), None);
        assert_eq!(time_ms(""), None);
    }
}
