//! An emergency, in which nothing is refused.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::present;

/// An emergency: until it ends, all is as in shadow. It ends by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BreakGlass {
    /// When it ends (RFC 3339), at most 7 days ahead. A proxy whose clock is further away than that
    /// enforces.
    pub until: String,
    /// Why. It stands in each record.
    pub reason: String,
    /// The called segments that it is for. Absent: all, and connections that are of none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub segments: Option<Vec<String>>,
}
