//! One request: gather the facts, let the engine decide, carry out its effect.

use std::rc::Rc;

use sallyport_engine::effect::{HeaderChanges, RequestEffect};
use sallyport_engine::headers::RequestHead;
use sallyport_engine::metric::Metric;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::record::Record;
use sallyport_engine::session::{admit, gather};
use sallyport_engine::time::TimeMs;
use sallyport_engine::verdict::{Basis, DecisionId, Verdict};

use crate::configuration::Configuration;
use crate::connection::{Connection, ConnectionCache, Unread};
use crate::host::{Host, HostError, LogLevel};
use crate::worker::Worker;

/// Whether Envoy may go on with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It may.
    Continue,
    /// It was answered, or must wait for ever.
    Stop,
}

/// Decides the current request. Three host calls for a request on a known connection: headers,
/// clock and connection number.
pub(crate) fn on_request_headers(host: &impl Host, worker: &mut Worker) -> Flow {
    let id = worker.next_decision();
    match try_request(host, worker, id) {
        Ok(flow) => flow,
        Err(error) => {
            // The host failed while it was told what to do: the request must not go on.
            let _ = host.log(LogLevel::Error, &format!("decision {id}: {error}"));
            worker
                .metrics
                .increment(host, Metric::Denied(DenyReason::HostReadFailed));
            Flow::Stop
        }
    }
}

fn try_request(host: &impl Host, worker: &mut Worker, id: DecisionId) -> Result<Flow, HostError> {
    let block = host.request_headers()?;
    let pairs = block.pairs().map_err(|_| HostError {
        call: "proxy_get_header_map_pairs",
        status: -1,
    })?;
    let head = RequestHead::read(pairs.iter().copied());
    let now = host.now()?;
    let decided = decide(host, worker, &head, now, id);
    report(host, worker, &decided, &head, now);
    let tell = worker
        .configuration
        .active()
        .is_some_and(|active| active.policy.application_headers());
    match RequestEffect::of(decided.verdict, &head, tell) {
        RequestEffect::Continue(changes) => {
            apply(host, &changes, &pairs)?;
            Ok(Flow::Continue)
        }
        RequestEffect::Reply(reply) => {
            host.reply(&reply)?;
            Ok(Flow::Stop)
        }
    }
}

/// A verdict, with what its record needs besides.
struct Decided {
    verdict: Verdict,
    connection: Option<Rc<Connection>>,
    policy_sha256: Option<[u8; 32]>,
}

fn decide(
    host: &impl Host,
    worker: &mut Worker,
    head: &RequestHead<'_>,
    now: TimeMs,
    id: DecisionId,
) -> Decided {
    let Worker {
        configuration,
        connections,
        tokens,
        peers,
        metrics,
        ..
    } = worker;
    let active = match configuration {
        Configuration::Active(active) => active,
        Configuration::Rejected(mode) => {
            let verdict = Verdict::not_configured(*mode, id);
            return Decided {
                verdict,
                connection: None,
                policy_sha256: None,
            };
        }
    };
    let policy_sha256 = Some(active.sha256);
    let numbered = ConnectionCache::id(host).and_then(|number| {
        Ok((
            number,
            connections.get(number, host, active, metrics, head)?,
        ))
    });
    let (number, connection) = match numbered {
        Ok(numbered) => numbered,
        Err(unread) => {
            log_unread(host, id, &unread);
            let verdict = admit(&active.policy, Err(unread.reason()), None, peers, now, id);
            return Decided {
                verdict,
                connection: None,
                policy_sha256,
            };
        }
    };
    let gathered = gather(&connection.facts, head, |halves, digest| {
        tokens.verify(number, host, active, metrics, halves, digest)
    });
    let verdict = admit(
        &active.policy,
        gathered,
        connection.peer.as_ref(),
        peers,
        now,
        id,
    );
    Decided {
        verdict,
        connection: Some(connection),
        policy_sha256,
    }
}

/// Counts every decision, and writes a record of each denial and would-deny.
fn report(
    host: &impl Host,
    worker: &mut Worker,
    decided: &Decided,
    head: &RequestHead<'_>,
    now: TimeMs,
) {
    let Worker {
        journal,
        metrics,
        configuration,
        ..
    } = worker;
    let (metric, reason) = match &decided.verdict {
        Verdict::Allow(permit) => match (permit.basis(), permit.would_deny()) {
            (_, Some(reason)) => (Metric::WouldDeny(reason), Some(reason)),
            (Basis::Probe, None) => (Metric::ProbeAllowed, None),
            (Basis::Flow | Basis::Shadow, None) => (Metric::Allowed, None),
        },
        Verdict::Deny(denial) => (Metric::Denied(denial.reason()), Some(denial.reason())),
    };
    metrics.increment(host, metric);
    if decided.verdict.is_allowed() && configuration.active().is_none() {
        metrics.increment(host, Metric::PassedUnconfigured);
    }
    if let Some(reason) = reason {
        let connection = decided
            .connection
            .as_ref()
            .map(|connection| &connection.facts);
        journal.write(host, metrics, now, reason, || {
            Record::new(
                &decided.verdict,
                connection,
                head,
                decided.policy_sha256.as_ref(),
                now,
            )
        });
    }
}

/// Says which fact is missing; the record only says that one is.
fn log_unread(host: &impl Host, id: DecisionId, unread: &Unread) {
    match unread {
        Unread::Host(text) => {
            let _ = host.log(LogLevel::Error, &format!("decision {id}: {text}"));
        }
        Unread::NotInbound => {}
    }
}

/// Changes the headers of a request that goes on: one host call for each removal, or one for all
/// changes together where that takes fewer or something is set.
fn apply(
    host: &impl Host,
    changes: &HeaderChanges,
    headers: &[(&[u8], &[u8])],
) -> Result<(), HostError> {
    if changes.set.is_empty() && changes.remove.len() <= MAXIMUM_SINGLE_REMOVALS {
        return changes
            .remove
            .iter()
            .try_for_each(|name| host.remove_request_header(name));
    }
    let is_changed = |name: &[u8]| {
        changes.remove.iter().any(|removed| removed == name)
            || changes.set.iter().any(|(set, _)| set.as_bytes() == name)
    };
    let kept = headers
        .iter()
        .copied()
        .filter(|(name, _)| !is_changed(name));
    let set = changes
        .set
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_slice()));
    host.replace_request_headers(&kept.chain(set).collect::<Vec<_>>())
}

/// A hybrid token takes two.
const MAXIMUM_SINGLE_REMOVALS: usize = 3;
