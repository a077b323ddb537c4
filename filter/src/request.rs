//! One request: gather the facts, let the engine decide, carry out its effect.

use std::rc::Rc;

use sallyport_engine::access_log::AccessLogLine;
use sallyport_engine::decide::deny_without_facts;
use sallyport_engine::effect::{HeaderChanges, LocalReply, RequestEffect};
use sallyport_engine::facts::CredentialFacts;
use sallyport_engine::headers::RequestHead;
use sallyport_engine::metric::Metric;
use sallyport_engine::policy::Policy;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::record::Record;
use sallyport_engine::session::{Request, answer};
use sallyport_engine::time::TimeMs;
use sallyport_engine::verdict::{Basis, DecisionId, Verdict};

use crate::configuration::Configuration;
use crate::connection::{Connection, ConnectionCache, Unread, source_ip};
use crate::host::{Host, HostError};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::ongoing::Ongoing;
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
pub(crate) fn on_request_headers(host: &impl Host, worker: &mut Worker) -> (Next, Option<Ongoing>) {
    let id = worker.next_decision();
    match try_request(host, worker, id) {
        Ok(decided) => decided,
        Err(error) => (refuse(host, worker, id, &error), None),
    }
}

/// Without headers or a clock nothing can be decided, in no mode; and a request whose headers could
/// not be changed must not go on with them.
#[cold]
#[inline(never)]
fn refuse(host: &impl Host, worker: &mut Worker, id: DecisionId, error: &HostError) -> Next {
    let line = format!("decision {id}: {error}");
    worker.journal.write_failure(host, &worker.metrics, &line);
    let reason = DenyReason::HostReadFailed;
    worker.metrics.increment(host, Metric::Denied(reason));
    // If even this fails, the request waits for ever.
    let _ = host.reply(&LocalReply::without_decision(reason, id));
    Next::Stop
}

fn try_request(
    host: &impl Host,
    worker: &mut Worker,
    id: DecisionId,
) -> Result<(Next, Option<Ongoing>), HostError> {
    let block = host.request_headers()?;
    let pairs = block.pairs().map_err(|_| HostError {
        call: "proxy_get_header_map_pairs",
        status: -1,
    })?;
    let head = RequestHead::read(pairs.iter().copied());
    let now = host.now()?;
    worker.now = now;
    let decided = decide(host, worker, &head, now, id);
    report(host, worker, &decided, &head, now);
    // A peer that crossed is refused by the other workers too, from their next look on.
    if worker.peers.is_urgent() {
        worker.tell(host, now);
    }
    let ongoing = decided.connection.as_ref().and_then(|connection| {
        let token = decided.token.as_ref();
        Ongoing::of(&decided.verdict, connection, token, &head, worker.seen())
    });
    let tell = worker
        .configuration
        .active()
        .is_some_and(|active| active.policy.application_headers());
    match RequestEffect::of(decided.verdict, &head, tell) {
        RequestEffect::Continue(changes) => {
            apply(host, &changes, &pairs)?;
            Ok((Next::Continue, ongoing))
        }
        RequestEffect::Reply(reply) => {
            host.reply(&reply)?;
            Ok((Next::Stop, None))
        }
    }
}

/// A verdict, with what its record needs besides.
struct Decided {
    verdict: Verdict,
    connection: Option<Rc<Connection>>,
    /// The token, where a flow or grant may ask for it again.
    token: Option<CredentialFacts>,
    policy_sha256: Option<[u8; 32]>,
}

impl Decided {
    /// A verdict on a request of whose connection nothing is known.
    const fn unseen(verdict: Verdict, policy_sha256: Option<[u8; 32]>) -> Self {
        Self {
            verdict,
            connection: None,
            token: None,
            policy_sha256,
        }
    }
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
        sharing,
        budget,
        metrics,
        journal,
        ..
    } = worker;
    let active = match configuration {
        Configuration::Active(active) => active,
        Configuration::Rejected(mode) => {
            return Decided::unseen(Verdict::not_configured(*mode, id), None);
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
    let numbered = ConnectionCache::id(host).and_then(|number| {
        let connection = connections.get(number, &mut means, head)?;
        connection.hear(host, metrics, peers, sharing, now)?;
        Ok((number, connection))
    });
    let (number, connection) = match numbered {
        Ok(numbered) => numbered,
        Err(unread) => {
            if let Unread::Host(text) = &unread {
                tell_unread(host, journal, metrics, (id, now), text);
            }
            let verdict = deny_without_facts(&active.policy, None, unread.reason(), now, id);
            return Decided::unseen(verdict, policy_sha256);
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
    let mut token = None;
    let source_ip = || source_ip(host).map_err(|unread| unread.reason());
    let verdict = answer(&request, peers, source_ip, |presented, tls| {
        let bringing = Bringing {
            connection: number,
            facts: &connection.facts,
            tls,
            presented,
        };
        let verified = tokens.verify(bringing, &mut means)?;
        token = Some(verified);
        Ok(verified)
    });
    let is_asked_again = verdict.context().rechecks_streams;
    Decided {
        token: token.filter(|_| is_asked_again).cloned(),
        verdict,
        connection: Some(connection),
        policy_sha256,
    }
}

/// The record says that a fact is missing; this line says which.
#[cold]
#[inline(never)]
fn tell_unread(
    host: &impl Host,
    journal: &mut Journal,
    metrics: &Metrics,
    (id, now): (DecisionId, TimeMs),
    text: &str,
) {
    journal.turn_to(host, now);
    journal.write_failure(host, metrics, &format!("decision {id}: {text}"));
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
        node_id,
        ..
    } = worker;
    let (metric, reason) = match &decided.verdict {
        Verdict::Allow(permit) => match (permit.basis(), permit.would_deny()) {
            (_, Some(reason)) => (Metric::WouldDeny(reason), Some(reason)),
            (Basis::Probe, None) => (Metric::ProbeAllowed, None),
            (Basis::Grant, None) => (Metric::GrantAllowed, None),
            (Basis::Flow | Basis::Shadow, None) => (Metric::Allowed, None),
        },
        Verdict::Deny(denial) => (Metric::Denied(denial.reason()), Some(denial.reason())),
    };
    metrics.increment(host, metric);
    let context = decided.verdict.context();
    if let (Some(score), Some(segment)) = (&context.score, &context.source_segment) {
        metrics.record_trust(host, segment, score.trust);
    }
    let policy = configuration.active().map(|active| &active.policy);
    if policy.is_some_and(Policy::access_log) {
        // A note that cannot be made must not stop a decision.
        let _ = host.note(&AccessLogLine(&decided.verdict).to_string());
    }
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
            .of_node(node_id.as_deref())
        });
    }
}

/// Changes the headers of a request that goes on: one host call for each removal, or one for all
/// changes together where that takes fewer or something is set.
fn apply(
    host: &impl Host,
    changes: &HeaderChanges<'_>,
    headers: &[(&[u8], &[u8])],
) -> Result<(), HostError> {
    if changes.set.is_empty() && changes.remove.len() <= MAXIMUM_SINGLE_REMOVALS {
        return changes
            .remove
            .iter()
            .try_for_each(|name| host.remove_request_header(name));
    }
    replace(host, changes, headers)
}

#[cold]
#[inline(never)]
fn replace(
    host: &impl Host,
    changes: &HeaderChanges<'_>,
    headers: &[(&[u8], &[u8])],
) -> Result<(), HostError> {
    let is_changed = |name: &[u8]| {
        changes.remove.contains(&name) || changes.set.iter().any(|(set, _)| set.as_bytes() == name)
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
