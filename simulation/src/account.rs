//! What is kept of each peer of a replay, in bounded memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use sallyport_engine::reason::DenyReason;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{Behaviour, PeerKey, Score};
use serde::Serialize;

/// The accounts of all peers.
#[derive(Debug, Default)]
pub struct Accounts {
    peers: BTreeMap<PeerKey, Account>,
    /// The sums over all peers, also of those that have no account.
    pub totals: Totals,
    /// Requests of peers beyond the [`MAXIMUM_ACCOUNTS`] first ones.
    pub unaccounted: u64,
}

/// Requests by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All of them.
    pub requests: u64,
    /// Those that carry a label.
    pub labelled: u64,
    /// Those that went on.
    pub allowed: u64,
    /// Those of them that carry a label.
    pub labelled_allowed: u64,
    /// Refused, or let pass by shadow mode only; by the reason.
    pub reasons: BTreeMap<&'static str, u64>,
}

/// What became of one peer.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its segment, as recorded.
    pub recorded_segment: Arc<str>,
    /// Its segment by the policy.
    pub segment: Option<Arc<str>>,
    /// Its requests.
    pub totals: Totals,
    /// When its first request arrived.
    pub first: TimeMs,
    /// When its first request with a label arrived.
    pub first_labelled: Option<TimeMs>,
    /// What it may do at the end.
    pub standing: Behaviour,
    /// The first [`MAXIMUM_CHANGES`] of its changes.
    pub changes: Vec<Change>,
    /// How many more there were.
    pub further_changes: u64,
    /// Its last trust score; none if it never came to one.
    pub trust: Option<u8>,
    /// Its lowest one.
    pub lowest_trust: Option<u8>,
}

/// A peer came into another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Change {
    /// When.
    pub t_ms: u64,
    /// Its requests up to then.
    pub requests: u64,
    /// Those of them that carry a label.
    pub labelled: u64,
    /// The state before.
    pub from: Behaviour,
    /// The state now.
    pub to: Behaviour,
    /// Why, if not because of its own evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
}

/// One request of a peer, for its account.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) at: TimeMs,
    pub(crate) is_labelled: bool,
    pub(crate) is_allowed: bool,
    pub(crate) reason: Option<DenyReason>,
    pub(crate) score: Option<Score>,
}

impl Accounts {
    /// The account of a peer.
    #[must_use]
    pub fn get(&self, key: &PeerKey) -> Option<&Account> {
        self.peers.get(key)
    }

    /// All accounts, by identity, then by certificate.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&PeerKey, &Account)> {
        let mut all: Vec<_> = self.peers.iter().collect();
        all.sort_unstable_by(|(left, _), (right, _)| {
            (&left.identity, &left.certificate_sha256)
                .cmp(&(&right.identity, &right.certificate_sha256))
        });
        all
    }

    /// The account of a peer that has a request now; none when there are too many.
    pub(crate) fn open(
        &mut self,
        key: &PeerKey,
        new: impl FnOnce() -> Account,
    ) -> Option<&mut Account> {
        if !self.peers.contains_key(key) {
            if self.peers.len() >= MAXIMUM_ACCOUNTS {
                self.unaccounted += 1;
                return None;
            }
            self.peers.insert(key.clone(), new());
        }
        self.peers.get_mut(key)
    }

    pub(crate) fn get_mut(&mut self, key: &PeerKey) -> Option<&mut Account> {
        self.peers.get_mut(key)
    }
}

impl Totals {
    pub(crate) fn add(&mut self, entry: &Entry) {
        let labelled = u64::from(entry.is_labelled);
        self.requests += 1;
        self.labelled += labelled;
        if entry.is_allowed {
            self.allowed += 1;
            self.labelled_allowed += labelled;
        }
        if let Some(reason) = entry.reason {
            *self.reasons.entry(reason.row().code).or_default() += 1;
        }
    }

    /// Requests that were refused.
    #[must_use]
    pub const fn denied(&self) -> u64 {
        self.requests.saturating_sub(self.allowed)
    }
}

impl Account {
    pub(crate) fn new(recorded: &Arc<str>, segment: Option<Arc<str>>, at: TimeMs) -> Self {
        Self {
            recorded_segment: recorded.clone(),
            segment,
            totals: Totals::default(),
            first: at,
            first_labelled: None,
            standing: Behaviour::Trusted,
            changes: Vec::new(),
            further_changes: 0,
            trust: None,
            lowest_trust: None,
        }
    }

    pub(crate) fn add(&mut self, entry: &Entry) {
        self.totals.add(entry);
        if entry.is_labelled && self.first_labelled.is_none() {
            self.first_labelled = Some(entry.at);
        }
        if let Some(score) = &entry.score {
            self.trust = Some(score.trust);
            let lowest = self.lowest_trust.unwrap_or(score.trust);
            self.lowest_trust = Some(lowest.min(score.trust));
        }
    }

    /// Notes what the peer may do now.
    pub(crate) fn stand(&mut self, to: Behaviour, cause: Option<&'static str>, at: TimeMs) {
        let from = core::mem::replace(&mut self.standing, to);
        if from == to {
            return;
        }
        if self.changes.len() >= MAXIMUM_CHANGES {
            self.further_changes += 1;
            return;
        }
        self.changes.push(Change {
            t_ms: at.0,
            requests: self.totals.requests,
            labelled: self.totals.labelled,
            from,
            to,
            cause,
        });
    }

    /// The first time that the peer came into a state, or into a worse one.
    #[must_use]
    pub fn first(&self, state: Behaviour) -> Option<&Change> {
        self.changes.iter().find(|change| change.to >= state)
    }
}

/// Peers beyond so many are counted in the sums only.
pub const MAXIMUM_ACCOUNTS: usize = 100_000;
/// Changes of one peer beyond so many are only counted.
pub const MAXIMUM_CHANGES: usize = 64;
