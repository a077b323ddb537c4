//! The decision of Sallyport.
//!
//! Facts in, verdict out: this crate reads nothing from a host, has no clock, no randomness, no
//! globals and no floating point numbers, so the same inputs give the same verdict in a sidecar, in
//! the `sallyport` command and in tests. ARCHITECTURE.md shows where it stands.
#![no_std]

extern crate alloc;

pub mod facts;
pub mod identity;
pub mod names;
pub mod policy;
pub mod time;
