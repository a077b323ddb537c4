//! Sallyport in Envoy: a proxy-wasm HTTP filter.
//!
//! Bytes of the host become facts (`connection`, `gather`), the engine decides, and its effects go
//! back to the host (`stream`). [`host`] is the only module that calls the host; everything else
//! works on the [`host::Host`] trait, so tests run the same code on a fake one.
//!
//! Nothing here panics, whatever the host or a peer sends: a panic ends the worker's VM.

mod certificate;
mod configuration;
mod connection;
#[cfg(target_os = "wasi")]
mod entry;
pub mod host;
mod journal;
mod metrics;
mod ongoing;
pub mod plugin;
mod request;
mod sharing;
mod successor;
mod token;
mod verification;
mod worker;
