//! What can be said about a certificate of any origin: each half of its signature by itself.
//!
//! For tools that examine certificates of other software: with other extensions, other criticality
//! and other subjects than workloads, of authorities that nobody pinned. The path of requests is
//! [`crate::certificate`], which has one answer and is stricter; nothing here decides anything.
//!
//! Both halves are judged by the keys of one issuer. Validity, the issuer's name and the profile of
//! workload certificates are told apart and change no half. No clock is consulted.

mod description;
mod names;
mod scheme;

use serde::{Serialize, Serializer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

pub use crate::certificate::ProfileRule;
pub use description::{
    Description, ExtensionDescription, KeyDescription, ProfileFinding, Timestamp, Validity,
};

use crate::alternative::identified;
use crate::certificate::parts::{
    ALTERNATIVE_ALGORITHM, ALTERNATIVE_PUBLIC_KEY, ALTERNATIVE_SIGNATURE, BASIC_CONSTRAINTS, Parts,
};
use crate::der::{self, InvalidDer};
use crate::public_key::{KeyKind, PublicKey};
use scheme::{KeyFamily, Scheme, SchemeFault};

/// A certificate of any origin, taken apart.
pub struct Certificate<'a> {
    der: &'a [u8],
    parts: Parts<'a>,
    /// None if a field has no meaning that can be read; its signatures can be judged all the same.
    meaning: Option<X509Certificate<'a>>,
}

/// Why bytes are no certificate that can be examined. One variant for each rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCertificate {
    /// More than [`MAXIMUM_BYTES`].
    #[error("is longer than 128 KiB, which no certificate needs")]
    TooLong,
    /// Not one X.509 certificate in strict DER, or beyond the bounds of its reader.
    #[error("is no certificate that is read here: it {0}")]
    Der(#[from] InvalidDer),
}

/// What the keys of an issuer say about a certificate.
#[derive(Debug, Clone, Serialize)]
pub struct SignatureReport {
    /// The signature of the certificate itself, over the whole `TBSCertificate`.
    pub classical: Half,
    /// The alternative signature (X.509 of 10/2019, section 9.8).
    pub alternative: Half,
    /// What both together are worth.
    pub assurance: ReportedAssurance,
    /// Whether the certificate names this issuer.
    pub issuer_match: IssuerMatch,
}

/// One of the two signatures.
#[derive(Debug, Clone, Serialize)]
pub struct Half {
    /// Whether it holds.
    pub result: HalfResult,
    /// The algorithm that the certificate names; none without a signature.
    pub algorithm: Option<String>,
    /// Why it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<HalfFault>,
}

/// Whether a signature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HalfResult {
    /// It does, with the issuer's key.
    Verified,
    /// It does not, or there is nothing that it could hold for.
    Failed,
    /// There is none.
    Absent,
    /// Nobody can say here: the algorithm or the size of the key is not known.
    Unsupported,
}

/// Why a half is not verified. One variant for each rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HalfFault {
    /// The signature is by another key, or over other bytes.
    #[error("the signature does not hold for this issuer's key")]
    Signature,
    /// The two places that name the algorithm differ (RFC 5280, section 4.1.1.2).
    #[error("the certificate names two different signature algorithms")]
    AlgorithmsDiffer,
    /// The issuer's key is of another kind than the signature.
    #[error("the issuer's key is of another algorithm than the signature")]
    OtherKey,
    /// The algorithm of the signature is not known here.
    #[error("this signature algorithm is not supported")]
    Algorithm,
    /// The native signature is a post-quantum one.
    #[error("the certificate has a post-quantum signature in the place of a classical one")]
    NotClassical,
    /// The issuer's key cannot be used.
    #[error("the issuer's key is not supported: it {0}")]
    Key(String),
    /// 72, 73 or 74 stands twice, so that two readers may see different ones.
    #[error("an extension of the alternative signature (2.5.29.72 to 74) stands twice")]
    Duplicate,
    /// 73 without 74.
    #[error(
        "extension 2.5.29.74 is missing: the alternative signature was never made, or stripped"
    )]
    ValueMissing,
    /// 74 without 73.
    #[error("extension 2.5.29.73 is missing: nothing names the algorithm of 2.5.29.74")]
    AlgorithmMissing,
    /// 73 or 74 is not what it should be.
    #[error("extension 2.5.29.73 or 2.5.29.74 is not in the form of the standard")]
    Form,
    /// Nobody gave the issuer's alternative key.
    #[error(
        "the issuer's alternative key is not known: its certificate has no extension 2.5.29.72; give the key"
    )]
    KeyMissing,
}

/// What both halves are worth together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedAssurance {
    /// The classical half does not hold, or an alternative half is there and does not hold.
    None,
    /// The classical half holds and there is no alternative one.
    Classical,
    /// Both hold. With an ML-DSA key of the certificate's own it is up to the TLS handshake whether
    /// a peer is `hybridProven`: a file proves no possession.
    Hybrid,
}

