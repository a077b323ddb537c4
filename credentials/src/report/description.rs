//! What a certificate of any origin says.

use std::fmt;

use sallyport_engine::hexadecimal;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::{Certificate, ProfileRule, names};
use crate::certificate::leaf::{UnreadableLeaf, one_spiffe_id};
use crate::certificate::parts::{ALTERNATIVE_ALGORITHM, ALTERNATIVE_SIGNATURE};
use crate::certificate::profile::broken_rules;
use crate::classical::WorkloadKey;
use crate::der;
use crate::public_key::PublicKey;

/// What a certificate says. Nothing of it is verified.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// The subject's name; empty where there is none.
    pub subject: String,
    /// The issuer's name.
    pub issuer: String,
    /// The serial number, hexadecimal.
    pub serial: String,
    /// From when to when it is valid; none if that cannot be read.
    pub validity: Option<Validity>,
    /// SHA-256 of the DER, hexadecimal.
    pub sha256: String,
    /// The one SPIFFE ID, if it names exactly one workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe_id: Option<String>,
    /// The algorithm of its own signature.
    pub signature_algorithm: String,
    /// Its key.
    pub public_key: KeyDescription,
    /// Its alternative key (extension 72).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternative_public_key: Option<KeyDescription>,
    /// The algorithm of its alternative signature (extension 73).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternative_signature_algorithm: Option<String>,
    /// The length of its alternative signature (extension 74), in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternative_signature_bytes: Option<usize>,
    /// Whether it is one of an authority (`cA` is true).
    pub authority: bool,
    /// How many authorities may stand between it and a leaf, if it limits them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_length: Option<u32>,
    /// The subject alternative names, by kind: `URI:spiffe://..`, `DNS:..`.
    pub names: Vec<String>,
    /// The subject key identifier, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_key_identifier: Option<String>,
    /// The authority key identifier, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_key_identifier: Option<String>,
    /// The key usages.
    pub key_usage: Option<String>,
    /// All extensions, in their order.
    pub extensions: Vec<ExtensionDescription>,
    /// Which rules of workload certificates it breaks (X509-SVID and what the filter adds).
    pub profile: Vec<ProfileFinding>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyDescription {
    /// Its algorithm, with the size where there are several.
    pub algorithm: String,
    /// SHA-256 of the `SubjectPublicKeyInfo`, hexadecimal.
    pub spki_sha256: String,
    /// Why it cannot be used here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsupported: Option<String>,
}

/// An extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExtensionDescription {
    /// Its object identifier.
    pub id: String,
    /// Whether a reader that does not know it must refuse the certificate.
    pub critical: bool,
}

/// Why a certificate is none of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileFinding {
    /// A field has no meaning.
    #[error("has a field that cannot be read")]
    Meaning,
    /// RFC 5280, section 4.1.2.1.
    #[error("is not of X.509 version 3 with extensions")]
    Version,
    /// X509-SVID, section 2.
    #[error("has not exactly one URI name")]
    UriNames,
    /// SPIFFE-ID, section 2.
    #[error("has a URI name that is no SPIFFE ID of a workload")]
    SpiffeId,
    /// The filter's own limit.
    #[error("is longer than 24 KiB, which the filter does not read")]
    TooLong,
    /// A rule of workload certificates.
    #[error("{0}")]
    Rule(ProfileRule),
}

/// From when to when a certificate is valid; both ends count (RFC 5280, section 4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Validity {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

/// Seconds since the Unix epoch, shown as of RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

// === impl Certificate ===

