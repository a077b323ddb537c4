//! The plugin configuration: how a policy travels to a sidecar.
//!
//! The policy is one JSON string with its hash, since a control plane that re-serialises a
//! structure may change the order of keys and the type of values.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::Mode;

/// The slice version that this build writes. It reads this one only.
pub const SLICE_VERSION: u32 = 1;

/// The configuration of the filter, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginConfig {
    /// Version of this format: [`SLICE_VERSION`].
    pub slice_version: u32,
    /// The policy's mode, read before anything else: with `shadow` an invalid policy lets traffic
    /// pass (counted and logged), with `enforce` it denies.
    pub mode: Mode,
    /// The policy document as canonical JSON, with every file written in.
    pub policy: String,
    /// SHA-256 of `policy`, in lower-case hexadecimal.
    pub sha256: String,
}

/// The mode of a configuration whose rest may not be readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ModeOnly {
    /// See [`PluginConfig::mode`].
    pub mode: Mode,
}
