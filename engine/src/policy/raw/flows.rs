//! Flows between segments, and their operations.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{RequiredAssurance, Requirements, present};
use crate::policy::Mode;

/// An allowed flow: who may do what to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flow {
    /// Name of the flow: a DNS label. Denials name it.
    pub name: String,
    /// Segments that may call. At least one.
    pub from: Vec<String>,
    /// The segment that is called.
    pub to: String,
    /// Overrides the policy's mode for requests of this flow.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub mode: Option<Mode>,
    /// Overrides the policy's least assurance.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub minimum_assurance: Option<RequiredAssurance>,
    /// Overrides the policy's least trust score, 0 to 99.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 99)))]
    pub minimum_trust: Option<u8>,
    /// Above this uncertainty, 0 to 100, a caller may do here only what a restricted one may. A
    /// caller has 100 at first, and 0 after ten minutes and a hundred requests. It is counted anew
    /// with each configuration. Default: 100.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub maximum_uncertainty: Option<u8>,
    /// Whether open streams of this flow (server-sent events, gRPC, WebSocket) are ended once their
    /// caller is isolated or quarantined, its credential is expired or revoked, or a manifest that
    /// the flow requires has ended. Otherwise a stream that is open stays open. Default: false.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub recheck_streams: Option<bool>,
    /// What the caller's hybrid token must say of its model or image; a certificate alone says
    /// nothing of them. Absent: nothing is asked.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub requires: Option<Requirements>,
    /// What the callers may do. At least one.
    pub operations: Vec<Operation>,
}

/// A set of requests: one of the methods, on one of the paths, at one of the ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// HTTP methods, or `["*"]` for any.
    pub methods: Vec<String>,
    /// Path templates: `{name}` is one segment, `{**}` at the end is the rest.
    pub paths: Vec<String>,
    /// Ports of the called workload. Absent: any.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schemars(inner(range(min = 1, max = 65535))))]
    pub ports: Option<Vec<u16>>,
    /// Whether restricted callers may do it. Absent: `GET` and `HEAD` without an upgrade only. Where
    /// operations of a flow cover the same request, the first one counts.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub when_restricted: Option<WhenRestricted>,
}

/// Whether a restricted caller may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum WhenRestricted {
    /// It may, at the capped rate.
    Allow,
    /// It may not.
    Deny,
}
