//! How much processor time may go into verifying credentials that no cache knows.
//!
//! Two accounts, both of signature checks that come back with time. Each certificate that presents
//! tokens has one: a failed verification costs it many times as much, so that whoever sends garbage
//! is soon out of it, alone. The worker has one that only successful verifications draw on, since
//! after a new configuration all caches are cold and nobody is to blame. Of its lower half a
//! certificate may take little, so that a few that always bring new valid tokens leave room for
//! everybody else's first one.

use std::num::NonZeroUsize;

use lru::LruCache;
use sallyport_engine::facts::CredentialFault;
use sallyport_engine::time::TimeMs;

/// The accounts of one worker.
#[derive(Debug)]
pub(crate) struct VerificationBudget {
    worker: Account,
    certificates: LruCache<[u8; 32], Accounts>,
}

/// The accounts of one certificate.
#[derive(Debug, Clone, Copy)]
struct Accounts {
    own: Account,
    /// What it may still take of the worker's lower half.
    reserve: Account,
}

/// Signature checks, in thousandths.
#[derive(Debug, Clone, Copy)]
struct Account {
    thousandths: u64,
    as_of: TimeMs,
}

/// How an account fills.
struct Terms {
    /// Signature checks that it holds at most, and at the start.
    capacity: u32,
    /// Signature checks that come back each second.
    each_second: u32,
}

// === impl VerificationBudget ===

impl VerificationBudget {
    pub(crate) fn new(now: TimeMs) -> Self {
        Self {
            worker: Account::full(&WORKER, now),
            certificates: LruCache::new(MAXIMUM_CERTIFICATES),
        }
    }

    /// Whether so many signatures of a certificate's token may be checked.
    pub(crate) fn allows(
        &mut self,
        certificate_sha256: &[u8; 32],
        signatures: u32,
        now: TimeMs,
    ) -> bool {
        let accounts = self
            .certificates
            .get_or_insert_mut(*certificate_sha256, || Accounts::full(now));
        accounts.own.fill(&CERTIFICATE, now);
        accounts.reserve.fill(&RESERVE, now);
        let has_own = accounts.own.has(signatures);
        let has_reserve = accounts.reserve.has(signatures);
        has_own
            && self.allows_worker(signatures, now)
            && (has_reserve || self.worker.has(WORKER_RESERVE))
    }

    /// Whether so many signatures of certificates may be checked.
    pub(crate) fn allows_worker(&mut self, signatures: u32, now: TimeMs) -> bool {
        self.worker.fill(&WORKER, now);
        self.worker.has(signatures)
    }

    /// Books the check of a token's signatures, and what came of it.
    pub(crate) fn spend(
        &mut self,
        certificate_sha256: &[u8; 32],
        signatures: u32,
        result: Result<(), CredentialFault>,
    ) {
        let cost = result.map_or_else(cost_of_failure, |()| signatures);
        let is_reserve = !self.worker.has(WORKER_RESERVE);
        if let Some(accounts) = self.certificates.get_mut(certificate_sha256) {
            accounts.own.take(cost);
            if is_reserve && result.is_ok() {
                accounts.reserve.take(signatures);
            }
        }
        if result.is_ok() {
            self.spend_worker(signatures);
        }
    }

    /// Books the check of a certificate's signatures.
    pub(crate) const fn spend_worker(&mut self, signatures: u32) {
        self.worker.take(signatures);
    }
}

// === impl Accounts ===

impl Accounts {
    const fn full(now: TimeMs) -> Self {
        Self {
            own: Account::full(&CERTIFICATE, now),
            reserve: Account::full(&RESERVE, now),
        }
    }
}

// === impl Account ===

impl Account {
    const fn full(terms: &Terms, now: TimeMs) -> Self {
        Self {
            thousandths: thousandths(terms.capacity),
            as_of: now,
        }
    }

    /// A clock that jumped back gives nothing, and does not stop the filling.
    fn fill(&mut self, terms: &Terms, now: TimeMs) {
        let gained = now
            .since(self.as_of)
            .saturating_mul(u64::from(terms.each_second));
        self.thousandths = self
            .thousandths
            .saturating_add(gained)
            .min(thousandths(terms.capacity));
        self.as_of = now;
    }

    const fn has(self, signatures: u32) -> bool {
        self.thousandths >= thousandths(signatures)
    }

    const fn take(&mut self, signatures: u32) {
        self.thousandths = self.thousandths.saturating_sub(thousandths(signatures));
    }
}

/// A check each second is a thousandth each millisecond.
#[expect(clippy::as_conversions, reason = "lossless; `From` is not const")]
const fn thousandths(signatures: u32) -> u64 {
    (signatures as u64).saturating_mul(1000)
}

