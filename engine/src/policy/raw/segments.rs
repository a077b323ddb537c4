//! Microsegments.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{TrustNumbers, present};

/// A microsegment: the workloads that share one place in the flow map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Segment {
    /// Name of the segment: a DNS label.
    pub name: String,
    /// Trust domains of its workloads. Required where the policy knows more than one.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub trust_domains: Option<Vec<String>>,
    /// Kubernetes namespaces of its workloads. At least one.
    pub namespaces: Vec<String>,
    /// Service accounts of its workloads. Absent: each one in the namespaces.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub service_accounts: Option<Vec<String>>,
    /// On whose behalf its workloads call. Default: `workload`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub callers: Option<Callers>,
    /// Numbers of the trust score for callers of this segment, where they differ from
    /// `spec.trust.defaults`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub trust: Option<TrustNumbers>,
}

/// On whose behalf the workloads of a segment call others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Callers {
    /// On their own: what they ask for is evidence about them.
    Workload,
    /// For many others, as a gateway does: refused requests are no evidence against it, since any of
    /// its users could cause them.
    Aggregator,
}
