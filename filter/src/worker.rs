//! The state of one Envoy worker under one configuration. A new configuration starts a new state,
//! so nothing that an old authority vouched for is remembered.

use sallyport_engine::metric::Metric;
use sallyport_engine::policy::{BreakGlass, Mode};
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{Behaviour, Census, PeerTable, TargetHasher};
use sallyport_engine::verdict::DecisionId;
use serde::Serialize;

use crate::configuration::Configuration;
use crate::connection::ConnectionCache;
use crate::host::{Host, HostError, Property};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::ongoing::Seen;
use crate::sharing::Sharing;
use crate::successor::Successor;
use crate::token::TokenVerifier;
use crate::verification::VerificationBudget;

/// What a worker knows.
pub(crate) struct Worker {
    pub(crate) configuration: Configuration,
    pub(crate) connections: ConnectionCache,
    pub(crate) tokens: TokenVerifier,
    pub(crate) budget: VerificationBudget,
    pub(crate) peers: PeerTable,
    pub(crate) sharing: Sharing,
    /// Looked for only where streams are looked at again.
    pub(crate) successor: Successor,
    pub(crate) journal: Journal,
    pub(crate) metrics: Metrics,
    /// How many configurations the plugin has had, with this one.
    configurations: u64,
    /// What the proxy calls itself, for records.
    pub(crate) node_id: Option<String>,
    /// The time of the last request or tick.
    pub(crate) now: TimeMs,
    /// Changes of state among the peers so far.
    changes: u64,
    /// When the others were told last.
    told: TimeMs,
    /// What the gauges of peers show of this worker.
    shown: Census,
    /// Whether its part was taken out of the gauges for good.
    is_retired: bool,
    vm: [u8; 8],
    decisions: u64,
    /// Whether a break-glass lasted when it was looked at last; none before the first time.
    broken: Option<bool>,
}

/// A break-glass began or ended.
#[derive(Serialize)]
struct BreakGlassEvent<'a> {
    event: &'static str,
    until: &'a str,
    reason: &'a str,
}

impl Worker {
    pub(crate) fn new(
        host: &impl Host,
        configuration: Configuration,
        metrics: Metrics,
        configurations: u64,
    ) -> Result<Self, HostError> {
        let mut vm = [0; 8];
        host.random(&mut vm)?;
        let targets = TargetHasher::new(Sharing::key(host)?);
        let active = configuration.active();
        let asks_running = active.is_some_and(|active| active.policy.quarantines_artifacts());
        Ok(Self {
            configuration,
            connections: ConnectionCache::new(),
            tokens: TokenVerifier::new(),
            budget: VerificationBudget::new(host.now()?),
            peers: PeerTable::new(MAXIMUM_PEERS, targets),
            sharing: Sharing::new(asks_running),
            successor: Successor::new(),
            journal: Journal::default(),
            metrics,
            configurations,
            node_id: node_id(host),
            now: TimeMs(0),
            changes: 0,
            told: TimeMs(0),
            shown: Census::default(),
            is_retired: false,
            vm,
            decisions: 0,
            broken: None,
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

    /// What may make a caller's standing another one than it was.
    pub(crate) const fn seen(&self) -> Seen {
        Seen {
            configurations: self.configurations,
            successors: self.successor.changes(),
            epoch: self.sharing.epoch(),
            changes: self.changes,
            second: self.now.0 / 1000,
        }
    }

    /// Called a few times a second, also without requests: hears of other workers each time, and
    /// tells them once a second.
    pub(crate) fn tick(&mut self, host: &impl Host, now: TimeMs) {
        self.now = now;
        self.journal.turn_to(host, now);
        self.sharing.listen(host);
        self.watch_break_glass(host, now);
        if let Some(active) = self.configuration.active()
            && active.policy.rechecks_streams()
        {
            self.successor.listen(host, &active.sha256);
        }
        if now.since(self.told) >= TELL_MS || now < self.told {
            self.told = now;
            self.tell(host, now);
            self.count_peers(host, now);
        }
    }

    /// Brings this worker's part of the gauges up to date.
    fn count_peers(&mut self, host: &impl Host, now: TimeMs) {
        if !self.is_retired {
            let census = self.peers.census(now);
            self.show_peers(host, census);
        }
    }

    /// Takes this worker's part out of the gauges, before its end.
    pub(crate) fn retire(&mut self, host: &impl Host) {
        self.is_retired = true;
        self.show_peers(host, Census::default());
    }

    fn show_peers(&mut self, host: &impl Host, census: Census) {
        let shown = std::mem::replace(&mut self.shown, census);
        let gauges = [
            (Behaviour::Trusted, shown.trusted, census.trusted),
            (Behaviour::Restricted, shown.restricted, census.restricted),
            (Behaviour::Isolated, shown.isolated, census.isolated),
        ];
        for (state, before, now) in gauges {
            let change = i64::from(now).saturating_sub(i64::from(before));
            if change != 0 {
                self.metrics.add(host, Metric::Peers(state), change);
            }
        }
    }

    /// Tells the operator whether a break-glass lasts, once it begins and once it ends. Decisions do
    /// not depend on it: each compares the clock itself.
    pub(crate) fn watch_break_glass(&mut self, host: &impl Host, now: TimeMs) {
        // What a successor shows must not be painted over.
        let Some(active) = self.configuration.active().filter(|_| !self.is_retired) else {
            return;
        };
        let glass = active.policy.break_glass();
        let lasting = glass.filter(|glass| glass.lasts(now));
        let broken = lasting.is_some();
        if self.broken.replace(broken) == Some(broken) {
            return;
        }
        let for_all = lasting.is_some_and(BreakGlass::is_for_all);
        let enforces = active.policy.mode() == Mode::Enforce && !for_all;
        self.metrics
            .set(host, Metric::BreakGlass, u64::from(broken));
        self.metrics
            .set(host, Metric::Enforcing, u64::from(enforces));
        if let Some(glass) = glass {
            let event = BreakGlassEvent {
                event: if broken {
                    "BREAK_GLASS"
                } else {
                    "BREAK_GLASS_OVER"
                },
                until: &glass.text().until,
                reason: &glass.text().reason,
            };
            self.journal.write_event(host, &self.metrics, now, &event);
        }
    }

    /// Tells the other workers and the operator what happened among the peers.
    #[cold]
    #[inline(never)]
    pub(crate) fn tell(&mut self, host: &impl Host, now: TimeMs) {
        let (peers, metrics) = (&mut self.peers, &self.metrics);
        self.sharing.publish(host, metrics, peers, now);
        for notice in peers.take_notices() {
            self.changes = self.changes.wrapping_add(1);
            self.journal.write_notice(host, metrics, now, &notice);
        }
    }
}

/// A name that is missing or out of form is no reason to refuse a configuration.
fn node_id(host: &impl Host) -> Option<String> {
    let Ok(Some(id)) = host.property(Property::NodeId) else {
        return None;
    };
    match String::from_utf8(id) {
        Ok(id) if (1..=MAXIMUM_NODE_ID_BYTES).contains(&id.len()) => Some(id),
        Ok(_) | Err(_) => None,
    }
}

const TELL_MS: u64 = 1_000;
/// Peers with a score in one worker, at about 350 bytes each.
const MAXIMUM_PEERS: usize = 10_000;
/// Istio's have an address, and names of a pod and a namespace of at most 253 and 63 characters.
const MAXIMUM_NODE_ID_BYTES: usize = 512;
