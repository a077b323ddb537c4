//! The `sallyport` command as it is run: exit codes, what is said where, and files on disk.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests"
)]

mod authority;
mod check;
mod cred;
mod diff;
mod explain;
mod failure;
mod fmt;
mod import;
mod istio;
mod mesh;
mod render;
mod report;
mod simulate;
mod status;
mod support;
mod test;
mod usage;
mod verify;
mod verify_ours;
