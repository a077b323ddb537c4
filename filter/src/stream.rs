//! One request: gather the facts, let the engine decide, carry out its effect.

use std::rc::Rc;

use sallyport_engine::decide::deny_without_facts;
use sallyport_engine::effect::{HeaderChanges, LocalReply, RequestEffect};
use sallyport_engine::headers::RequestHead;
use sallyport_engine::metric::Metric;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::record::Record;
use sallyport_engine::session::{Request, answer};
use sallyport_engine::time::TimeMs;
use sallyport_engine::verdict::{Basis, DecisionId, Verdict};

use crate::configuration::Configuration;
use crate::connection::{Connection, ConnectionCache, Unread, source_ip};
use crate::host::{Host, HostError};
use crate::token::Bringing;
use crate::verification::Means;
use crate::worker::Worker;

/// Whether Envoy may go on with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It may.
    Continue,
    /// It was answered, or must wait for ever.
    Stop,
}

/// Decides the current request. Three host calls for a request on a known connection: headers,
/// clock and connection number.
pub(crate) fn on_request_headers(host: &impl Host, worker: &mut Worker) -> Next {
    let id = worker.next_decision();
    match try_request(host, worker, id) {
        Ok(flow) => flow,
        Err(error) => {
            // Without headers or a clock nothing can be decided, in no mode; and a request whose
            // headers could not be changed must not go on with them.
            let line = format!("decision {id}: {error}");
            worker.journal.write_failure(host, &worker.metrics, &line);
            let reason = DenyReason::HostReadFailed;
            worker.metrics.increment(host, Metric::Denied(reason));
            // If even this fails, the request waits for ever.
            let _ = host.reply(&LocalReply::without_decision(reason, id));
            Next::Stop
        }
    }
}

fn try_request(host: &impl Host, worker: &mut Worker, id: DecisionId) -> Result<Next, HostError> {
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
            Ok(Next::Continue)
        }
        RequestEffect::Reply(reply) => {
            host.reply(&reply)?;
            Ok(Next::Stop)
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
        budget,
        metrics,
        journal,
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
    let mut means = Means {
        host,
        active,
        metrics,
        budget,
        now,
    };
    let numbered = ConnectionCache::id(host)
        .and_then(|number| Ok((number, connections.get(number, &mut means, head)?)));
    let (number, connection) = match numbered {
        Ok(numbered) => numbered,
        Err(unread) => {
            // The record says that a fact is missing; this line says which.
            if let Unread::Host(text) = &unread {
                journal.turn_to(host, now);
                journal.write_failure(host, metrics, &format!("decision {id}: {text}"));
            }
            let verdict = deny_without_facts(&active.policy, unread.reason(), id);
            return Decided {
                verdict,
                connection: None,
                policy_sha256,
            };
        }
    };
    let request = Request {
        policy: &active.policy,
        connection: &connection.facts,
        peer: connection.peer.as_ref(),
        head,
        now,
        decision_id: id,
    };
    let source_ip = || source_ip(host).map_err(|unread| unread.reason());
    let verdict = answer(&request, peers, source_ip, |presented, tls| {
        let bringing = Bringing {
            connection: number,
            facts: &connection.facts,
            tls,
            presented,
        };
        tokens.verify(bringing, &mut means)
    });
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

/// A hybrid token takes two, an identity token with its proof three.
const MAXIMUM_SINGLE_REMOVALS: usize = 3;
