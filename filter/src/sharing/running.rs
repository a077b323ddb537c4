//! What the workers of a proxy tell each other about what peers run: slots beside those of the
//! evidence, read where the policy has a digest in quarantine and written whenever a token names one.

use sallyport_engine::metric::Metric;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{DueRunning, PeerKey, PeerTable};

use super::PEERS_AT_ONCE;
use crate::host::{self, Host, HostError, Update};
use crate::metrics::Metrics;

/// Reads what others know of what a peer runs. Slots that are not in form say nothing.
///
/// # Errors
/// When the host fails: others may know of a digest in quarantine.
pub(super) fn hear(
    host: &impl Host,
    metrics: &Metrics,
    peers: &mut PeerTable,
    key: &PeerKey,
    now: TimeMs,
) -> Result<(), HostError> {
    if let Some(shared) = host.shared(&slot_name(peers.slot(key)))?
        && peers.hear_running(key, &shared.bytes, now).is_err()
    {
        metrics.increment(host, Metric::TrustSlotInvalid);
    }
    Ok(())
}

/// Writes what others should know. What cannot be written stays due.
pub(super) fn publish(host: &impl Host, metrics: &Metrics, peers: &mut PeerTable) {
    for _ in 0..PEERS_AT_ONCE {
        let Some(due) = peers.next_running() else {
            break;
        };
        if !write(host, metrics, peers, &due) {
            peers.postpone_running(&due);
            break;
        }
    }
}

fn write(host: &impl Host, metrics: &Metrics, peers: &PeerTable, due: &DueRunning) -> bool {
    let written = host::update(host, &slot_name(due.slot), |bytes| {
        let Some((bytes, replaces)) = peers.running_slot(due, bytes) else {
            return Update::Keep(());
        };
        if replaces.is_some() {
            metrics.increment(host, Metric::TrustSlotInvalid);
        }
        Update::Write(bytes, ())
    });
    matches!(written, Ok(Some(())))
}

fn slot_name(slot: u16) -> String {
    format!("sallyport/v1/running/{slot}")
}
