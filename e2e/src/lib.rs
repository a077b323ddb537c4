//! The scenario corpus of Sallyport and what plays it: the decision natively, and the shipped
//! module in a real Envoy over real mutual TLS.
//!
//! A [`scenario`] is a file: who calls whom with which credentials, step by step, and what must come
//! of it. [`play`] runs it on a [`drivers::Driver`]; all drivers must come to the same answers.
//! [`demo`] shows the main ones to people.

pub mod app;
pub mod demo;
pub mod drivers;
pub mod envoy;
mod error;
pub mod exceptions;
pub mod mesh;
pub mod observed;
pub mod play;
pub mod scenario;
pub mod settings;
pub mod signals;
pub mod upstream;
pub mod wire;
pub mod world;

pub use error::HarnessError;
