//! A grant that opens and closes by itself.

use std::net::SocketAddr;

use sallyport_engine::time::TimeMs;
use sallyport_mesh_config::clock;
use serde_json::{Value, json};

use super::load::{Load, has_passed};
use super::{SETTLED, Stage, check};
use crate::app::Outcome;
use crate::mesh::Issued;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::stats;
use crate::mesh::error::MeshError;
use crate::mesh::layout::PORT;
use crate::mesh::report::Notes;
use crate::world::now_ms;

/// On one connection that stays open, requests pass from the first to the last millisecond of the
/// grant, without a push in between; the stream that began under it ends with it. No allowed request
/// of others fails.
pub(super) fn open_and_close(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let issued = stage.mesh.steal("training", "1h", "granted")?;
    let load = Load::start(stage)?;
    let before = stats(&stage.mesh, CALLED)?;
    let times = Times::ahead();
    stage.deploy(&times.policy())?;
    let left = times.begins.saturating_sub(now_ms().0);
    notes.add("msFromPushToBeginning", left);
    check(left > 0, || "it began before it was there".to_owned())?;

    let caller = caller(stage, &issued)?;
    let mut probe = caller.clone().probe(&stage.mesh, RATE)?;
    probe.until("its beginning", SETTLED, |outcomes| {
        outcomes
            .iter()
            .find(|outcome| has_passed(outcome))
            .map(drop)
    })?;
    let slowly = caller.option("header", "x-mesh-app-chunks: 3000");
    let mut stream = slowly.probe(&stage.mesh, 1)?;
    probe.until("its end", SETTLED, |outcomes| {
        (outcomes.last()?.sent_at_ms > times.ends.saturating_add(AFTERWARDS_MS)).then_some(())
    })?;
    let first = |outcomes: &[Outcome]| outcomes.first().cloned();
    let broken = stream.until("the stream's end", SETTLED, first)?;
    drop(stream);
    times.note(&probe.finish()?, notes)?;
    times.note_stream(&broken, notes)?;
    is_counted(&before, &stats(&stage.mesh, CALLED)?)?;
    load.finish(notes)?;
    stage.deploy(&Value::Null).map(drop)
}

/// Requests to one pod with a stolen certificate, past any sidecar: one connection, and no other.
fn caller(stage: &Stage, issued: &Issued) -> Result<Caller, MeshError> {
    let address = SocketAddr::from((stage.mesh.pod_address(CALLED)?, PORT));
    let folder = issued.folder.to_string_lossy();
    let caller = Caller::with_certificate(&folder, address, PATH);
    Ok(caller.option("protocol", "istio-http/1.1"))
}

type Stats = std::collections::BTreeMap<String, u64>;

fn is_counted(before: &Stats, after: &Stats) -> Result<(), MeshError> {
    for name in ["grant_allowed", "denied.grant_expired", "stream_ended"] {
        let of = |stats: &Stats| stats.get(name).copied().unwrap_or_default();
        let (before, after) = (of(before), of(after));
        check(after > before, || {
            format!("{name} went from {before} to {after}")
        })?;
    }
    Ok(())
}

/// When a grant begins and ends, in milliseconds since 1970. Both are whole seconds.
struct Times {
    begins: u64,
    ends: u64,
}

impl Times {
    /// Far enough ahead for a push on a busy machine.
    fn ahead() -> Self {
        let begins = (now_ms().0 / 1000).saturating_add(AHEAD_SECONDS);
        let ends = begins.saturating_add(LENGTH_SECONDS);
        Self {
            begins: begins.saturating_mul(1000),
            ends: ends.saturating_mul(1000),
        }
    }

    fn policy(&self) -> Value {
        json!({"spec": {"grants": [{
            "name": "incident-4711",
            "from": ["training"],
            "to": "registry",
            "notBefore": clock::show(TimeMs(self.begins)),
            "notAfter": clock::show(TimeMs(self.ends)),
            "reason": "incident 4711",
            "approvedBy": "on-call lead",
            "operations": [{"methods": ["GET"], "paths": ["/v1/private/{**}"], "ports": [PORT]}],
        }]}})
    }

    /// Whether each request got the answer of its time, on one connection. A request that was on its
    /// way at a boundary may get either, and its answer may break off, which ends the connection.
    fn note(&self, outcomes: &[Outcome], notes: &mut Notes) -> Result<(), MeshError> {
        let seen = self.seen(outcomes)?;
        notes.add("passed", seen.passed);
        notes.add("refusedBefore", seen.refused_before);
        notes.add("refusedAfter", seen.refused_after);
        notes.add("msToFirstPass", seen.first_pass_ms);
        notes.add("msFromLastPassToEnd", seen.last_pass_ms);
        notes.add("wrong", 0);
        Ok(())
    }

