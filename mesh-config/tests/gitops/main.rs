//! The example of a policy repository: its workflows are run, step by step, on real git repositories,
//! and what Argo CD and Flux are given fits to what they bring about.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests"
)]

mod changes;
#[path = "../shared/commands.rs"]
mod commands;
mod delivery;
mod guide;
mod place;
mod rollback;
mod runner;
mod workflows;
