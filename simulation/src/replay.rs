//! A trace through the engine: the same calls in the same order as in a sidecar.
//!
//! Each request is decided when it arrives. What came of it is booked when its answer ends, so in
//! between the requests that arrive meanwhile; a request that the policy refuses has no answer.
//! All requests are seen by one worker.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use sallyport_engine::facts::PeerCertificate;
use sallyport_engine::headers::{RequestHead, TOKEN, TOKEN_SIGNATURE};
use sallyport_engine::policy::Policy;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::session;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{
    Behaviour, Cause, Notice, Outcome, PeerKey, PeerTable, Score, TargetHasher,
};
use sallyport_engine::verdict::{Basis, DecisionId, Verdict};

use crate::account::{Account, Accounts, Entry};
use crate::trace::{Connection, Event};

/// A replay that is under way.
#[derive(Debug)]
pub struct Replay<'p> {
    policy: &'p Policy,
    table: PeerTable,
    waiting: BinaryHeap<Reverse<Waiting>>,
    decisions: u64,
    accounts: Accounts,
}

/// What became of a request.
#[derive(Debug, Clone)]
pub struct Step {
    /// Whether it goes on.
    pub is_allowed: bool,
    /// Why not, or what only shadow mode let pass.
    pub reason: Option<DenyReason>,
    /// What the caller may do, as far as it is known.
    pub standing: Option<Behaviour>,
    /// The score that the decision used.
    pub score: Option<Score>,
}

/// An answer that has not ended yet.
#[derive(Debug)]
struct Waiting {
    until: TimeMs,
    number: u64,
    connection: Arc<Connection>,
    basis: Basis,
    outcome: Outcome,
}

impl<'p> Replay<'p> {
    /// A replay under a policy. `capacity` is the number of peers that the worker keeps.
    #[must_use]
    pub fn new(policy: &'p Policy, capacity: usize) -> Self {
        // Nobody chooses paths against this key.
        let targets = TargetHasher::new([0; 16]);
        Self {
            policy,
            table: PeerTable::new(capacity, targets),
            waiting: BinaryHeap::new(),
            decisions: 0,
            accounts: Accounts::default(),
        }
    }

    /// The next request.
    pub fn step(&mut self, event: &Event) -> Step {
        self.answer_until(event.at);
        let verdict = self.decide(event);
        let context = verdict.context();
        let step = Step {
            is_allowed: verdict.is_allowed(),
            reason: verdict.reason(),
            standing: context.standing,
            score: context.score,
        };
        self.enter(event, &step, context.cause);
        if let Verdict::Allow(permit) = &verdict
            && event.outcome.status != 0
        {
            self.wait(event, permit.basis());
        }
        self.notice(&event.connection, event.at);
        step
    }

    /// Lets all answers end, and gives the accounts.
    #[must_use]
    pub fn finish(mut self) -> Accounts {
        self.answer_until(TimeMs(u64::MAX));
        self.accounts
    }

    /// The accounts so far.
    #[must_use]
    pub const fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    fn decide(&mut self, event: &Event) -> Verdict {
        self.decisions += 1;
        let connection = &event.connection;
        let id = event.token.as_ref().map(|token| token.id.as_bytes());
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", event.method.as_bytes()),
            (b":path", event.path.as_bytes()),
        ];
        if let Some(id) = id {
            headers.push((TOKEN.as_bytes(), id));
            headers.push((TOKEN_SIGNATURE.as_bytes(), id));
        }
        let head = RequestHead::read(headers);
        let request = session::Request {
            policy: self.policy,
            connection: &connection.facts,
            peer: Some(&connection.key),
            head: &head,
            now: event.at,
            decision_id: DecisionId {
                vm: [0; 8],
                counter: self.decisions,
            },
        };
        let fault = event.token.as_ref().and_then(|token| token.fault);
        session::answer(
            &request,
            &mut self.table,
            // Traces hold no probes of kubelets: those come without an identity.
            || Err(DenyReason::HostReadFailed),
            |_, tls| match (fault, &tls.certificate) {
                (Some(fault), _) => Err(fault.into()),
                // A good token says what the certificate says.
                (None, PeerCertificate::Read { credential, .. }) => {
                    credential.as_ref().map_err(|fault| (*fault).into())
                }
                (None, PeerCertificate::Unavailable | PeerCertificate::Unreadable) => {
                    Err(DenyReason::CredentialBindingMismatch)
                }
            },
        )
    }

    fn enter(&mut self, event: &Event, step: &Step, cause: Option<Cause>) {
        let entry = Entry {
            at: event.at,
            is_labelled: event.label.is_some(),
            is_allowed: step.is_allowed,
            reason: step.reason,
            score: step.score,
        };
        let connection = &event.connection;
        self.accounts.totals.add(&entry);
        let policy = self.policy;
        let account = self.accounts.open(&connection.key, || {
            let segment = policy.segment_of(&connection.words().peer);
            let name = segment.and_then(|id| policy.segment(id));
            let name = name.map(|segment| segment.name().clone());
            Account::new(&connection.segment, name, event.at)
        });
        if let Some(account) = account {
            account.add(&entry);
            if let Some(standing) = step.standing {
                account.stand(standing, cause.and_then(Cause::as_str), event.at);
            }
        }
    }

    fn wait(&mut self, event: &Event, basis: Basis) {
        let duration = event.response_ms.min(LONGEST_MS);
        self.waiting.push(Reverse(Waiting {
            until: TimeMs(event.at.0.saturating_add(duration)),
            number: self.decisions,
            connection: event.connection.clone(),
            basis,
            outcome: event.outcome,
        }));
        if self.waiting.len() > MAXIMUM_WAITING
            && let Some(Reverse(first)) = self.waiting.pop()
        {
            self.observe(&first, event.at);
        }
    }

    fn answer_until(&mut self, now: TimeMs) {
        while self
            .waiting
            .peek()
            .is_some_and(|Reverse(next)| next.until <= now)
        {
            if let Some(Reverse(next)) = self.waiting.pop() {
                self.observe(&next, next.until);
            }
        }
    }

    fn observe(&mut self, waiting: &Waiting, now: TimeMs) {
        session::observe_response(
            self.policy,
            &waiting.connection.facts,
            Some(&waiting.connection.key),
            waiting.basis,
            &waiting.outcome,
            &mut self.table,
            now,
        );
        self.notice(&waiting.connection, now);
    }

    /// Enters what a connection's caller may do, if that changed with its last request or answer.
    fn notice(&mut self, connection: &Connection, now: TimeMs) {
        let has_changed = |notice: &Notice| matches!(notice, Notice::Changed { .. });
        if !self.table.take_notices().iter().any(has_changed) {
            return;
        }
        let words = connection.words();
        let certificate = None;
        let (peer, digest) = (&words.peer, &words.certificate);
        let rules = self.policy.trust_rules(peer, digest, certificate, now);
        let view = self.table.look(&connection.key, &rules, now);
        if let Some(account) = self.accounts.get_mut(&connection.key) {
            account.stand(view.standing, view.cause.as_str(), now);
        }
    }

    /// The state of a peer, for who compares bits.
    #[must_use]
    pub fn state(&self, key: &PeerKey) -> Option<&sallyport_engine::trust::PeerState> {
        self.table.state(key)
    }
}

// === impl Waiting ===

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.until, self.number).cmp(&(other.until, other.number))
    }
}

/// Answers that may be under way; of more, the one that would end first counts as ended.
const MAXIMUM_WAITING: usize = 65_536;
/// Answers that take longer count as ended after this time.
const LONGEST_MS: u64 = 3_600_000;
