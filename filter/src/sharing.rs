//! What the workers of a proxy tell each other about peers, in the host's shared data.
//!
//! Each worker sees a part of what a peer does. What it saw is written to the slot of the peer's
//! identity, once a second and at once when the peer's state changed; then a generation counter
//! is written too, so that the others read the slot again before the next request of that peer. The
//! slots outlive a configuration. Other plugins can write them: they are parsed as any outside
//! bytes, and can only lower trust.

mod running;

use sallyport_engine::metric::Metric;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{Due, PeerKey, PeerTable};

use crate::host::{self, Host, HostError, SharedVersion, Update};
use crate::metrics::Metrics;

/// What a worker knows of the others.
#[derive(Debug)]
pub(crate) struct Sharing {
    generation: Option<SharedVersion>,
    /// Counts the generations that this worker saw. At 0 nothing was read of a peer.
    epoch: u64,
    /// Whether it matters what peers run.
    asks_running: bool,
}

impl Sharing {
    /// `asks_running`: whether the policy has a model or an image in quarantine.
    pub(crate) const fn new(asks_running: bool) -> Self {
        Self {
            generation: None,
            epoch: 1,
            asks_running,
        }
    }

    /// The key by which targets and identities are hashed: the same in all workers, since they
    /// compare hashes, and random for each proxy.
    pub(crate) fn key(host: &impl Host) -> Result<[u8; 16], HostError> {
        let mut fresh = [0; 16];
        host.random(&mut fresh)?;
        let agreed = host::update(host, KEY, |shared| match shared {
            // A key that somebody spoilt is as good as none: this worker is on its own then.
            Some(bytes) => Update::Keep(<[u8; 16]>::try_from(bytes).unwrap_or(fresh)),
            None => Update::Write(fresh.to_vec(), fresh),
        });
        agreed.map(|agreed| agreed.unwrap_or(fresh))
    }

    /// Changes whenever another worker has urgent news.
    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Reads what others wrote about a peer. Slots that are not in form are no evidence.
    ///
    /// # Errors
    /// When the host fails: others may have isolated the peer.
    #[cold]
    #[inline(never)]
    pub(crate) fn absorb(
        &self,
        host: &impl Host,
        metrics: &Metrics,
        peers: &mut PeerTable,
        key: &PeerKey,
        now: TimeMs,
    ) -> Result<(), HostError> {
        if let Some(shared) = host.shared(&slot_name(peers.slot(key)))?
            && peers.absorb(key, &shared.bytes, now).is_err()
        {
            metrics.increment(host, Metric::TrustSlotInvalid);
        }
        if self.asks_running {
            running::hear(host, metrics, peers, key, now)?;
        }
        Ok(())
    }

    /// Looks whether another worker has urgent news.
    pub(crate) fn listen(&mut self, host: &impl Host) {
        if let Ok(Some(shared)) = host.shared(GENERATION)
            && self.generation != Some(shared.version)
        {
            self.generation = Some(shared.version);
            self.epoch = self.epoch.wrapping_add(1);
        }
    }

    /// Writes what others should know. What cannot be written stays due.
    pub(crate) fn publish(
        &mut self,
        host: &impl Host,
        metrics: &Metrics,
        peers: &mut PeerTable,
        now: TimeMs,
    ) {
        let is_urgent = peers.is_urgent();
        for _ in 0..PEERS_AT_ONCE {
            let Some(due) = peers.next_due() else { break };
            if !write(host, metrics, peers, &due, now) {
                peers.postpone(&due);
                break;
            }
        }
        running::publish(host, metrics, peers);
        if is_urgent && host.set_shared(GENERATION, b"").is_ok() {
            // One's own news is no news.
            if let Ok(Some(shared)) = host.shared(GENERATION) {
                self.generation = Some(shared.version);
            }
        }
    }
}

fn write(
    host: &impl Host,
    metrics: &Metrics,
    peers: &mut PeerTable,
    due: &Due,
    now: TimeMs,
) -> bool {
    let written = host::update(host, &slot_name(due.slot), |bytes| {
        let Some(mut publication) = peers.publication(due, bytes, now) else {
            return Update::Keep(None);
        };
        if publication.replaces.is_some() {
            metrics.increment(host, Metric::TrustSlotInvalid);
        }
        Update::Write(std::mem::take(&mut publication.bytes), Some(publication))
    });
    match written {
        Ok(Some(publication)) => {
            if let Some(publication) = publication {
                peers.published(publication);
            }
            true
        }
        Ok(None) | Err(_) => false,
    }
}

fn slot_name(slot: u16) -> String {
    format!("sallyport/v1/trust/{slot}")
}

const KEY: &str = "sallyport/v1/trust/key";
const GENERATION: &str = "sallyport/v1/trust/generation";
/// Peers that are written about in one go, so that no request waits long.
const PEERS_AT_ONCE: u16 = 256;
