//! The states of many peers, in bounded memory.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::{Behaviour, PeerState, TargetHasher};
use crate::identity::SpiffeId;
use crate::time::TimeMs;

/// Who is scored: an identity at a certificate, so that one rogue replica does not stand for its
/// healthy siblings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerKey {
    /// SHA-256 of the certificate.
    pub certificate_sha256: [u8; 32],
    /// The identity that it names.
    pub identity: Arc<str>,
}

/// The states of the peers of one proxy worker.
#[derive(Debug)]
pub struct PeerTable {
    states: BTreeMap<PeerKey, PeerState>,
    capacity: usize,
    targets: TargetHasher,
}

impl PeerKey {
    /// The key of a peer.
    #[must_use]
    pub fn new(identity: &SpiffeId, certificate_sha256: [u8; 32]) -> Self {
        Self {
            certificate_sha256,
            identity: Arc::from(identity.as_str()),
        }
    }
}

impl PeerTable {
    /// A table for at most `capacity` peers (at least one). The key of `targets` must be secret.
    #[must_use]
    pub fn new(capacity: usize, targets: TargetHasher) -> Self {
        Self {
            states: BTreeMap::new(),
            capacity: capacity.max(1),
            targets,
        }
    }

    /// Tells the targets of refused requests apart.
    #[must_use]
    pub const fn targets(&self) -> TargetHasher {
        self.targets
    }

    /// The number of peers that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether no peer is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The state of a peer, as of `now`. A new peer in a full table takes the place of the one
    /// whose state says least.
    pub fn state(&mut self, key: &PeerKey, now: TimeMs) -> &mut PeerState {
        if !self.states.contains_key(key) && self.states.len() >= self.capacity {
            self.evict(now);
        }
        // Cloning a key copies no text.
        let state = self
            .states
            .entry(key.clone())
            .or_insert_with(|| PeerState::new(now));
        state.advance(now);
        state
    }

    /// Removes the peer with the best standing and the least evidence, so that a flood of
    /// identities pushes out its own members before a peer that is isolated.
    fn evict(&mut self, now: TimeMs) {
        self.states
            .values_mut()
            .for_each(|state| state.advance(now));
        let weight = |state: &PeerState| -> (Behaviour, u32) { (state.standing(), state.denial()) };
        let least = self.states.iter().min_by_key(|(_, state)| weight(state));
        if let Some(key) = least.map(|(key, _)| key.clone()) {
            self.states.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn key(number: usize) -> PeerKey {
        let id: SpiffeId = format!("spiffe://d/peer-{number}").parse().unwrap();
        PeerKey::new(&id, [7; 32])
    }

    fn isolate(table: &mut PeerTable, key: &PeerKey) {
        for number in 0..8 {
            let evidence = table
                .targets()
                .denial("GET", format!("/{number}").as_bytes());
            table.state(key, TimeMs(0)).record(evidence, TimeMs(0));
        }
        assert_eq!(table.state(key, TimeMs(0)).standing(), Behaviour::Isolated);
    }

    #[test]
    fn keeps_an_isolated_peer_through_a_flood_of_identities() {
        let mut table = PeerTable::new(8, TargetHasher::new([0; 16]));
        isolate(&mut table, &key(0));
        for number in 1..1000 {
            table.state(&key(number), TimeMs(1));
        }
        assert_eq!(table.len(), 8);
        assert_eq!(
            table.state(&key(0), TimeMs(1)).standing(),
            Behaviour::Isolated
        );
    }

    #[test]
    fn keeps_replicas_of_one_identity_apart() {
        let mut table = PeerTable::new(8, TargetHasher::new([0; 16]));
        isolate(&mut table, &key(0));
        let sibling = PeerKey {
            certificate_sha256: [8; 32],
            ..key(0)
        };
        assert_eq!(
            table.state(&sibling, TimeMs(0)).standing(),
            Behaviour::Trusted
        );
    }
}
