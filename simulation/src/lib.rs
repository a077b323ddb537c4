//! Traces of requests, replayed through the engine.
//!
//! A trace is NDJSON, one request a line ([`trace`]). [`replay`] asks the engine about each request
//! in turn, as a sidecar would, and keeps account of each peer ([`account`]). [`generate`] makes
//! labelled traces of a mesh and of attacks on it from a seed, with the same bytes on each machine:
//! floating point numbers come from `libm` only, and none reaches the engine.

pub mod account;
pub mod generate;
pub mod random;
pub mod replay;
pub mod trace;