impl Certificate<'_> {
    /// What it says.
    #[must_use]
    pub fn describe(&self) -> Description {
        let parts = &self.parts;
        let meaning = self.meaning.as_ref();
        let value_of = |id| parts.extension(id).map(|extension| extension.value);
        let bits = |value: &[u8]| match der::single(value, der::BIT_STRING) {
            Ok(bits) => bits.contents.len().saturating_sub(1),
            Err(_) => 0,
        };
        Description {
            subject: meaning.map(|m| m.subject().to_string()).unwrap_or_default(),
            issuer: meaning.map(|m| m.issuer().to_string()).unwrap_or_default(),
            serial: hexadecimal::encode(parts.serial_number()),
            validity: meaning.map(validity),
            sha256: hexadecimal::encode(&crate::sha256(self.der)),
            spiffe_id: match meaning.map(one_spiffe_id) {
                Some(Ok(id)) => Some(id.to_string()),
                Some(Err(_)) | None => None,
            },
            signature_algorithm: names::signature(parts.signature_algorithm),
            public_key: KeyDescription::of(parts.public_key),
            alternative_public_key: self.alternative_public_key().map(KeyDescription::of),
            alternative_signature_algorithm: value_of(ALTERNATIVE_ALGORITHM).map(names::signature),
            alternative_signature_bytes: value_of(ALTERNATIVE_SIGNATURE).map(bits),
            authority: self.is_authority(),
            path_length: meaning.and_then(path_length),
            names: meaning.map(alternative_names).unwrap_or_default(),
            subject_key_identifier: identifier(parts.subject_key_id()),
            authority_key_identifier: identifier(parts.authority_key_id()),
            key_usage: meaning.and_then(key_usage),
            extensions: parts
                .extensions
                .iter()
                .map(|extension| ExtensionDescription {
                    id: names::dotted(extension.id),
                    critical: extension.critical,
                })
                .collect(),
            profile: self.profile(),
        }
    }

    /// What keeps it from being a certificate of a workload.
    fn profile(&self) -> Vec<ProfileFinding> {
        let Some(meaning) = &self.meaning else {
            return vec![ProfileFinding::Meaning];
        };
        let mut findings = Vec::new();
        if !self.parts.is_version_3() {
            findings.push(ProfileFinding::Version);
        }
        if self.der.len() > crate::certificate::MAXIMUM_BYTES {
            findings.push(ProfileFinding::TooLong);
        }
        match one_spiffe_id(meaning) {
            Ok(_) => {}
            Err(UnreadableLeaf::UriNames) => findings.push(ProfileFinding::UriNames),
            Err(UnreadableLeaf::SpiffeId(_)) => findings.push(ProfileFinding::SpiffeId),
            Err(UnreadableLeaf::TooLong | UnreadableLeaf::Der(_) | UnreadableLeaf::Meaning) => {
                findings.push(ProfileFinding::Meaning);
            }
        }
        let key = WorkloadKey::from_spki(self.parts.public_key);
        findings.extend(broken_rules(&self.parts, meaning, &key).map(ProfileFinding::Rule));
        findings
    }
}

// === impl KeyDescription ===

impl KeyDescription {
    /// Describes a `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn of(spki: &[u8]) -> Self {
        let (algorithm, unsupported) = match PublicKey::from_spki(spki) {
            Ok(key) => (key.name(), None),
            Err(cause) => (names::public_key(spki), Some(cause.to_string())),
        };
        Self {
            algorithm,
            spki_sha256: hexadecimal::encode(&crate::sha256(spki)),
            unsupported,
        }
    }
}

// === impl ProfileFinding ===

impl Serialize for ProfileFinding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// === impl Timestamp ===

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp(self.0).map(|time| time.format(&Rfc3339));
        let Ok(Ok(formatted)) = time else {
            return write!(f, "{} s after 1970", self.0);
        };
        f.write_str(&formatted)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn validity(certificate: &X509Certificate<'_>) -> Validity {
    let validity = certificate.validity();
    Validity {
        not_before: Timestamp(validity.not_before.timestamp()),
        not_after: Timestamp(validity.not_after.timestamp()),
    }
}

fn path_length(certificate: &X509Certificate<'_>) -> Option<u32> {
    match certificate.basic_constraints() {
        Ok(Some(constraints)) => constraints.value.path_len_constraint,
        Ok(None) | Err(_) => None,
    }
}

fn key_usage(certificate: &X509Certificate<'_>) -> Option<String> {
    match certificate.key_usage() {
        Ok(Some(usage)) => Some(usage.value.to_string()),
        Ok(None) | Err(_) => None,
    }
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let shown = |name: &GeneralName<'_>| match name {
        GeneralName::URI(text) => format!("URI:{text}"),
        GeneralName::DNSName(text) => format!("DNS:{text}"),
        GeneralName::RFC822Name(text) => format!("email:{text}"),
        GeneralName::DirectoryName(name) => format!("directory:{name}"),
        GeneralName::IPAddress(bytes) => format!("IP:{}", hexadecimal::encode(bytes)),
        GeneralName::OtherName(..)
        | GeneralName::X400Address(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => "of another kind".to_owned(),
    };
    names.value.general_names.iter().map(shown).collect()
}

fn identifier(bytes: Result<Option<&[u8]>, crate::InvalidDer>) -> Option<String> {
    match bytes {
        Ok(Some(bytes)) => Some(hexadecimal::encode(bytes)),
        Ok(None) | Err(_) => None,
    }
}
