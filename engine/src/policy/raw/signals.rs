//! What others know of callers.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::present;

/// What somebody else knows of callers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signal {
    /// Name of the signal: a DNS label.
    pub name: String,
    /// Who says so, for example the scanner or the alerting system.
    pub source: String,
    /// Why.
    pub reason: String,
    /// Who wrote the signal into the policy.
    pub author: String,
    /// When it was issued (RFC 3339).
    pub issued: String,
    /// When it ends (RFC 3339).
    pub expires: String,
    /// About whom.
    pub about: SignalSubject,
    /// What follows.
    pub effect: SignalEffect,
    /// With `weigh`: how much, in milli-nats, 1 to 20000. All signals about a caller weigh at most
    /// 20000 together.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub milli_nats: Option<u32>,
}

/// Whom a signal is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum SignalSubject {
    /// The caller with this certificate: SHA-256 of its DER, in hexadecimal digits.
    Certificate(String),
    /// The callers with this SPIFFE ID.
    Identity(String),
    /// The callers of this segment.
    Segment(String),
    /// The callers whose token says that they run this model: `sha256:` and 64 lower-case hexadecimal
    /// digits. `effect: quarantine` only.
    ModelDigest(String),
    /// The same of a container image.
    ImageDigest(String),
}

/// What follows from a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum SignalEffect {
    /// The callers are denied everything, at once.
    Quarantine,
    /// It weighs `milliNats` against them.
    Weigh,
    /// Callers that were restricted or isolated before `issued` are released.
    Release,
}
