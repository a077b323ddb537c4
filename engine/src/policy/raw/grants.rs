//! Just-in-time access.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Operation;

/// Access for a while: it counts where no flow covers the request, from `notBefore` until before
/// `notAfter` by the clock of the proxy. It asks for what the policy asks for, and for what each flow
/// between the same segments asks for, and can ask for no less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grant {
    /// Name of the grant: a DNS label that no flow has. Records and replies name it.
    pub name: String,
    /// Segments that may call. At least one.
    pub from: Vec<String>,
    /// The segment that is called.
    pub to: String,
    /// When it begins (RFC 3339), to the second.
    pub not_before: String,
    /// When it ends (RFC 3339), to the second: at most 7 days after `notBefore`.
    pub not_after: String,
    /// Why. It stands in each record that names the grant.
    pub reason: String,
    /// Who allowed it. It stands in each record that names the grant.
    pub approved_by: String,
    /// What the callers may do. At least one.
    pub operations: Vec<Operation>,
}
