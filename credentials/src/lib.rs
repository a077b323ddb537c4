//! Hybrid credentials: an identity that an RSA **and** an ML-DSA key of one pinned authority certify.
//!
//! Two carriers say the same thing. A hybrid certificate holds both signatures of its authority
//! (X.509 of 10/2019, alternative signature extensions); a hybrid token is a JWT with a detached
//! ML-DSA signature over the whole of it, bound to a TLS certificate. [`AuthoritySet`] holds the
//! pinned keys, [`certificate::read`] and `token::verify` give the facts that a decision needs.
//!
//! Nothing here reads a clock, a file or a network, and nothing panics on hostile bytes: the times
//! of a credential are facts, which the decision compares with the clock on every request.
//!
//! Features: `classical` (default) adds the RSA and ECDSA halves and needs a C compiler for the target;
//! without it only the post-quantum halves can be checked. `legacy-dilithium` (default) adds
//! `Dilithium5`. `report` adds what tools need to examine files of any origin, `issue`
//! authorities that sign; both are native only.

mod alternative;
mod authority;
pub mod certificate;
mod classical;
#[cfg(feature = "conformance")]
#[doc(hidden)]
pub mod conformance;
mod der;
#[cfg(feature = "report")]
pub mod document;
#[cfg(feature = "issue")]
pub mod issue;
mod json;
#[cfg(feature = "report")]
pub mod jwk;
#[cfg(feature = "report")]
pub mod jws;
pub mod pem;
#[cfg(feature = "report")]
pub mod public_key;
#[cfg(feature = "report")]
pub mod report;
#[cfg(feature = "classical")]
mod scheme;
#[cfg(feature = "report")]
pub mod signing;
#[cfg(feature = "report")]
pub mod strict_json;
pub mod token;

pub use alternative::InvalidAlternativeKey;
pub use authority::{AuthoritySet, InvalidAuthority, InvalidAuthorityCause, InvalidCaCertificate};
pub use classical::InvalidClassicalKey;
pub use der::InvalidDer;

/// SHA-256 (FIPS 180-4) of `bytes`. Of the DER of a certificate, it is what a token is bound to
/// (`x5t#S256` of RFC 8705, section 3.1).
#[cfg(feature = "classical")]
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    // INVARIANT: a SHA-256 digest has 32 bytes. The zip copies them without an index.
    let mut copy = [0; 32];
    for (to, from) in copy.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    copy
}