    fn seen(&self, outcomes: &[Outcome]) -> Result<Seen, MeshError> {
        let mut connection = outcomes.first().map(|outcome| outcome.connection);
        let mut passes = Vec::new();
        let (mut refused_before, mut refused_after) = (0_usize, 0_usize);
        for outcome in outcomes {
            let sent = outcome.sent_at_ms;
            // Both are cut off to the millisecond.
            let took = outcome.took_us.div_ceil(1000).saturating_add(1);
            let answered = sent.saturating_add(took);
            let is_before = answered < self.begins;
            let is_within = sent >= self.begins && answered < self.ends;
            let is_after = sent >= self.ends;
            let fits = match (has_passed(outcome), outcome.reason()) {
                (true, _) => !is_before && !is_after,
                (false, Some("grant_not_yet_valid")) => !is_within && !is_after,
                (false, Some("grant_expired")) => !is_within && !is_before,
                // An answer that was on its way at the end breaks off, as a stream does.
                (false, None) => sent < self.ends && answered >= self.ends,
                (false, Some(_)) => false,
            };
            let is_same = Some(outcome.connection) == connection;
            check(fits && is_same, || {
                format!("from {} to {}: {outcome:?}", self.begins, self.ends)
            })?;
            match (has_passed(outcome), outcome.reason(), is_after) {
                (true, _, _) => passes.push(sent),
                (false, None, _) => connection = connection.map(|number| number.saturating_add(1)),
                (false, Some(_), false) => refused_before = refused_before.saturating_add(1),
                (false, Some(_), true) => refused_after = refused_after.saturating_add(1),
            }
        }
        let (Some(first), Some(last)) = (passes.first(), passes.last()) else {
            return Err(wrong("nothing passed"));
        };
        check(refused_before > 0 && refused_after > 0, || {
            format!("{refused_before} were refused before, {refused_after} after")
        })?;
        Ok(Seen {
            passed: passes.len(),
            refused_before,
            refused_after,
            first_pass_ms: first.saturating_sub(self.begins),
            last_pass_ms: self.ends.saturating_sub(*last),
        })
    }

    /// Whether the stream broke off as the grant ended: it has ten pieces a second.
    fn note_stream(&self, broken: &Outcome, notes: &mut Notes) -> Result<(), MeshError> {
        let ended = broken.sent_at_ms.saturating_add(broken.took_us / 1000);
        let late = ended.saturating_sub(self.ends);
        notes.add("msStreamEndedAfter", late);
        let holds = broken.error.is_some() && ended >= self.ends && late < LATE_MS;
        check(holds, || {
            format!("the stream should break off at {}: {broken:?}", self.ends)
        })
    }
}

/// What was seen of a grant.
struct Seen {
    passed: usize,
    refused_before: usize,
    refused_after: usize,
    /// From its beginning until the first request that passed was sent.
    first_pass_ms: u64,
    /// From the last request that passed was sent until its end.
    last_pass_ms: u64,
}

fn wrong(problem: &str) -> MeshError {
    MeshError::Wrong(problem.to_owned())
}

const CALLED: &str = "registry-0";
/// No flow covers it.
const PATH: &str = "/v1/private/one/versions/one/weights";
const RATE: u32 = 200;
const AHEAD_SECONDS: u64 = 20;
const LENGTH_SECONDS: u64 = 10;
/// For so long it is asked after the end.
const AFTERWARDS_MS: u64 = 2_000;
/// A second longer than from one piece of the stream to the next on a busy machine: Envoy closes a
/// connection so long after the last byte that it sends (`delayed_close_timeout`).
const LATE_MS: u64 = 2_000;

#[cfg(test)]
mod tests {
    use super::Times;
    use crate::app::Outcome;

    const TIMES: Times = Times {
        begins: 10_000,
        ends: 20_000,
    };

    fn passed(sent_at_ms: u64, took_us: u64) -> Outcome {
        Outcome {
            connection: 1,
            status: Some(200),
            sent_at_ms,
            took_us,
            ..Outcome::default()
        }
    }

    fn refused(sent_at_ms: u64, reason: &str) -> Outcome {
        Outcome {
            status: Some(403),
            body: format!("denied by sallyport: {reason} (decision 00ff)"),
            ..passed(sent_at_ms, 900)
        }
    }

    fn early(sent_at_ms: u64) -> Outcome {
        refused(sent_at_ms, "grant_not_yet_valid")
    }

    fn late(sent_at_ms: u64) -> Outcome {
        refused(sent_at_ms, "grant_expired")
    }

    #[test]
    fn a_grant_is_judged_by_when_requests_were_on_their_way() {
        let good = [
            early(9_990),
            passed(10_003, 900),
            passed(19_999, 5_000),
            late(20_000),
        ];
        let seen = TIMES.seen(&good).unwrap();
        assert_eq!((seen.first_pass_ms, seen.last_pass_ms), (3, 1));
        assert_eq!(
            (seen.passed, seen.refused_before, seen.refused_after),
            (2, 1, 1)
        );
        for wrong in [
            passed(9_990, 900),
            passed(20_000, 900),
            early(10_001),
            late(19_990),
            early(20_001),
            late(9_000),
            refused(15_000, "flow_not_allowed"),
            Outcome {
                connection: 2,
                ..passed(15_000, 900)
            },
        ] {
            let with = [good.as_slice(), std::slice::from_ref(&wrong)].concat();
            assert!(TIMES.seen(&with).is_err(), "{wrong:?}");
        }
        let broken = |sent_at_ms| Outcome {
            status: None,
            ..passed(sent_at_ms, 5_000)
        };
        for wrong in [broken(9_000), broken(15_000), broken(20_000)] {
            let with = [std::slice::from_ref(&wrong), good.as_slice()].concat();
            assert!(TIMES.seen(&with).is_err(), "{wrong:?}");
        }
        let another = Outcome {
            connection: 2,
            ..late(20_010)
        };
        let cut = [&good[..2], &[broken(19_999), another]].concat();
        assert!(TIMES.seen(&cut).is_ok());
        // On their way at a boundary, they may get either answer.
        for either in [
            passed(9_999, 2_000),
            early(9_999),
            late(19_999),
            passed(19_999, 9_000),
        ] {
            let with = [good.as_slice(), std::slice::from_ref(&either)].concat();
            assert!(TIMES.seen(&with).is_ok(), "{either:?}");
        }
        assert!(TIMES.seen(&good[1..]).is_err());
        assert!(TIMES.seen(&good[..3]).is_err());
        assert!(TIMES.seen(&[]).is_err());
    }
}
