//! An authority for workload certificates.

use std::sync::Arc;

use sallyport_engine::identity::TrustDomain;
use sallyport_engine::policy::raw;
use sallyport_engine::time::TimeMs;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::error::{InvalidAuthorityCause, InvalidCaCertificate};
use super::{PUBLIC_KEY, Place, decode};
use crate::alternative::AlternativeKey;
use crate::certificate::parts::{
    ALTERNATIVE_PUBLIC_KEY, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE, NAME_CONSTRAINTS,
    Parts, SUBJECT_ALTERNATIVE_NAME,
};
use crate::classical::ClassicalKey;
use crate::der::InvalidDer;

/// What is pinned of an authority for certificates.
pub(crate) struct CertificateAuthority {
    pub(crate) name: Arc<str>,
    pub(crate) trust_domain: TrustDomain,
    /// The subject's name in DER, as leaves must repeat it.
    pub(crate) subject: Vec<u8>,
    /// The subject key identifier, which leaves give as their authority key identifier.
    pub(crate) key_id: Vec<u8>,
    pub(crate) classical: ClassicalKey,
    pub(crate) alternative: Option<AlternativeKey>,
    /// Leaves that are valid only from then on or later must carry the alternative signature.
    /// None: all of them.
    #[cfg_attr(
        not(feature = "classical"),
        expect(dead_code, reason = "an old leaf has no alternative half to verify")
    )]
    pub(crate) alternative_required_from: Option<TimeMs>,
}

/// What the certificate of an authority pins.
struct CaCertificate {
    subject: Vec<u8>,
    key_id: Vec<u8>,
    public_key: Vec<u8>,
    alternative_public_key: Option<Vec<u8>>,
}

/// Extensions that this code acts upon, and name constraints, which Envoy enforces on the chain.
const KNOWN_CRITICAL: [&[u8]; 5] = [
    KEY_USAGE,
    SUBJECT_ALTERNATIVE_NAME,
    BASIC_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    NAME_CONSTRAINTS,
];

// === impl CertificateAuthority ===

impl CertificateAuthority {
    pub(super) fn parse(entry: &raw::CertificateAuthority, at: &mut Place<'_>) -> Option<Self> {
        let trust_domain = at.accept("trustDomain", entry.trust_domain.parse::<TrustDomain>());
        let certificate = at.accept("caCertificate", parse_pem(&entry.ca_certificate));
        let alternative = match &entry.alternative_key {
            None => Some(None),
            Some(key) => at
                .accept("alternativeKey.publicKey", parse_alternative(key))
                .map(Some),
        };
        let required_from = match &entry.alternative_required_from {
            None => Some(None),
            Some(_) if entry.alternative_key.is_none() => {
                let cause = InvalidAuthorityCause::RequiredWithoutKey;
                at.refuse("alternativeRequiredFrom", cause);
                None
            }
            Some(text) => at
                .accept(
                    "alternativeRequiredFrom",
                    TimeMs::parse_rfc3339(text).map_err(|_| InvalidAuthorityCause::Time),
                )
                .map(Some),
        };
        let certificate = certificate?;
        let classical = at.accept(
            "caCertificate",
            ClassicalKey::from_spki(&certificate.public_key),
        );
        let alternative = alternative?;
        check_extension_72(&certificate, entry, alternative.as_ref(), at)?;
        Some(Self {
            name: entry.name.as_str().into(),
            trust_domain: trust_domain?,
            subject: certificate.subject,
            key_id: certificate.key_id,
            classical: classical?,
            alternative,
            alternative_required_from: required_from?,
        })
    }
}

fn parse_pem(material: &raw::Material) -> Result<CaCertificate, InvalidAuthorityCause> {
    Ok(parse_der(&decode(material, "CERTIFICATE")?)?)
}

fn parse_alternative(key: &raw::AlternativeKey) -> Result<AlternativeKey, InvalidAuthorityCause> {
    let spki = decode(&key.public_key, PUBLIC_KEY)?;
    Ok(AlternativeKey::from_spki(&spki, key.algorithm)?)
}

/// Reads a certificate and checks that it is an authority's. Its signature does not count: the
/// policy's author vouches for it. Nor do its times: Envoy checks them on the chain.
fn parse_der(der: &[u8]) -> Result<CaCertificate, InvalidCaCertificate> {
    let parts = Parts::parse(der)?;
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|_| InvalidCaCertificate::Meaning)?;
    if !rest.is_empty() {
        return Err(InvalidDer::Trailing.into());
    }
    if parts.has_duplicate_extensions() {
        return Err(InvalidCaCertificate::DuplicateExtension);
    }
    if parts.has_critical_extension_beyond(&KNOWN_CRITICAL) {
        return Err(InvalidCaCertificate::CriticalExtension);
    }
    match certificate.basic_constraints() {
        Ok(Some(constraints)) if constraints.value.ca => {}
        Ok(_) => return Err(InvalidCaCertificate::NotAuthority),
        Err(_) => return Err(InvalidCaCertificate::Meaning),
    }
    match certificate.key_usage() {
        Ok(Some(usage)) if usage.value.key_cert_sign() => {}
        Ok(_) => return Err(InvalidCaCertificate::KeyUsage),
        Err(_) => return Err(InvalidCaCertificate::Meaning),
    }
    let key_id = parts.subject_key_id()?.filter(|key_id| !key_id.is_empty());
    Ok(CaCertificate {
        subject: parts.subject.to_vec(),
        key_id: key_id
            .ok_or(InvalidCaCertificate::KeyIdentifierMissing)?
            .to_vec(),
        public_key: parts.public_key.to_vec(),
        alternative_public_key: parts
            .extension(ALTERNATIVE_PUBLIC_KEY)
            .map(|extension| extension.value.to_vec()),
    })
}

/// The certificate may leave extension 72 out (an authority that got its ML-DSA key later), but it
/// may not say something else than the policy.
fn check_extension_72(
    certificate: &CaCertificate,
    entry: &raw::CertificateAuthority,
    pinned: Option<&AlternativeKey>,
    at: &mut Place<'_>,
) -> Option<()> {
    let Some(carried) = &certificate.alternative_public_key else {
        return Some(());
    };
    let (Some(raw_key), Some(pinned)) = (&entry.alternative_key, pinned) else {
        at.refuse(
            "caCertificate",
            InvalidAuthorityCause::AlternativeKeyUnpinned,
        );
        return None;
    };
    match AlternativeKey::from_spki(carried, raw_key.algorithm) {
        Ok(key) if key.as_bytes() == pinned.as_bytes() => Some(()),
        Ok(_) | Err(_) => {
            let cause = InvalidAuthorityCause::AlternativeKeyMismatch;
            at.refuse("alternativeKey.publicKey", cause);
            None
        }
    }
}
