//! Hybrid tokens: verified once for each connection that brings them, then compared byte by byte.

use std::num::NonZeroUsize;

use lru::LruCache;
use sallyport_credentials::token::{
    self, MAXIMUM_SIGNATURE_BYTES, MAXIMUM_TOKEN_BYTES, TokenHeaders,
};
use sallyport_engine::facts::{CredentialFacts, CredentialFault};
use sallyport_engine::headers::TokenHalves;
use sallyport_engine::metric::Metric;

use crate::configuration::Active;
use crate::host::Host;
use crate::metrics::Metrics;

/// The last token of each connection. Comparing 8 KB takes a microsecond, hashing them a hundred.
#[derive(Debug)]
pub(crate) struct TokenCache(LruCache<u64, Entry>);

#[derive(Debug)]
struct Entry {
    token: Vec<u8>,
    signature: Vec<u8>,
    result: Result<CredentialFacts, CredentialFault>,
}

impl TokenCache {
    pub(crate) fn new() -> Self {
        Self(LruCache::new(CAPACITY))
    }

    /// What the token of a request proves on this connection. An answer holds for the same bytes on
    /// the same connection, hence for the same certificate; times are compared on each request.
    pub(crate) fn verify(
        &mut self,
        connection: u64,
        host: &impl Host,
        active: &Active,
        metrics: &Metrics,
        halves: TokenHalves<'_>,
        certificate_sha256: &[u8; 32],
    ) -> Result<&CredentialFacts, CredentialFault> {
        // Nothing that long is a token, and nothing that long is kept.
        if halves.token.len() > MAXIMUM_TOKEN_BYTES
            || halves.signature.len() > MAXIMUM_SIGNATURE_BYTES
        {
            return Err(CredentialFault::Malformed);
        }
        let known = self.0.peek(&connection).is_some_and(|entry| {
            entry.token == halves.token && entry.signature == halves.signature
        });
        if !known {
            metrics.increment(host, Metric::ColdVerification);
            let headers = TokenHeaders {
                token: halves.token,
                signature: halves.signature,
            };
            let entry = Entry {
                token: halves.token.to_vec(),
                signature: halves.signature.to_vec(),
                result: token::verify(&active.authorities, headers, certificate_sha256),
            };
            self.0.put(connection, entry);
        }
        match self.0.get(&connection) {
            Some(entry) => entry.result.as_ref().map_err(|fault| *fault),
            // INVARIANT: put above. If it is not, the token is not verified.
            None => Err(CredentialFault::Malformed),
        }
    }
}

/// At most 18 KB each, usually 6 KB.
const CAPACITY: NonZeroUsize = match NonZeroUsize::new(256) {
    Some(n) => n,
    None => NonZeroUsize::MIN,
};
