//! The trust score as a whole, through the functions that a filter calls: the properties that it
//! promises, and attacks with the time that it takes to answer them.
#![cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall panic"
)]

mod attacks;
mod mesh;
mod properties;
