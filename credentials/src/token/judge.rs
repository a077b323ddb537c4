//! What can be said about each half of a token, for tools. The path of requests is
//! [`super::verify`], which stops at the first fault; nothing here decides anything.

use std::sync::Arc;

use sallyport_engine::facts::{CredentialFacts, CredentialFault};
use sallyport_engine::headers::TokenHalves;

use super::claims::Claims;
use super::jws::{HybridToken, classical_name};
use super::{pinned, verify_classical, verify_detached};
use crate::alternative::jose_name;
use crate::authority::AuthoritySet;

/// The parts of a verification. Where the token leads to no authority, both halves have that fault.
pub struct JudgedToken {
    /// The JWT.
    pub classical: Result<(), CredentialFault>,
    /// The pinned algorithm of the JWT.
    pub classical_algorithm: Option<&'static str>,
    /// The detached signature.
    pub alternative: Result<(), CredentialFault>,
    /// The pinned algorithm of the detached signature.
    pub alternative_algorithm: Option<&'static str>,
    /// The claims; none if the JWT does not hold.
    pub claims: Option<Result<CredentialFacts, CredentialFault>>,
    /// The name of the pinned authority.
    pub authority: Option<Arc<str>>,
}

/// Judges each part by itself. Without a certificate (SHA-256 of its DER) the binding is not
/// checked.
#[must_use]
pub fn judge(
    authorities: &AuthoritySet,
    halves: TokenHalves<'_>,
    certificate_sha256: Option<&[u8; 32]>,
) -> JudgedToken {
    let unjudged = |fault| JudgedToken {
        classical: Err(fault),
        classical_algorithm: None,
        alternative: Err(fault),
        alternative_algorithm: None,
        claims: None,
        authority: None,
    };
    let token = match HybridToken::parse(halves) {
        Ok(token) => token,
        Err(fault) => return unjudged(fault),
    };
    let authority = match pinned(authorities, &token) {
        Ok(authority) => authority,
        Err(fault) => return unjudged(fault),
    };
    let classical = verify_classical(authority, &token);
    // Claims are read after the signature held.
    let claims = classical.is_ok().then(|| {
        let claims: Claims = token.claims()?;
        claims.judge(authority, certificate_sha256)
    });
    JudgedToken {
        classical,
        classical_algorithm: Some(classical_name(authority.classical_algorithm)),
        alternative: verify_detached(authority, &token),
        alternative_algorithm: Some(jose_name(authority.alternative.algorithm())),
        claims,
        authority: Some(Arc::clone(&authority.name)),
    }
}

// === impl JudgedToken ===

impl JudgedToken {
    /// Whether everything that was looked at holds.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.classical.is_ok() && self.alternative.is_ok() && matches!(self.claims, Some(Ok(_)))
    }
}
