//! Tokens of requests: verified once, then compared byte by byte. Comparing 8 KB takes half a
//! microsecond, hashing them a hundred, verifying them several hundred.

mod cache;
mod ledger;

use std::num::NonZeroUsize;

use lru::LruCache;
use sallyport_credentials::token::{self, WorkloadIdentity};
use sallyport_engine::facts::{ConnectionFacts, CredentialFacts, MutualTls};
use sallyport_engine::headers::{PresentedToken, ProvenToken};
use sallyport_engine::reason::DenyReason;

use cache::HalvesCache;

use crate::host::Host;
use crate::verification::Means;

/// The tokens that one worker has verified.
pub(crate) struct TokenVerifier {
    hybrid: HalvesCache<CredentialFacts>,
    identities: HalvesCache<WorkloadIdentity>,
    /// The last proof of each connection.
    proofs: LruCache<u64, Proven>,
}

/// A proof that held on a connection, with all that it covers.
struct Proven {
    proof: Vec<u8>,
    identity_sha256: [u8; 32],
    access_token: Option<Vec<u8>>,
    transaction_token: Option<Vec<u8>>,
    facts: CredentialFacts,
}

/// A request that brings a token.
#[derive(Clone, Copy)]
pub(crate) struct Bringing<'a> {
    /// The number of its connection.
    pub(crate) connection: u64,
    pub(crate) facts: &'a ConnectionFacts,
    pub(crate) tls: &'a MutualTls,
    pub(crate) presented: PresentedToken<'a>,
}

// === impl TokenVerifier ===

impl TokenVerifier {
    pub(crate) fn new() -> Self {
        Self {
            hybrid: HalvesCache::new(),
            identities: HalvesCache::new(),
            proofs: LruCache::new(MAXIMUM_PROOFS),
        }
    }

    /// What the token of a request proves. An answer depends on the bytes, the certificate of the
    /// connection and the pinned keys only; times are compared on each request.
    #[inline(never)]
    pub(crate) fn verify<H: Host>(
        &mut self,
        request: Bringing<'_>,
        means: &mut Means<'_, H>,
    ) -> Result<&CredentialFacts, DenyReason> {
        let now = means.now;
        let digest = &request.tls.certificate_sha256;
        match request.presented {
            PresentedToken::Hybrid(halves) => {
                self.hybrid.get_or_verify(digest, halves, now, || {
                    means.verify_token(digest, TOKEN_SIGNATURES, |active| {
                        token::verify(&active.authorities, halves, digest)
                    })
                })
            }
            PresentedToken::Proven(presented) => self.prove(request, presented, means),
        }
    }

    fn prove<H: Host>(
        &mut self,
        request: Bringing<'_>,
        presented: ProvenToken<'_>,
        means: &mut Means<'_, H>,
    ) -> Result<&CredentialFacts, DenyReason> {
        let Bringing {
            connection, tls, ..
        } = request;
        let now = means.now;
        let digest = &tls.certificate_sha256;
        let called = request.facts.own.as_ref();
        let called = called.ok_or(DenyReason::OwnIdentityUnknown)?;
        let identity = self
            .identities
            .get_or_verify(digest, presented.identity, now, || {
                means.verify_token(digest, TOKEN_SIGNATURES, |active| {
                    token::verify_identity(&active.authorities, presented.identity, tls)
                })
            })?;
        let known = self.proofs.peek(&connection);
        if !known.is_some_and(|known| known.is_of(&presented, identity)) {
            let proof = means.verify_token(digest, PROOF_SIGNATURES, |_| {
                identity.verify_proof(&presented, called)
            })??;
            // What does not count at this time is refused for its time, and not remembered.
            if now < proof.facts.not_before {
                return Err(DenyReason::CredentialNotYetValid);
            }
            if now >= proof.facts.not_after {
                return Err(DenyReason::CredentialExpired);
            }
            ledger::use_proof(means.host, &proof.used, connection, now)?;
            let proven = Proven::new(&presented, identity, proof.facts);
            self.proofs.put(connection, proven);
        }
        match self.proofs.get(&connection) {
            Some(known) => Ok(&known.facts),
            // INVARIANT: put above. If it is not, nothing is proven.
            None => Err(DenyReason::InternalBug),
        }
    }
}

// === impl Proven ===

impl Proven {
    fn new(
        presented: &ProvenToken<'_>,
        identity: &WorkloadIdentity,
        facts: CredentialFacts,
    ) -> Self {
        Self {
            proof: presented.proof.to_vec(),
            identity_sha256: *identity.sha256(),
            access_token: presented.access_token.map(<[u8]>::to_vec),
            transaction_token: presented.transaction_token.map(<[u8]>::to_vec),
            facts,
        }
    }

    fn is_of(&self, presented: &ProvenToken<'_>, identity: &WorkloadIdentity) -> bool {
        self.identity_sha256 == *identity.sha256()
            && self.access_token.as_deref() == presented.access_token
            && self.transaction_token.as_deref() == presented.transaction_token
            && is_same(&self.proof, presented.proof)
    }
}

/// Whether both are the same bytes, eight at a time: `==` is the C library's `memcmp`, which as
/// WebAssembly takes 2 us for a token of 6 KB, byte by byte, and this takes 0.3.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<8>(), right.as_chunks::<8>());
    let is_same = |(left, right): (&[u8; 8], &[u8; 8])| {
        u64::from_le_bytes(*left) == u64::from_le_bytes(*right)
    };
    left.len() == right.len() && left.iter().zip(right).all(is_same) && left_rest == right_rest
}

/// The signatures of a token: RSA and ML-DSA.
const TOKEN_SIGNATURES: u32 = 2;
const PROOF_SIGNATURES: u32 = 1;

/// Usually 7 KB each.
const MAXIMUM_PROOFS: NonZeroUsize = match NonZeroUsize::new(1024) {
    Some(n) => n,
    None => NonZeroUsize::MIN,
};

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn every_byte_and_the_length_count() {
        for length in 0..40 {
            let bytes = vec![7; length];
            assert!(is_same(&bytes, &bytes.clone()));
            assert!(!is_same(&bytes, &vec![7; length + 1]));
            for place in 0..length {
                let mut other = bytes.clone();
                other[place] = 8;
                assert!(!is_same(&bytes, &other), "{length} {place}");
            }
        }
    }
}