// Up to half a millisecond of a processor for each check: a worker gives at most a quarter of its
// time to them in the long run, and two seconds at once after a new configuration.
const WORKER: Terms = Terms {
    capacity: 4_000,
    each_second: 500,
};
/// As many as a busy caller needs that makes a proof for each request.
const CERTIFICATE: Terms = Terms {
    capacity: 400,
    each_second: 100,
};
/// As many as the first requests of a caller need, with its identity token and some proofs. It takes
/// 250 certificates to use up what comes back to the worker.
const RESERVE: Terms = Terms {
    capacity: 40,
    each_second: 2,
};
/// Below this the worker's account is for certificates that are new, and for who took little of it.
const WORKER_RESERVE: u32 = 2_000;
/// What a failed verification costs its certificate. Where signatures were checked in vain: eight at
/// once, then two each second. Where the form or the pins were wrong, there was less to do.
const fn cost_of_failure(fault: CredentialFault) -> u32 {
    use CredentialFault as Fault;
    match fault {
        Fault::HybridSignatureInvalid
        | Fault::ClassicalSignatureInvalid
        | Fault::BindingMismatch
        | Fault::ProofInvalid => 50,
        Fault::Malformed
        | Fault::HybridSignatureMissing
        | Fault::AuthorityUnknown
        | Fault::TrustDomainForeign
        | Fault::AlgorithmRefused
        | Fault::ClaimsInvalid
        | Fault::HeaderAmbiguous
        | Fault::ProofMissing => 5,
    }
}

const MAXIMUM_CERTIFICATES: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(n) => n,
    None => NonZeroUsize::MIN,
};

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: TimeMs = TimeMs(1_000_000);
    const FORGED: Result<(), CredentialFault> = Err(CredentialFault::HybridSignatureInvalid);

    fn certificate(number: u16) -> [u8; 32] {
        let mut digest = [0; 32];
        digest[..2].copy_from_slice(&number.to_le_bytes());
        digest
    }

    /// Verifications out of `wanted` that are allowed at a time.
    fn allowed(
        budget: &mut VerificationBudget,
        number: u16,
        wanted: u32,
        result: Result<(), CredentialFault>,
        now: TimeMs,
    ) -> u32 {
        let digest = certificate(number);
        let tries = (0..wanted).filter(|_| {
            let allowed = budget.allows(&digest, 2, now);
            if allowed {
                budget.spend(&digest, 2, result);
            }
            allowed
        });
        tries.count().try_into().unwrap()
    }

    #[test]
    fn garbage_of_one_peer_is_soon_not_looked_at_and_does_not_harm_others() {
        let mut budget = VerificationBudget::new(NOW);
        assert_eq!(allowed(&mut budget, 1, 1000, FORGED, NOW), 8);
        let malformed = Err(CredentialFault::Malformed);
        assert_eq!(allowed(&mut budget, 3, 1000, malformed, NOW), 80);
        let later = TimeMs(NOW.0 + 10_000);
        assert!(allowed(&mut budget, 1, 1000, FORGED, later) <= 8);
        assert_eq!(allowed(&mut budget, 2, 100, Ok(()), later), 100);
        let minute = TimeMs(later.0 + 60_000);
        let mut within_a_minute = 0;
        for second in 0..60 {
            let now = TimeMs(minute.0 + second * 1000);
            within_a_minute += allowed(&mut budget, 1, 1000, FORGED, now);
        }
        assert!(within_a_minute <= 8 + 2 * 60, "{within_a_minute}");
    }

    #[test]
    fn five_hundred_cold_peers_are_all_served_after_a_push() {
        let mut budget = VerificationBudget::new(NOW);
        for number in 0..500 {
            assert!(budget.allows_worker(2, NOW));
            budget.spend_worker(2);
            assert_eq!(allowed(&mut budget, number, 3, Ok(()), NOW), 3, "{number}");
        }
    }

    #[test]
    fn valid_credentials_too_are_limited_and_the_limit_heals() {
        let mut budget = VerificationBudget::new(NOW);
        let mut all = 0;
        for number in 0..100 {
            all += allowed(&mut budget, number, 100, Ok(()), NOW);
        }
        assert_eq!(all, 2_000, "two signatures each");
        assert!(!budget.allows_worker(1, NOW));
        let later = TimeMs(NOW.0 + 1_000);
        assert_eq!(allowed(&mut budget, 200, 1000, Ok(()), later), 20);
        let full = TimeMs(NOW.0 + 10_000);
        assert_eq!(allowed(&mut budget, 200, 1000, Ok(()), full), 200);
    }

    #[test]
    fn a_few_who_always_bring_new_tokens_leave_room_for_the_first_of_others() {
        let mut budget = VerificationBudget::new(NOW);
        for second in 0..60 {
            let now = TimeMs(NOW.0 + second * 1_000);
            for greedy in 0..20 {
                allowed(&mut budget, greedy, 1_000, Ok(()), now);
            }
            let newcomer = u16::try_from(1_000 + second).unwrap();
            assert!(budget.allows_worker(2, now), "second {second}");
            budget.spend_worker(2);
            assert_eq!(
                allowed(&mut budget, newcomer, 3, Ok(()), now),
                3,
                "{second}"
            );
        }
    }

    #[test]
    fn a_clock_that_jumps_neither_gives_nor_stops() {
        let mut budget = VerificationBudget::new(NOW);
        assert_eq!(allowed(&mut budget, 1, 1000, Ok(()), NOW), 200);
        assert_eq!(allowed(&mut budget, 1, 1, Ok(()), TimeMs(0)), 0);
        assert_eq!(allowed(&mut budget, 1, 1000, Ok(()), TimeMs(1_000)), 50);
    }
}
