//! What no longer counts before its time.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::present;

/// A credential, or a kind of credentials, that no longer counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Revocation {
    /// The certificate with this serial number.
    Serial(RevokedSerial),
    /// The certificate with this SHA-256 of its DER, in hexadecimal digits. A second encoding of the
    /// same ECDSA signature has another digest: prefer `serial` or `key` there.
    Certificate(String),
    /// Every credential for this key: the certificate's own, its alternative key or that of a
    /// workload identity token. SHA-256 of the `SubjectPublicKeyInfo` (DER), in hexadecimal digits.
    Key(String),
    /// Every credential of this SPIFFE ID.
    Identity(String),
    /// The token with this `jti`.
    Token(RevokedToken),
}

/// A certificate, by its authority and serial number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokedSerial {
    /// Name of the authority under `authorities.certificates`.
    pub authority: String,
    /// The serial number in hexadecimal digits, with colons or without.
    pub number: String,
}

/// A token, by its authority and `jti`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokedToken {
    /// Name of the authority under `authorities.tokens`.
    pub authority: String,
    /// The exact `jti`.
    pub jti: String,
}

/// A time before which the credentials of an identity or of an authority must not have been issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotBeforeFloor {
    /// The SPIFFE ID, for credentials of one identity. Either this or `authority`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub identity: Option<String>,
    /// The name of a pinned authority, for all of its credentials. Either this or `identity`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub authority: Option<String>,
    /// The time (RFC 3339): a certificate's `notBefore` and a token's `iat` must not be earlier.
    /// Authorities that date certificates back, as Istio's by two minutes, need that long to issue
    /// one that is accepted.
    pub not_before: String,
}
