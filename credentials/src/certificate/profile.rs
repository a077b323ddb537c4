//! The rules of X509-SVID (sections 3 and 4) and RFC 5280 for the leaf of a workload.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::KeyUsage;

use super::parts::{
    BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE, Parts, SUBJECT_ALTERNATIVE_NAME,
};
use crate::classical::{InvalidWorkloadKey, WorkloadKey};

/// A rule that a leaf breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileRule {
    /// RFC 5280, section 4.1.1.2.
    #[error("names two different signature algorithms")]
    Algorithms,
    /// RFC 5280, section 4.2.
    #[error("has an extension twice")]
    DuplicateExtension,
    /// RFC 5280, section 4.2: whoever does not know a critical extension refuses the certificate.
    #[error("has a critical extension that neither Envoy nor the filter knows")]
    CriticalExtension,
    /// The subject's key.
    #[error("has a key that no workload may have")]
    Key,
    /// X509-SVID, section 4.1.
    #[error("is that of an authority (`cA` is true), or its basic constraints cannot be read")]
    Authority,
    /// X509-SVID, section 4.3; RFC 9881, section 5.
    #[error(
        "lacks a critical key usage with `digitalSignature` and without `keyCertSign` and `cRLSign`"
    )]
    KeyUsage,
    /// X509-SVID, section 4.4.
    #[error("has an extended key usage without `clientAuth`")]
    ExtendedKeyUsage,
}

/// Extensions that this code, or Envoy before it, acts upon.
const KNOWN_CRITICAL: [&[u8]; 4] = [
    KEY_USAGE,
    SUBJECT_ALTERNATIVE_NAME,
    BASIC_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
];

/// The rules that a certificate breaks, whomever it names.
pub(crate) fn broken_rules(
    parts: &Parts<'_>,
    certificate: &X509Certificate<'_>,
    key: &Result<WorkloadKey, InvalidWorkloadKey>,
) -> impl Iterator<Item = ProfileRule> {
    let rules = [
        (
            ProfileRule::Algorithms,
            parts.inner_algorithm == parts.signature_algorithm,
        ),
        (
            ProfileRule::DuplicateExtension,
            !parts.has_duplicate_extensions(),
        ),
        (
            ProfileRule::CriticalExtension,
            !parts.has_critical_extension_beyond(&KNOWN_CRITICAL),
        ),
        (ProfileRule::Key, key.is_ok()),
        (ProfileRule::Authority, is_no_authority(certificate)),
        (
            ProfileRule::KeyUsage,
            may_sign_handshakes(certificate, matches!(key, Ok(WorkloadKey::MlDsa(_)))),
        ),
        (ProfileRule::ExtendedKeyUsage, may_be_client(certificate)),
    ];
    rules
        .into_iter()
        .filter(|(_, holds)| !holds)
        .map(|(rule, _)| rule)
}

fn is_no_authority(certificate: &X509Certificate<'_>) -> bool {
    match certificate.basic_constraints() {
        Ok(Some(constraints)) => !constraints.value.ca,
        Ok(None) => true,
        Err(_) => false,
    }
}

fn may_sign_handshakes(certificate: &X509Certificate<'_>, has_ml_dsa_key: bool) -> bool {
    match certificate.key_usage() {
        Ok(Some(usage)) => {
            usage.critical
                && usage.value.digital_signature()
                && !usage.value.key_cert_sign()
                && !usage.value.crl_sign()
                && (!has_ml_dsa_key || is_for_signatures_only(usage.value))
        }
        Ok(None) | Err(_) => false,
    }
}

/// An ML-DSA key neither encrypts nor agrees on keys (RFC 9881, section 5).
fn is_for_signatures_only(usage: &KeyUsage) -> bool {
    !usage.key_encipherment()
        && !usage.data_encipherment()
        && !usage.key_agreement()
        && !usage.encipher_only()
        && !usage.decipher_only()
}

/// Without the extension every use is allowed (RFC 5280, section 4.2.1.12).
fn may_be_client(certificate: &X509Certificate<'_>) -> bool {
    match certificate.extended_key_usage() {
        Ok(Some(usage)) => usage.value.client_auth || usage.value.any,
        Ok(None) => true,
        Err(_) => false,
    }
}
