//! What the two halves of a token proved, for the certificate that it is bound to.

use std::num::NonZeroUsize;

use lru::LruCache;
use sallyport_credentials::token::{MAXIMUM_SIGNATURE_BYTES, MAXIMUM_TOKEN_BYTES};
use sallyport_engine::facts::CredentialFault;
use sallyport_engine::headers::TokenHalves;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::time::TimeMs;

use super::is_same;
use crate::verification::BudgetExceeded;

/// The last tokens of each certificate: kept by certificate and not by connection, so that a caller
/// with many connections costs one verification.
pub(super) struct HalvesCache<T>(LruCache<[u8; 32], Vec<Entry<T>>>);

struct Entry<T> {
    token: Vec<u8>,
    signature: Vec<u8>,
    result: Result<T, CredentialFault>,
    /// Up to when a failure is remembered.
    until: TimeMs,
}

// === impl HalvesCache ===

impl<T> HalvesCache<T> {
    pub(super) fn new() -> Self {
        Self(LruCache::new(MAXIMUM_CERTIFICATES))
    }

    /// The result for these halves: remembered, or found out and then remembered. `verify` gives
    /// an outer error where it was not even tried.
    pub(super) fn get_or_verify(
        &mut self,
        certificate_sha256: &[u8; 32],
        halves: TokenHalves<'_>,
        now: TimeMs,
        verify: impl FnOnce() -> Result<Result<T, CredentialFault>, BudgetExceeded>,
    ) -> Result<&T, DenyReason> {
        // Nothing that long is a token, and nothing that long is kept.
        if halves.token.len() > MAXIMUM_TOKEN_BYTES
            || halves.signature.len() > MAXIMUM_SIGNATURE_BYTES
        {
            return Err(DenyReason::CredentialMalformed);
        }
        let is_known = |entry: &Entry<T>| entry.is_of(halves, now);
        let entries = self.0.get(certificate_sha256);
        let known = match entries.and_then(|entries| entries.iter().rposition(is_known)) {
            Some(known) => known,
            None => {
                let result = verify()?;
                let entries = self.0.get_or_insert_mut(*certificate_sha256, Vec::new);
                // One failure at most, and beside the tokens that hold: it pushes out none of them.
                entries.retain(|entry| entry.result.is_ok());
                if result.is_ok() && entries.len() >= TOKENS_OF_CERTIFICATE {
                    entries.remove(0);
                }
                entries.push(Entry {
                    token: halves.token.to_vec(),
                    signature: halves.signature.to_vec(),
                    result,
                    until: TimeMs(now.0.saturating_add(FAILURE_MS)),
                });
                entries.len().saturating_sub(1)
            }
        };
        let entries = self.0.peek(certificate_sha256);
        let known = entries.and_then(|entries| entries.get(known));
        match known.map(|entry| &entry.result) {
            Some(Ok(value)) => Ok(value),
            Some(Err(fault)) => Err((*fault).into()),
            // INVARIANT: found or pushed above. If it is not, nothing is verified.
            None => Err(DenyReason::InternalBug),
        }
    }
}

// === impl Entry ===

impl<T> Entry<T> {
    fn is_of(&self, halves: TokenHalves<'_>, now: TimeMs) -> bool {
        is_same(&self.token, halves.token)
            && is_same(&self.signature, halves.signature)
            && (self.result.is_ok() || now < self.until)
    }
}

const MAXIMUM_CERTIFICATES: NonZeroUsize = match NonZeroUsize::new(512) {
    Some(n) => n,
    None => NonZeroUsize::MIN,
};
/// The current token, and those before while requests with them are under way. At most 18 KB each,
/// usually 6 KB.
const TOKENS_OF_CERTIFICATE: usize = 3;
const FAILURE_MS: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: TimeMs = TimeMs(1_000_000);

    fn halves<'a>(token: &'a str, signature: &'a str) -> TokenHalves<'a> {
        TokenHalves {
            token: token.as_bytes(),
            signature: signature.as_bytes(),
        }
    }

    struct Counting {
        cache: HalvesCache<u32>,
        verified: u32,
    }

    impl Counting {
        fn new() -> Self {
            Self {
                cache: HalvesCache::new(),
                verified: 0,
            }
        }

        fn ask(&mut self, certificate: u8, token: &str, now: TimeMs) -> Result<u32, DenyReason> {
            let verified = &mut self.verified;
            let answer =
                self.cache
                    .get_or_verify(&[certificate; 32], halves(token, "s"), now, || {
                        *verified += 1;
                        Ok(if token.starts_with("bad") {
                            Err(CredentialFault::HybridSignatureInvalid)
                        } else {
                            Ok(*verified)
                        })
                    });
            answer.copied()
        }
    }

    #[test]
    fn verifies_the_same_bytes_of_a_certificate_once() {
        let mut counting = Counting::new();
        assert_eq!(counting.ask(1, "a", NOW), Ok(1));
        assert_eq!(counting.ask(1, "a", TimeMs(u64::MAX)), Ok(1));
        assert_eq!(counting.ask(2, "a", NOW), Ok(2), "another certificate");
        let other = counting
            .cache
            .get_or_verify(&[1; 32], halves("a", "t"), NOW, || Ok(Ok(9)));
        assert_eq!(other, Ok(&9), "another signature");
    }

    #[test]
    fn keeps_the_tokens_of_a_rotation_and_no_more() {
        let mut counting = Counting::new();
        for token in ["a", "b", "c", "a", "b", "c"] {
            assert!(counting.ask(1, token, NOW).is_ok());
        }
        assert_eq!(counting.verified, 3);
        assert_eq!(counting.ask(1, "d", NOW), Ok(4));
        assert_eq!(counting.ask(1, "a", NOW), Ok(5), "it was pushed out");
    }

    #[test]
    fn remembers_one_failure_for_a_short_while() {
        let mut counting = Counting::new();
        let invalid = Err(DenyReason::HybridSignatureInvalid);
        assert_eq!(counting.ask(1, "a", NOW), Ok(1));
        for _ in 0..10 {
            assert_eq!(counting.ask(1, "bad", NOW), invalid);
        }
        assert_eq!(counting.verified, 2);
        assert_eq!(counting.ask(1, "bad", TimeMs(NOW.0 + 10_000)), invalid);
        assert_eq!(counting.verified, 3);
        for number in 0..10 {
            assert_eq!(counting.ask(1, &format!("bad {number}"), NOW), invalid);
        }
        assert_eq!(counting.ask(1, "a", NOW), Ok(1), "no failure pushes it out");
        for token in ["b", "c", "bad"] {
            let _ = counting.ask(1, token, NOW);
        }
        assert_eq!(
            counting.ask(1, "a", NOW),
            Ok(1),
            "nor where all places are taken"
        );
    }

    #[test]
    fn remembers_nothing_that_was_not_tried() {
        let mut counting = Counting::new();
        let refused = counting
            .cache
            .get_or_verify(&[1; 32], halves("a", "s"), NOW, || Err(BudgetExceeded));
        assert_eq!(refused.err(), Some(DenyReason::VerificationBudgetExceeded));
        assert_eq!(counting.ask(1, "a", NOW), Ok(1));
    }
}
