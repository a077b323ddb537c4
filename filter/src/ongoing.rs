//! A request that went on: its bodies, which may be a reason to look at its caller again, and its
//! end, from which something is learnt about the caller.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use sallyport_engine::facts::CredentialFacts;
use sallyport_engine::headers::RequestHead;
use sallyport_engine::metric::Metric;
use sallyport_engine::policy::Policy;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::session::{Granted, LetIn, observe_response, refused_since};
use sallyport_engine::trust::Outcome;
use sallyport_engine::verdict::{Basis, Verdict};

use crate::connection::Connection;
use crate::host::{Host, Property};
use crate::request::Next;
use crate::successor::Second;
use crate::worker::Worker;

/// A request that went on, for what is to be seen of it later.
#[derive(Debug)]
pub struct Ongoing {
    connection: Rc<Connection>,
    basis: Basis,
    /// Whether its bodies are a reason to look at its caller again.
    rechecks: bool,
    /// The token that it came with, where that may matter again.
    token: Option<CredentialFacts>,
    /// The flow that allowed it, where that may matter again.
    flow: Option<Arc<str>>,
    /// The request, where a grant let it in.
    grant: Option<Granted>,
    /// What the worker had seen when its caller was looked at last.
    seen: Cell<Seen>,
    /// Bytes of its body so far. Counted as they pass: reading their sums at the end would take two
    /// more host calls.
    request_bytes: Cell<u64>,
    /// Bytes of the body of the answer so far.
    response_bytes: Cell<u64>,
}

/// Whose body arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// That of the request.
    Request,
    /// That of the answer.
    Response,
}

/// What may have changed about a caller since it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Configurations of this plugin.
    pub(crate) configurations: u64,
    /// Newer ones, of other plugins in this one's place.
    pub(crate) successors: u64,
    /// News of other workers.
    pub(crate) epoch: u64,
    /// Changes of state among the peers of this worker.
    pub(crate) changes: u64,
    /// Seconds that passed.
    pub(crate) second: u64,
}

impl Ongoing {
    /// What is to be known later of a request that has this verdict: nothing where it was refused, or
    /// its caller is nobody whose trust is kept.
    pub(crate) fn of(
        verdict: &Verdict,
        connection: &Rc<Connection>,
        token: Option<&CredentialFacts>,
        head: &RequestHead<'_>,
        seen: Seen,
    ) -> Option<Self> {
        connection.peer.as_ref()?;
        match verdict {
            Verdict::Deny(_) => None,
            Verdict::Allow(permit) => Some(Self {
                connection: Rc::clone(connection),
                basis: permit.basis(),
                rechecks: permit.rechecks() && is_let_in(permit.basis()),
                token: token.cloned(),
                flow: permit.context().flow.clone().filter(|_| permit.rechecks()),
                grant: (permit.basis() == Basis::Grant).then(|| Granted::of(head)),
                seen: Cell::new(seen),
                request_bytes: Cell::new(0),
                response_bytes: Cell::new(0),
            }),
        }
    }

    /// Counts so many bytes of a body.
    pub(crate) fn count(&self, body: Body, bytes: usize) {
        let count = match body {
            Body::Request => &self.request_bytes,
            Body::Response => &self.response_bytes,
        };
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        count.set(count.get().saturating_add(bytes));
    }
}

/// Whether all gates were open to the request.
const fn is_let_in(basis: Basis) -> bool {
    match basis {
        Basis::Flow | Basis::Grant => true,
        Basis::Probe | Basis::Shadow => false,
    }
}

/// Looks at the caller of a request again, some of whose body arrived. Costs a comparison while
/// nothing happened, and under a grant a look at the clock: it ends to the second, and the last tick
/// may have been before that.
pub(crate) fn on_body(host: &impl Host, worker: &mut Worker, ongoing: &Ongoing) -> Next {
    if !ongoing.rechecks {
        return Next::Continue;
    }
    if ongoing.grant.is_some() {
        match host.now() {
            Ok(now) => worker.now = now,
            Err(_) => return end(host, worker, DenyReason::HostReadFailed),
        }
    }
    let seen = worker.seen();
    if ongoing.seen.get() == seen {
        return Next::Continue;
    }
    ongoing.seen.set(seen);
    look_again(host, worker, ongoing)
}

#[cold]
#[inline(never)]
fn look_again(host: &impl Host, worker: &mut Worker, ongoing: &Ongoing) -> Next {
    let Some(active) = worker.configuration.active() else {
        return Next::Continue;
    };
    let Connection { facts, peer, .. } = ongoing.connection.as_ref();
    let (peers, now) = (&mut worker.peers, worker.now);
    let let_in = LetIn {
        token: ongoing.token.as_ref(),
        flow: ongoing.flow.as_deref(),
        grant: ongoing.grant.as_ref(),
    };
    let heard = ongoing
        .connection
        .hear(host, &worker.metrics, peers, &worker.sharing, now);
    let mut ask = |policy: &Policy| refused_since(policy, facts, let_in, peer.as_ref(), peers, now);
    let refused = match heard {
        Ok(()) => ask(&active.policy).or_else(|| match worker.successor.second() {
            Second::None => None,
            Second::Policy(policy) => ask(policy),
            Second::Unreadable => Some(DenyReason::NotConfigured),
        }),
        Err(_) => Some(DenyReason::HostReadFailed),
    };
    match refused {
        None => Next::Continue,
        Some(reason) => end(host, worker, reason),
    }
}

fn end(host: &impl Host, worker: &mut Worker, reason: DenyReason) -> Next {
    worker.metrics.increment(host, Metric::StreamEnded);
    let line = format!("ended an open stream: {}", reason.code());
    let (metrics, now) = (&worker.metrics, worker.now);
    worker.journal.write_line(host, metrics, now, &line);
    // Envoy always can. If another host cannot, nothing more of its bodies passes until trailers end
    // them.
    let _ = host.close_stream();
    Next::Stop
}

/// Learns from the end of a request. What the host does not tell is no evidence.
pub(crate) fn on_end(host: &impl Host, worker: &mut Worker, ongoing: &Ongoing) {
    if !is_let_in(ongoing.basis) {
        return;
    }
    let Some(active) = worker.configuration.active() else {
        return;
    };
    let Some(status) = number(host, Property::ResponseCode) else {
        return;
    };
    let outcome = Outcome {
        status,
        request_bytes: ongoing.request_bytes.get(),
        response_bytes: ongoing.response_bytes.get(),
    };
    // The time of the last request or tick: what is learnt at the end need not be exact, and asking
    // for the time is a host call.
    let now = worker.now;
    let Connection { facts, peer, .. } = ongoing.connection.as_ref();
    let (basis, peers) = (ongoing.basis, &mut worker.peers);
    observe_response(
        &active.policy,
        facts,
        peer.as_ref(),
        basis,
        &outcome,
        peers,
        now,
    );
    if worker.peers.is_urgent() {
        worker.tell(host, now);
    }
}

/// A number that the host tells, if it does and it fits.
fn number<T: TryFrom<u64>>(host: &impl Host, property: Property) -> Option<T> {
    let Ok(Some(bytes)) = host.property(property) else {
        return None;
    };
    let bytes = <[u8; 8]>::try_from(bytes.as_slice());
    match bytes.map(|bytes| T::try_from(u64::from_le_bytes(bytes))) {
        Ok(Ok(number)) => Some(number),
        Ok(Err(_)) | Err(_) => None,
    }
}
