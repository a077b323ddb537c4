//! The numbers of the trust score.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::present;

/// The trust score.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trust {
    /// Numbers for callers of all segments that do not say otherwise.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub defaults: Option<TrustNumbers>,
    /// When isolations look like a mistake rather than an attack.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub fleet_guard: Option<FleetGuard>,
    /// Names of attested certificate authorities: a certificate that one of them issued after
    /// another certificate of the same identity was isolated starts trusted, not restricted. Whoever
    /// steals a workload can fetch such certificates too, unless the authority attests what it
    /// issues to. Absent: none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub fresh_start_authorities: Option<Vec<String>>,
}

/// Numbers of the trust score, in milli-nats. What is absent keeps its value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustNumbers {
    /// Log-odds that a caller is compromised, before anything is known of it: -9000 to 0. Default:
    /// -4600.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub prior: Option<i32>,
    /// What one event of a family weighs. Default: denial 2000, novelty 500, credential 4500, rate
    /// 4000, volume 4000, error 200.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub weights: Option<Families>,
    /// The most that a family amounts to. Default: denial 20000, novelty 8000, credential 20000,
    /// rate 11000, volume 11000, error 6000.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub caps: Option<Families>,
    /// When a caller is restricted. Default: from 10000 on, until below 7000, for at least 120
    /// seconds.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub restricted: Option<TrustThreshold>,
    /// When a caller is isolated. Default: from 16000 on, until below 12000, for at least 300
    /// seconds.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub isolated: Option<TrustThreshold>,
    /// Requests that a restricted caller has in a minute, at each worker of a proxy. Default: 60.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub restricted_requests_per_minute: Option<u16>,
}

/// A number for each family of evidence, in milli-nats.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Families {
    /// Refused requests, by distinct target.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub denial: Option<u32>,
    /// First uses of an operation, and refused targets.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub novelty: Option<u32>,
    /// Credentials that do not hold.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub credential: Option<u32>,
    /// Eight seconds with far more requests than usual.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub rate: Option<u32>,
    /// Eight seconds with far more bytes than usual.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub volume: Option<u32>,
    /// An answer 401, 403 or 404 of the application.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub error: Option<u32>,
}

/// When a state is entered and left.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustThreshold {
    /// Entered at this much evidence, in milli-nats.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub enter: Option<u32>,
    /// Left below this much, in milli-nats.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub exit: Option<u32>,
    /// Not left before this many seconds have passed: 1 to 28800.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub dwell_seconds: Option<u32>,
}

/// When isolations look like a mistake: then isolated peers are restricted instead, for ten
/// minutes, and not again within the hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FleetGuard {
    /// At least so many callers of one workload are isolated within a minute. At least 2. Default: 5.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub minimum_peers: Option<u16>,
    /// They are more than this share of the callers seen of late, in percent: 1 to 100. Default: 20.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub share_percent: Option<u8>,
}