/// Whether a certificate names an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IssuerMatch {
    /// Whether the issuer's name equals the issuer's subject.
    pub name: bool,
    /// Whether the authority key identifier equals the issuer's subject key identifier; none where
    /// one of them is not given.
    pub key_identifier: Option<bool>,
    /// Whether the issuer's certificate is one of an authority (`cA` is true).
    pub authority: bool,
}

/// The longest certificate, in bytes of DER: more than four of the largest signatures and keys.
pub const MAXIMUM_BYTES: usize = 128 * 1024;

// === impl Certificate ===

impl<'a> Certificate<'a> {
    /// Takes a certificate apart.
    ///
    /// # Errors
    ///
    /// [`InvalidCertificate`] for anything but one certificate in strict DER.
    pub fn parse(der: &'a [u8]) -> Result<Self, InvalidCertificate> {
        if der.len() > MAXIMUM_BYTES {
            return Err(InvalidCertificate::TooLong);
        }
        let parts = Parts::parse_any_version(der)?;
        let meaning = match X509Certificate::from_der(der) {
            Ok((_, meaning)) => Some(meaning),
            Err(_) => None,
        };
        Ok(Self {
            der,
            parts,
            meaning,
        })
    }

    /// Whether issuer and subject have the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.parts.issuer == self.parts.subject
    }

    /// How a certificate names this one as its issuer.
    #[must_use]
    pub fn match_issuer(&self, issuer: &Certificate<'_>) -> IssuerMatch {
        let key_identifier = match (self.parts.authority_key_id(), issuer.parts.subject_key_id()) {
            (Ok(Some(given)), Ok(Some(own))) => Some(given == own),
            (_, _) => None,
        };
        IssuerMatch {
            name: self.parts.issuer == issuer.parts.subject,
            key_identifier,
            authority: issuer.is_authority(),
        }
    }

    /// The `SubjectPublicKeyInfo` of its key.
    #[must_use]
    pub const fn public_key(&self) -> &'a [u8] {
        self.parts.public_key
    }

    /// The `SubjectPublicKeyInfo` of its alternative key (extension 72), where it has one.
    #[must_use]
    pub fn alternative_public_key(&self) -> Option<&'a [u8]> {
        self.parts
            .extension(ALTERNATIVE_PUBLIC_KEY)
            .map(|extension| extension.value)
    }

    /// Judges both signatures. The issuer's alternative key (a `SubjectPublicKeyInfo`) is the given
    /// one, else the one of its extension 72.
    #[must_use]
    pub fn verify(
        &self,
        issuer: &Certificate<'_>,
        alternative_key: Option<&[u8]>,
    ) -> SignatureReport {
        let classical = self.judge_classical(issuer);
        let alternative = self.judge_alternative(issuer, alternative_key);
        SignatureReport {
            assurance: ReportedAssurance::of(classical.result, alternative.result),
            classical,
            alternative,
            issuer_match: self.match_issuer(issuer),
        }
    }

    fn judge_classical(&self, issuer: &Certificate<'_>) -> Half {
        let identifier = self.parts.signature_algorithm;
        let algorithm = names::signature(identifier);
        if self.parts.inner_algorithm != identifier {
            return Half::failed(algorithm, HalfFault::AlgorithmsDiffer);
        }
        let Some(scheme) = Scheme::from_algorithm_identifier(identifier) else {
            let fault = match identified(identifier) {
                Some(_) => HalfFault::NotClassical,
                None => HalfFault::Algorithm,
            };
            return Half::unsupported(algorithm, fault);
        };
        if KeyFamily::of(issuer.parts.public_key).is_some_and(|family| family != scheme.family()) {
            return Half::failed(algorithm, HalfFault::OtherKey);
        }
        let key = match PublicKey::from_spki(issuer.parts.public_key) {
            Ok(PublicKey {
                kind: KeyKind::Classical(key),
                ..
            }) => key,
            Ok(_) => return Half::failed(algorithm, HalfFault::OtherKey),
            Err(cause) => {
                return Half::unsupported(algorithm, HalfFault::Key(cause.to_string()));
            }
        };
        match scheme.verify(&key, self.parts.tbs, self.parts.signature) {
            Ok(()) => Half::verified(algorithm),
            Err(SchemeFault::Key) => Half::failed(algorithm, HalfFault::OtherKey),
            Err(SchemeFault::Signature) => Half::failed(algorithm, HalfFault::Signature),
        }
    }

    fn judge_alternative(&self, issuer: &Certificate<'_>, given: Option<&[u8]>) -> Half {
        let named = self.parts.extension(ALTERNATIVE_ALGORITHM);
        let algorithm = named.map(|extension| names::signature(extension.value));
        let value = self.parts.extension(ALTERNATIVE_SIGNATURE);
        let (algorithm, identifier, value) = match (algorithm, named, value) {
            (None, _, None) | (_, None, None) => return Half::absent(),
            (Some(algorithm), Some(named), Some(value)) => (algorithm, named.value, value.value),
            (algorithm, _, None) => return Half::broken(algorithm, HalfFault::ValueMissing),
            (_, _, Some(_)) => return Half::broken(None, HalfFault::AlgorithmMissing),
        };
        let is_doubled = |id| self.parts.count(id) > 1;
        if is_doubled(ALTERNATIVE_ALGORITHM)
            || is_doubled(ALTERNATIVE_SIGNATURE)
            || (given.is_none() && issuer.parts.count(ALTERNATIVE_PUBLIC_KEY) > 1)
        {
            return Half::failed(algorithm, HalfFault::Duplicate);
        }
        let signature = der::single(value, der::BIT_STRING).and_then(der::whole_bytes);
        let (Ok(signature), Some(_)) = (signature, names::object_identifier(identifier)) else {
            return Half::failed(algorithm, HalfFault::Form);
        };
        let Some(wanted) = identified(identifier) else {
            return Half::unsupported(algorithm, HalfFault::Algorithm);
        };
        let Some(spki) = given.or_else(|| issuer.alternative_public_key()) else {
            return Half::failed(algorithm, HalfFault::KeyMissing);
        };
        let key = match crate::alternative::AlternativeKey::from_spki(spki, wanted) {
            Ok(key) => key,
            Err(crate::InvalidAlternativeKey::Algorithm) => {
                return Half::failed(algorithm, HalfFault::OtherKey);
            }
            Err(cause) => return Half::failed(algorithm, HalfFault::Key(cause.to_string())),
        };
        match key.verify(&self.parts.pre_tbs(), signature) {
            Ok(()) => Half::verified(algorithm),
            Err(_) => Half::failed(algorithm, HalfFault::Signature),
        }
    }

    fn is_authority(&self) -> bool {
        match &self.meaning {
            Some(meaning) => match meaning.basic_constraints() {
                Ok(Some(constraints)) => constraints.value.ca,
                Ok(None) | Err(_) => false,
            },
            None => self
                .parts
                .extension(BASIC_CONSTRAINTS)
                .is_some_and(|extension| says_authority(extension.value)),
        }
    }
}

