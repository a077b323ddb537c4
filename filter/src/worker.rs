//! The state of one Envoy worker under one configuration. A new configuration starts a new state,
//! so nothing that an old authority vouched for is remembered.

use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{PeerTable, TargetHasher};
use sallyport_engine::verdict::DecisionId;

use crate::configuration::Configuration;
use crate::connection::ConnectionCache;
use crate::host::{Host, HostError};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::token::TokenVerifier;
use crate::verification::VerificationBudget;

/// What a worker knows.
pub(crate) struct Worker {
    pub(crate) configuration: Configuration,
    pub(crate) connections: ConnectionCache,
    pub(crate) tokens: TokenVerifier,
    pub(crate) budget: VerificationBudget,
    pub(crate) peers: PeerTable,
    pub(crate) journal: Journal,
    pub(crate) metrics: Metrics,
    vm: [u8; 8],
    decisions: u64,
}

impl Worker {
    pub(crate) fn new(
        host: &impl Host,
        configuration: Configuration,
        metrics: Metrics,
    ) -> Result<Self, HostError> {
        let (mut vm, mut target_key) = ([0; 8], [0; 16]);
        host.random(&mut vm)?;
        host.random(&mut target_key)?;
        Ok(Self {
            configuration,
            connections: ConnectionCache::new(),
            tokens: TokenVerifier::new(),
            budget: VerificationBudget::new(host.now()?),
            peers: PeerTable::new(MAXIMUM_PEERS, TargetHasher::new(target_key)),
            journal: Journal::default(),
            metrics,
            vm,
            decisions: 0,
        })
    }

    /// A decision id that no other decision has.
    pub(crate) fn next_decision(&mut self) -> DecisionId {
        self.decisions = self.decisions.wrapping_add(1);
        DecisionId {
            vm: self.vm,
            counter: self.decisions,
        }
    }

    /// Called about once a second, also without requests.
    pub(crate) fn tick(&mut self, host: &impl Host, now: TimeMs) {
        self.journal.turn_to(host, now);
    }
}

/// Peers with a score in one worker, at about 250 bytes each.
const MAXIMUM_PEERS: usize = 10_000;
