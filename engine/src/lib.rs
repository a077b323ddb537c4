//! The decision of Sallyport.
//!
//! Facts in, verdict out: this crate reads nothing from a host, has no clock, no randomness, no
//! globals and no floating point numbers, so the same inputs give the same verdict in a sidecar, in
//! the `sallyport` command and in tests. ARCHITECTURE.md shows where it stands.
#![no_std]

extern crate alloc;

pub mod access_log;
pub mod artifact;
pub mod decide;
pub mod effect;
pub mod facts;
#[cfg(test)]
mod fixtures;
pub mod headers;
pub mod hexadecimal;
pub mod identity;
pub mod metric;
pub mod names;
pub mod policy;
pub mod reason;
pub mod record;
pub mod replay;
pub mod session;
pub mod text;
pub mod time;
pub mod trust;
pub mod verdict;

pub use decide::decide;