/// Whether `cA` of basic constraints (RFC 5280, section 4.2.1.9) is true.
fn says_authority(value: &[u8]) -> bool {
    let first = der::single(value, der::SEQUENCE)
        .and_then(|constraints| der::Reader::new(constraints.contents).optional(der::BOOLEAN));
    matches!(
        first,
        Ok(Some(der::Element {
            contents: [0xff],
            ..
        }))
    )
}

// === impl Half ===

impl Half {
    /// Whether there is a signature and it is not known to hold.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self.result, HalfResult::Failed | HalfResult::Unsupported)
    }

    const fn absent() -> Self {
        Self {
            result: HalfResult::Absent,
            algorithm: None,
            fault: None,
        }
    }

    const fn verified(algorithm: String) -> Self {
        Self {
            result: HalfResult::Verified,
            algorithm: Some(algorithm),
            fault: None,
        }
    }

    const fn unsupported(algorithm: String, fault: HalfFault) -> Self {
        Self {
            result: HalfResult::Unsupported,
            algorithm: Some(algorithm),
            fault: Some(fault),
        }
    }

    const fn failed(algorithm: String, fault: HalfFault) -> Self {
        Self::broken(Some(algorithm), fault)
    }

    const fn broken(algorithm: Option<String>, fault: HalfFault) -> Self {
        Self {
            result: HalfResult::Failed,
            algorithm,
            fault: Some(fault),
        }
    }
}

// === impl HalfResult ===

impl HalfResult {
    /// As in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Failed => "failed",
            Self::Absent => "absent",
            Self::Unsupported => "unsupported",
        }
    }
}

// === impl HalfFault ===

impl Serialize for HalfFault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// === impl ReportedAssurance ===

impl ReportedAssurance {
    /// An alternative half that is there and does not hold is no lesser assurance, but none.
    const fn of(classical: HalfResult, alternative: HalfResult) -> Self {
        match (classical, alternative) {
            (HalfResult::Verified, HalfResult::Verified) => Self::Hybrid,
            (HalfResult::Verified, HalfResult::Absent) => Self::Classical,
            (HalfResult::Verified, HalfResult::Failed | HalfResult::Unsupported)
            | (HalfResult::Failed | HalfResult::Absent | HalfResult::Unsupported, _) => Self::None,
        }
    }

    /// As in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Classical => "classical",
            Self::Hybrid => "hybrid",
        }
    }
}
