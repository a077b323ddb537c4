//! The filter on a fake host: the same code as in Envoy, but for the host calls themselves.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall panic"
)]

mod artifacts;
mod budget;
mod configuration;
mod costs;
mod exports;
mod grants;
mod mesh;
mod proofs;
mod requests;
mod sharing;
mod shown;
mod streams;
mod support;

#[global_allocator]
static ALLOCATOR: costs::Counting = costs::Counting;
