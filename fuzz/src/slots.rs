//! A peer with some evidence, and what workers write about it.

use sallyport_engine::identity::SpiffeId;
use sallyport_engine::policy::{Policy, compile};
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{Booking, PeerKey, PeerTable, PeerView, TargetHasher};
use serde_json::json;

/// A worker that knows one peer.
pub struct Worker {
    policy: Policy,
    identity: SpiffeId,
    key: PeerKey,
    peers: PeerTable,
}

/// The time of everything.
const NOW: TimeMs = TimeMs(1_800_000_000_000);

impl Worker {
    /// A worker that refused the peer so many requests for different things.
    pub fn after(refused: usize) -> Self {
        let document = json!({
            "apiVersion": "security.sallyport.dev/v1alpha1", "kind": "MeshTrustPolicy",
            "metadata": {"name": "mesh"},
            "spec": {
                "mode": "enforce", "trustDomains": ["d"], "minimumAssurance": "classical",
                "segments": [{"name": "a", "namespaces": ["a"]}], "flows": [],
            },
        });
        let identity: SpiffeId = "spiffe://d/ns/a/sa/a".parse().unwrap();
        let mut worker = Self {
            policy: compile(&serde_json::from_value(document).unwrap()).unwrap(),
            key: PeerKey::new(&identity, [7; 32]),
            identity,
            peers: PeerTable::new(8, TargetHasher::new([9; 16])),
        };
        worker.look();
        for number in 0..refused {
            let path = format!("/{}", "x".repeat(number + 1));
            let evidence = Some(worker.peers.targets().denial("GET", path.as_bytes()));
            let booking = Booking {
                evidence,
                ..Booking::default()
            };
            let rules = worker.policy.trust_rules(
                &worker.identity,
                &worker.key.certificate_sha256,
                None,
                NOW,
            );
            worker.peers.book(&worker.key, &rules, booking, NOW);
        }
        worker
    }

    /// What it knows of the peer.
    pub fn look(&mut self) -> PeerView {
        let rules =
            self.policy
                .trust_rules(&self.identity, &self.key.certificate_sha256, None, NOW);
        self.peers.look(&self.key, &rules, NOW)
    }

    /// Takes what a slot of shared data holds. Says whether it is in form.
    pub fn absorb(&mut self, slot: &[u8]) -> bool {
        self.peers.absorb(&self.key, slot, NOW).is_ok()
    }

    /// Takes what a slot says of what the peer runs. Says whether it is in form.
    pub fn hear_running(&mut self, slot: &[u8]) -> bool {
        self.peers.hear_running(&self.key, slot, NOW).is_ok()
    }

    /// What it writes into a slot that holds this; none if it has nothing to tell.
    pub fn publish(&mut self, slot: Option<&[u8]>) -> Option<Vec<u8>> {
        let due = self.peers.next_due()?;
        let publication = self.peers.publication(&due, slot, NOW)?;
        let bytes = publication.bytes.clone();
        self.peers.published(publication);
        Some(bytes)
    }
}
