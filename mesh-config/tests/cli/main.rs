//! The `sallyport` command as it is run: exit codes, what is said where, and files on disk.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests"
)]

mod artifacts;
mod authority;
mod bundle;
mod check;
#[path = "../shared/commands.rs"]
mod commands;
mod cred;
mod diff;
mod explain;
mod failure;
mod fmt;
mod grants;
mod guides;
mod import;
mod istio;
mod mesh;
mod module;
mod provenance;
mod render;
mod report;
mod rollback;
mod signer;
mod simulate;
mod status;
mod support;
mod test;
mod usage;
mod verify;
mod verify_ours;
