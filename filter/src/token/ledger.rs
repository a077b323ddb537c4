//! Proofs that were used, where all workers of the proxy see them: in the host's shared data.

use sallyport_engine::reason::DenyReason;
use sallyport_engine::replay::{Page, ProofUse, RefusedUse};
use sallyport_engine::time::TimeMs;

use crate::host::Host;

/// Uses a proof on a connection.
///
/// Two workers may write the same page at once. The host then refuses the later one, which looks
/// again. After a few tries the proof is refused: whether it is new cannot be told.
pub(super) fn use_proof(
    host: &impl Host,
    used: &ProofUse,
    connection: u64,
    now: TimeMs,
) -> Result<(), DenyReason> {
    let key = format!("{PREFIX}{}", used.page());
    for _ in 0..TRIES {
        let seen = host.shared(&key).map_err(|_| DenyReason::HostReadFailed)?;
        let (bytes, version) = match &seen {
            Some(seen) => (seen.bytes.as_slice(), Some(seen.version)),
            None => (&[][..], None),
        };
        match used.admit(bytes, connection, now) {
            Ok(Page::Kept) => return Ok(()),
            Ok(Page::Written(page)) => {
                let written = host
                    .swap_shared(&key, &page, version)
                    .map_err(|_| DenyReason::HostReadFailed)?;
                if written {
                    return Ok(());
                }
            }
            Err(RefusedUse::Replayed) => return Err(DenyReason::ProofReplayed),
            Err(RefusedUse::QuotaExceeded) => return Err(DenyReason::ProofQuotaExceeded),
        }
    }
    Err(DenyReason::HostReadFailed)
}

const PREFIX: &str = "sallyport/v1/proofs/";
const TRIES: u8 = 8;
