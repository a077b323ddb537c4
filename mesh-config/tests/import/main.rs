//! `sallyport import` against a model of Istio's documented meaning: the imported policy never allows
//! what Istio denies, and denies more only where a finding says so.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "helpers of tests"
)]

mod cases;
mod compare;
mod model;
mod property;
