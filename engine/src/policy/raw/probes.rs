//! Requests of health probes.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// The exact request of a health probe, and where it may come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Probe {
    /// HTTP method, usually `GET`.
    pub method: String,
    /// The exact path, without a query.
    pub path: String,
    /// The port of the probed workload.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65535)))]
    pub port: u16,
    /// Source addresses (CIDR) that may probe. At least one.
    pub ip_blocks: Vec<String>,
}
