//! The leaf of a workload, checked against the profile of X509-SVIDs.

use sallyport_engine::facts::CredentialFault;
use sallyport_engine::identity::{InvalidSpiffeId, SpiffeId};
#[cfg(feature = "classical")]
use sallyport_engine::time::TimeMs;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::MAXIMUM_BYTES;
use super::parts::Parts;
use super::profile::broken_rules;
use crate::classical::{InvalidWorkloadKey, WorkloadKey};
use crate::der::InvalidDer;

/// A certificate that names exactly one workload.
pub(super) struct Leaf<'a> {
    /// Its exact bytes, part by part.
    pub(super) parts: Parts<'a>,
    /// Whom it names.
    pub(super) subject: SpiffeId,
    /// The kind of its key, or why no workload may have it.
    pub(super) key: Result<WorkloadKey, InvalidWorkloadKey>,
    /// What it means.
    certificate: X509Certificate<'a>,
}

/// Why bytes name no workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnreadableLeaf {
    /// Longer than [`MAXIMUM_BYTES`].
    TooLong,
    /// Not one X.509 v3 certificate in strict DER.
    Der(InvalidDer),
    /// A field or the subject alternative name has no meaning.
    Meaning,
    /// Not exactly one URI name (X509-SVID, section 2).
    UriNames,
    /// The URI name is no SPIFFE ID of a workload.
    SpiffeId(InvalidSpiffeId),
}

// === impl Leaf ===

impl<'a> Leaf<'a> {
    /// Reads the DER of a certificate.
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, UnreadableLeaf> {
        if der.len() > MAXIMUM_BYTES {
            return Err(UnreadableLeaf::TooLong);
        }
        let parts = Parts::parse(der).map_err(UnreadableLeaf::Der)?;
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| UnreadableLeaf::Meaning)?;
        if !rest.is_empty() {
            return Err(UnreadableLeaf::Der(InvalidDer::Trailing));
        }
        let subject = one_spiffe_id(&certificate)?;
        Ok(Self {
            key: WorkloadKey::from_spki(parts.public_key),
            parts,
            subject,
            certificate,
        })
    }

    /// Checks the rules of X509-SVID (sections 3 and 4) and RFC 5280 for a leaf.
    pub(super) fn check_profile(&self) -> Result<(), CredentialFault> {
        match broken_rules(&self.parts, &self.certificate, &self.key).next() {
            None => Ok(()),
            Some(_) => Err(CredentialFault::Malformed),
        }
    }

    /// The time from which on, and the time until which (exclusive), it is valid.
    #[cfg(feature = "classical")]
    pub(super) fn validity(&self) -> Result<(TimeMs, TimeMs), CredentialFault> {
        let validity = self.certificate.validity();
        let seconds =
            |timestamp: i64| u64::try_from(timestamp).map_err(|_| CredentialFault::Malformed);
        let not_before = seconds(validity.not_before.timestamp())?;
        // The second that notAfter names is still valid; our end is exclusive.
        let not_after = seconds(validity.not_after.timestamp())?.saturating_add(1);
        Ok((
            TimeMs::from_seconds(not_before),
            TimeMs::from_seconds(not_after),
        ))
    }
}

/// The workload that a certificate names.
pub(crate) fn one_spiffe_id(certificate: &X509Certificate<'_>) -> Result<SpiffeId, UnreadableLeaf> {
    one_uri_name(certificate)?
        .parse()
        .map_err(UnreadableLeaf::SpiffeId)
}

/// The one URI among the subject's alternative names. Names of other types may stand beside it.
fn one_uri_name<'a>(certificate: &X509Certificate<'a>) -> Result<&'a str, UnreadableLeaf> {
    let names = match certificate.subject_alternative_name() {
        Ok(Some(names)) => &names.value.general_names,
        Ok(None) => return Err(UnreadableLeaf::UriNames),
        Err(_) => return Err(UnreadableLeaf::Meaning),
    };
    let mut uri = None;
    for name in names {
        if matches!(name, GeneralName::Invalid(..)) {
            return Err(UnreadableLeaf::Meaning);
        }
        if let GeneralName::URI(text) = name
            && uri.replace(*text).is_some()
        {
            return Err(UnreadableLeaf::UriNames);
        }
    }
    uri.ok_or(UnreadableLeaf::UriNames)
}
