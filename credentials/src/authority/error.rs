//! What can be wrong with a pinned authority.

use sallyport_engine::identity::InvalidTrustDomain;

use crate::alternative::InvalidAlternativeKey;
use crate::classical::InvalidClassicalKey;
use crate::der::InvalidDer;
use crate::pem::InvalidPem;

/// An entry below `spec.authorities` that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {cause}")]
pub struct InvalidAuthority {
    /// Where it stands, as in `spec.authorities.certificates[0].caCertificate`.
    pub path: String,
    /// What is wrong.
    pub cause: InvalidAuthorityCause,
}

/// What is wrong with an entry. One variant for each rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAuthorityCause {
    /// Not a DNS label (RFC 1123, section 2.1).
    #[error("is no DNS label; use 1 to 63 lower case letters, digits and inner `-`")]
    Name,
    /// Another entry has the name.
    #[error("is the name of `{first}` as well; name each authority differently")]
    NameTaken {
        /// Path of the first entry with it.
        first: String,
    },
    /// Not a trust domain.
    #[error("is no trust domain: it {0}")]
    TrustDomain(#[from] InvalidTrustDomain),
    /// A file that the command line should have read.
    #[error("still names a file; let `sallyport render` put its text in place")]
    NotInlined,
    /// Not one PEM document.
    #[error("{0}")]
    Pem(#[from] InvalidPem),
    /// The certificate is not that of an authority.
    #[error("is no usable authority certificate: it {0}")]
    CaCertificate(#[from] InvalidCaCertificate),
    /// The certificate's own key, or the classical key of a token authority.
    #[error("holds a key that cannot be pinned: it {0}")]
    ClassicalKey(#[from] InvalidClassicalKey),
    /// The post-quantum key.
    #[error("holds a key that cannot be pinned: it {0}")]
    AlternativeKey(#[from] InvalidAlternativeKey),
    /// Not a time (RFC 3339, section 5.6) after 1970.
    #[error("is no time; write it as in `2026-12-01T00:00:00Z`")]
    Time,
    /// `alternativeRequiredFrom` for an authority that has no ML-DSA key.
    #[error("asks for a signature that no pinned key can verify; pin `alternativeKey` as well")]
    RequiredWithoutKey,
    /// The certificate carries an ML-DSA key that the policy does not pin.
    #[error("carries an alternative key; pin it with `alternativeKey`, or the policy ignores it")]
    AlternativeKeyUnpinned,
    /// The certificate carries another alternative key than the pinned one.
    #[error("is not the alternative key in the authority's own certificate; pin that one")]
    AlternativeKeyMismatch,
    /// Another entry, or another role, has the same public key.
    #[error("is the key of `{first}` as well; use each key for one purpose")]
    KeyTaken {
        /// Path of the first entry with it.
        first: String,
    },
    /// Another certificate authority has the same subject name and key identifier.
    #[error("has the name and key identifier of `{first}` as well; remove one of them")]
    SubjectTaken {
        /// Path of the first entry with them.
        first: String,
    },
    /// Not 1 to 128 visible ASCII characters.
    #[error("is no key id; use 1 to 128 visible ASCII characters")]
    KeyId,
    /// Another key of a token authority has the same id.
    #[error("is the id of `{first}` as well; give each key its own")]
    KeyIdTaken {
        /// Path of the first entry with it.
        first: String,
    },
    /// Empty, or longer than 2048 bytes.
    #[error("has no text, or more than 2048 bytes of it; write the claim as the tokens have it")]
    Claim,
    /// Another token authority has the same issuer.
    #[error("is the issuer of `{first}` as well; a token must lead to one authority")]
    IssuerTaken {
        /// Path of the first entry with it.
        first: String,
    },
    /// Not between a second and a day.
    #[error("is no lifetime of a token; use 1 to 86400 seconds")]
    Lifetime,
}

/// Why a certificate is not that of an authority. One variant for each rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCaCertificate {
    /// Not one X.509 v3 certificate in strict DER.
    #[error("{0}")]
    Der(#[from] InvalidDer),
    /// A field has no meaning.
    #[error("has a field that cannot be read")]
    Meaning,
    /// An extension stands twice (RFC 5280, section 4.2).
    #[error("has an extension twice")]
    DuplicateExtension,
    /// A critical extension that nothing here acts upon.
    #[error("has a critical extension that is not known here")]
    CriticalExtension,
    /// `cA` is absent or false (RFC 5280, section 4.2.1.9).
    #[error("is not that of an authority: `cA` is not true")]
    NotAuthority,
    /// `keyCertSign` is absent (RFC 5280, section 4.2.1.3).
    #[error("may not sign certificates: `keyCertSign` is not set")]
    KeyUsage,
    /// No subject key identifier (RFC 5280, section 4.2.1.2).
    #[error("has no subject key identifier; issue it again with one")]
    KeyIdentifierMissing,
}
