//! Configuration of proxies, written from a valid policy.
//!
//! Output is deterministic: the same policy gives the same bytes.

pub mod envoy;
pub mod fields;
pub mod istio;
mod plugin;
pub mod slice;

pub use plugin::{FailStrategy, InvalidRendering, plugin_config, slice_config};
