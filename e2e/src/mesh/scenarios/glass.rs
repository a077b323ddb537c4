//! An emergency in which nothing is refused.

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::load::{Load, has_passed};
use super::{SETTLED, Stage, check};
use crate::app::Outcome;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::{Deployment, Target, stats};
use crate::mesh::error::MeshError;
use crate::mesh::layout::pods;
use crate::mesh::report::Notes;
use crate::mesh::until;
use crate::world::now_ms;

/// Denied requests pass while it lasts, are counted and recorded as such, and are refused again from
/// its end on, without a push and without istiod. A new one has no effect until istiod is back.
pub(super) fn ends_by_itself(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let mut load = Load::start(stage)?;
    let before = stats(&stage.mesh, CALLED)?;
    let (first, first_end) = glass(stage, 45)?;
    let begun = now_ms().0;
    first.apply(&stage.mesh)?;
    let during = stats(&stage.mesh, CALLED)?;
    check(during.get("break_glass") == Some(&1), || {
        format!("the gauge break_glass should be 1: {during:?}")
    })?;
    all_pass(&mut load)?;
    stage.mesh.kill_istiod()?;

    // Nobody but the clock ends it.
    all_are_refused(&mut load, first_end)?;
    notes.add("endedWithoutIstiod", true);

    // The API server takes a new one; no sidecar hears of it.
    let (second, second_end) = glass(stage, 180)?;
    stage.mesh.apply(&second.manifests)?;
    let applied = now_ms().0;
    for probe in load.denied() {
        probe.until("requests without istiod", SETTLED, |outcomes| {
            let last = outcomes.last()?.sent_at_ms;
            (last > applied.saturating_add(UNHEARD_MS)).then_some(())
        })?;
    }
    let unheard = now_ms().0;
    for pod in pods() {
        check(!second.is_in(&stage.mesh, &pod)?, || {
            format!("{} has a policy that nobody could push", pod.name)
        })?;
    }

    let restarting = now_ms().0;
    stage.mesh.start_istiod()?;
    second.arrives(&stage.mesh)?;
    all_pass(&mut load)?;
    notes.add(
        "msFromIstiodStartToSecond",
        now_ms().0.saturating_sub(restarting),
    );
    let after = stats(&stage.mesh, CALLED)?;
    let taken_back = now_ms().0;
    stage.deploy(&Value::Null)?;
    let refused_again = now_ms().0;
    check(refused_again < second_end, || {
        "the second one ended by itself".to_owned()
    })?;

    let done = load.stop()?;
    done.note(notes);
    done.allowed_have_passed()?;
    done.denied_have_not(|outcome| {
        let sent = outcome.sent_at_ms;
        sent < begun || (first_end..restarting).contains(&sent) || sent > refused_again
    })?;
    let passed = |from, to| {
        let within = |outcome: &&Outcome| (from..to).contains(&outcome.sent_at_ms);
        let all = done.denied.iter().filter(within);
        all.filter(|outcome| has_passed(outcome)).count()
    };
    notes.add("deniedPassedInFirst", passed(begun, first_end));
    notes.add("deniedPassedUnheard", passed(first_end, unheard));
    notes.add("deniedPassedInSecond", passed(restarting, taken_back));
    is_counted(&before, &after, notes)?;
    is_recorded(stage)
}

type Stats = std::collections::BTreeMap<String, u64>;

/// A rendering with a break-glass of some seconds, and when that ends.
fn glass(stage: &Stage, seconds: i64) -> Result<(Deployment, u64), MeshError> {
    let end = OffsetDateTime::now_utc().saturating_add(Duration::seconds(seconds));
    let end = end.replace_nanosecond(0).unwrap_or(end);
    let until = end.format(&Rfc3339).unwrap_or_default();
    let options = ["--shadow-all", "--until", &until, "--reason", REASON];
    let folder = stage.mesh.authorities().folder();
    let deployment = Deployment::render_with(
        &stage.mesh,
        folder,
        &Value::Null,
        Target::WasmPlugin,
        &options,
    )?;
    let end_ms = u64::try_from(end.unix_timestamp()).unwrap_or_default();
    Ok((deployment, end_ms.saturating_mul(1000)))
}

/// Waits until denied requests of each kind pass.
fn all_pass(load: &mut Load) -> Result<(), MeshError> {
    let now = now_ms().0;
    for probe in load.denied() {
        probe.until("denied requests to pass", SETTLED, |outcomes| {
            let passes = |outcome: &&Outcome| outcome.sent_at_ms >= now && has_passed(outcome);
            outcomes.iter().rev().find(passes).map(drop)
        })?;
    }
    Ok(())
}

/// Waits until denied requests of each kind were made after a time, and refused.
fn all_are_refused(load: &mut Load, from: u64) -> Result<(), MeshError> {
    for probe in load.denied() {
        probe.until("denied requests to be refused", SETTLED, |outcomes| {
            let refused = |outcome: &&Outcome| outcome.sent_at_ms >= from && !has_passed(outcome);
            outcomes.iter().rev().find(refused).map(drop)
        })?;
    }
    Ok(())
}

/// Would-denies are counted by reason, and by nothing else.
fn is_counted(before: &Stats, after: &Stats, notes: &mut Notes) -> Result<(), MeshError> {
    let name = "would_deny.operation_not_allowed";
    let [before, after] = [before, after].map(|stats| stats.get(name).copied().unwrap_or_default());
    notes.add("wouldDenyCounted", after.saturating_sub(before));
    check(after > before, || {
        format!("{name} went from {before} to {after}")
    })
}

/// A record of what passed says by which break-glass.
fn is_recorded(stage: &Stage) -> Result<(), MeshError> {
    until("a record of the break-glass", SETTLED, || {
        let log = stage.mesh.log(CALLED).map_err(|error| error.to_string())?;
        let says = |line: &str| line.contains("\"would_deny\":true") && line.contains(REASON);
        match log.lines().any(says) {
            true => Ok(()),
            false => Err(format!("no record in the log of {CALLED} says `{REASON}`")),
        }
    })
}

/// Asked by the gateway for what it may not.
const CALLED: &str = "registry-0";
const REASON: &str = "e2e incident";
/// For so long a policy without istiod must have no effect: with istiod it takes a second.
const UNHEARD_MS: u64 = 5_000;
