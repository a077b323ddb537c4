//! An authority for hybrid tokens.

use std::sync::Arc;

use sallyport_engine::identity::TrustDomain;
use sallyport_engine::policy::raw::{
    self, AlternativeAlgorithm, AlternativeTokenAlgorithm, ClassicalTokenAlgorithm,
};

use super::error::InvalidAuthorityCause;
use super::{PUBLIC_KEY, Place, decode};
use crate::alternative::AlternativeKey;
use crate::classical::RsaKey;
use crate::token::DEFAULT_MAXIMUM_LIFETIME_SECONDS;

/// What is pinned of an authority for tokens.
#[cfg_attr(
    not(feature = "classical"),
    expect(
        dead_code,
        reason = "without `classical` only the alternative half is verified"
    )
)]
pub(crate) struct TokenAuthority {
    pub(crate) name: Arc<str>,
    pub(crate) trust_domain: TrustDomain,
    /// The exact `iss`.
    pub(crate) issuer: String,
    /// What `aud` must contain.
    pub(crate) audience: String,
    pub(crate) classical_key_id: String,
    pub(crate) classical_algorithm: ClassicalTokenAlgorithm,
    pub(crate) classical: RsaKey,
    pub(crate) alternative_key_id: String,
    pub(crate) alternative: AlternativeKey,
    /// The longest `exp` - `iat`, in seconds.
    pub(crate) maximum_lifetime_seconds: u64,
}

const DILITHIUM5_PUBLIC_KEY: &str = "DILITHIUM5 PUBLIC KEY";
const MAXIMUM_KEY_ID_BYTES: usize = 128;
const MAXIMUM_CLAIM_BYTES: usize = 2048;
const MAXIMUM_LIFETIME_SECONDS: u64 = 86_400;

// === impl TokenAuthority ===

impl TokenAuthority {
    pub(super) fn parse(entry: &raw::TokenAuthority, at: &mut Place<'_>) -> Option<Self> {
        let trust_domain = at.accept("trustDomain", entry.trust_domain.parse::<TrustDomain>());
        let issuer = at.accept("issuer", parse_claim(&entry.issuer));
        let audience = at.accept("audience", parse_claim(&entry.audience));
        let classical_key_id =
            at.accept("classicalKey.kid", parse_key_id(&entry.classical_key.kid));
        let classical = at.accept(
            "classicalKey.publicKey",
            parse_classical(&entry.classical_key),
        );
        let alternative_key_id = at.accept(
            "alternativeKey.kid",
            parse_key_id(&entry.alternative_key.kid),
        );
        let alternative = at.accept(
            "alternativeKey.publicKey",
            parse_alternative(&entry.alternative_key),
        );
        let lifetime = at.accept(
            "maximumLifetimeSeconds",
            parse_lifetime(entry.maximum_lifetime_seconds),
        );
        Some(Self {
            name: entry.name.as_str().into(),
            trust_domain: trust_domain?,
            issuer: issuer?,
            audience: audience?,
            classical_key_id: classical_key_id?,
            classical_algorithm: entry.classical_key.algorithm,
            classical: classical?,
            alternative_key_id: alternative_key_id?,
            alternative: alternative?,
            maximum_lifetime_seconds: lifetime?,
        })
    }
}

fn parse_claim(text: &str) -> Result<String, InvalidAuthorityCause> {
    match text.len() {
        1..=MAXIMUM_CLAIM_BYTES => Ok(text.to_owned()),
        _ => Err(InvalidAuthorityCause::Claim),
    }
}

fn parse_key_id(text: &str) -> Result<String, InvalidAuthorityCause> {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    match text.len() {
        1..=MAXIMUM_KEY_ID_BYTES if is_visible => Ok(text.to_owned()),
        _ => Err(InvalidAuthorityCause::KeyId),
    }
}

fn parse_lifetime(seconds: Option<u32>) -> Result<u64, InvalidAuthorityCause> {
    match seconds.map(u64::from) {
        None => Ok(DEFAULT_MAXIMUM_LIFETIME_SECONDS),
        Some(seconds @ 1..=MAXIMUM_LIFETIME_SECONDS) => Ok(seconds),
        Some(_) => Err(InvalidAuthorityCause::Lifetime),
    }
}

fn parse_classical(key: &raw::ClassicalKey) -> Result<RsaKey, InvalidAuthorityCause> {
    Ok(RsaKey::from_spki(&decode(&key.public_key, PUBLIC_KEY)?)?)
}

fn parse_alternative(
    key: &raw::TokenAlternativeKey,
) -> Result<AlternativeKey, InvalidAuthorityCause> {
    let standard = |algorithm| {
        let spki = decode(&key.public_key, PUBLIC_KEY)?;
        Ok(AlternativeKey::from_spki(&spki, algorithm)?)
    };
    match key.algorithm {
        AlternativeTokenAlgorithm::MlDsa44 => standard(AlternativeAlgorithm::MlDsa44),
        AlternativeTokenAlgorithm::MlDsa65 => standard(AlternativeAlgorithm::MlDsa65),
        AlternativeTokenAlgorithm::MlDsa87 => standard(AlternativeAlgorithm::MlDsa87),
        AlternativeTokenAlgorithm::Dilithium5 => {
            let bytes = decode(&key.public_key, DILITHIUM5_PUBLIC_KEY)?;
            Ok(AlternativeKey::from_dilithium5(&bytes)?)
        }
    }
}
