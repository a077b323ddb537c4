//! The claims of a hybrid token, after both signatures held.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_engine::artifact::{ArtifactClaims, ArtifactDigest};
use sallyport_engine::facts::{CertifiedKeys, CredentialFacts, CredentialFault, CredentialNumber};
use sallyport_engine::identity::{Assurance, SpiffeId};
use sallyport_engine::time::TimeMs;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::CLOCK_SKEW_SECONDS;
use crate::authority::TokenAuthority;

/// The claims that count (RFC 7519, section 4.1; RFC 8705, section 3.1). Times are whole seconds
/// since the Unix epoch. A claim that is present has its type: `null` is not absent.
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    iat: u64,
    exp: u64,
    #[serde(default, deserialize_with = "super::present")]
    nbf: Option<u64>,
    jti: String,
    #[serde(deserialize_with = "crate::json::object")]
    cnf: Confirmation,
    #[serde(default, deserialize_with = "super::present")]
    model_digest: Option<String>,
    #[serde(default, deserialize_with = "super::present")]
    image_digest: Option<String>,
}

/// When a token counts.
pub(super) struct Lifetime {
    pub(super) not_before: TimeMs,
    /// Exclusive.
    pub(super) not_after: TimeMs,
}

/// One audience or several.
pub(super) struct Audience(Vec<String>);

#[derive(Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    certificate_sha256: String,
}

pub(super) const MAXIMUM_JTI_BYTES: usize = 128;

// === impl Claims ===

impl Claims {
    /// Compares the claims with the authority's entry and with the connection's certificate.
    pub(super) fn check(
        self,
        authority: &TokenAuthority,
        certificate_sha256: &[u8; 32],
    ) -> Result<CredentialFacts, CredentialFault> {
        self.judge(authority, Some(certificate_sha256))
    }

    /// The same; without a certificate the binding is not checked.
    pub(super) fn judge(
        self,
        authority: &TokenAuthority,
        certificate_sha256: Option<&[u8; 32]>,
    ) -> Result<CredentialFacts, CredentialFault> {
        let subject: SpiffeId = self
            .sub
            .parse()
            .map_err(|_| CredentialFault::ClaimsInvalid)?;
        let is_as_pinned = self.iss == authority.issuer
            && self.aud.contains(&authority.audience)
            && (1..=MAXIMUM_JTI_BYTES).contains(&self.jti.len());
        let artifacts = ArtifactClaims {
            model: digest(self.model_digest.as_deref())?,
            image: digest(self.image_digest.as_deref())?,
        };
        let lifetime = Lifetime::of(authority, self.iat, self.nbf, self.exp)?;
        if !is_as_pinned {
            return Err(CredentialFault::ClaimsInvalid);
        }
        if subject.trust_domain() != authority.trust_domain.as_str() {
            return Err(CredentialFault::TrustDomainForeign);
        }
        if certificate_sha256.is_some_and(|digest| !self.cnf.names(digest)) {
            return Err(CredentialFault::BindingMismatch);
        }
        Ok(CredentialFacts {
            authority: Some(authority.name.clone()),
            subject,
            assurance: Assurance::Hybrid,
            number: Some(CredentialNumber::TokenId(self.jti.into())),
            keys: CertifiedKeys::default(),
            artifacts,
            issued: TimeMs::from_seconds(self.iat),
            not_before: lifetime.not_before,
            not_after: lifetime.not_after,
        })
    }
}

// === impl Lifetime ===

impl Lifetime {
    /// From the later of `iat` and `nbf` to `exp`, if that is no longer than the authority may
    /// make it.
    pub(super) fn of(
        authority: &TokenAuthority,
        iat: u64,
        nbf: Option<u64>,
        exp: u64,
    ) -> Result<Self, CredentialFault> {
        let lifetime = exp.checked_sub(iat).ok_or(CredentialFault::ClaimsInvalid)?;
        let start = nbf.map_or(iat, |nbf| nbf.max(iat));
        let is_in_time = (1..=authority.maximum_lifetime_seconds).contains(&lifetime);
        if !is_in_time || start >= exp {
            return Err(CredentialFault::ClaimsInvalid);
        }
        Ok(Self {
            not_before: TimeMs::from_seconds(start.saturating_sub(CLOCK_SKEW_SECONDS)),
            not_after: TimeMs::from_seconds(exp),
        })
    }
}

// === impl Confirmation ===

impl Confirmation {
    fn names(&self, certificate_sha256: &[u8; 32]) -> bool {
        self.certificate_sha256 == Base64UrlUnpadded::encode_string(certificate_sha256)
    }
}

// === impl Audience ===

impl Audience {
    pub(super) fn contains(&self, audience: &str) -> bool {
        self.0.iter().any(|text| text == audience)
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;

        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Audience;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Audience, E> {
                Ok(Audience(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Audience, A::Error> {
                let mut audience = Vec::new();
                while let Some(item) = items.next_element()? {
                    audience.push(item);
                }
                Ok(Audience(audience))
            }
        }

        deserializer.deserialize_any(OneOrMore)
    }
}

/// A claim that is present is a digest.
fn digest(text: Option<&str>) -> Result<Option<ArtifactDigest>, CredentialFault> {
    let digest = text.map(str::parse).transpose();
    digest.map_err(|_| CredentialFault::ClaimsInvalid)
}
