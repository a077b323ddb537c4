//! Proofs that were used, where all workers of the proxy see them: in the host's shared data.

use sallyport_engine::reason::DenyReason;
use sallyport_engine::replay::{Page, ProofUse, RefusedUse};
use sallyport_engine::time::TimeMs;

use crate::host::{self, Host, Update};

/// Uses a proof on a connection.
///
/// Where other workers write the same page again and again, the proof is refused: whether it is new
/// cannot be told.
pub(super) fn use_proof(
    host: &impl Host,
    used: &ProofUse,
    connection: u64,
    now: TimeMs,
) -> Result<(), DenyReason> {
    let key = format!("{PREFIX}{}", used.page());
    let admitted = host::update(host, &key, |page| {
        match used.admit(page.unwrap_or_default(), connection, now) {
            Ok(Page::Kept) => Update::Keep(Ok(())),
            Ok(Page::Written(page)) => Update::Write(page, Ok(())),
            Err(RefusedUse::Replayed) => Update::Keep(Err(DenyReason::ProofReplayed)),
            Err(RefusedUse::QuotaExceeded) => Update::Keep(Err(DenyReason::ProofQuotaExceeded)),
        }
    });
    match admitted {
        Ok(Some(admitted)) => admitted,
        Ok(None) | Err(_) => Err(DenyReason::HostReadFailed),
    }
}

const PREFIX: &str = "sallyport/v1/proofs/";
