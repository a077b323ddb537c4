//! The policy.
pub mod raw;
/// What happens to a request that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// It is refused.
    Enforce,
    /// It passes, and is reported as a would-deny.
    Shadow,
}
