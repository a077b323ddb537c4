//! Scenarios on a real Istio mesh.
//!
//! A [`Cluster`] is a mesh with the workloads of [`layout`] in it: of network namespaces
//! ([`netns`]), or any other. Whatever a scenario does, it does by [`Cluster::exec`] in a pod or by
//! applying manifests, so [`scenarios`] do not depend on how a mesh came up.

mod caller;
mod cluster;
pub mod deployment;
mod error;
pub mod layout;
pub mod netns;
mod program;
mod report;
mod runbook;
pub mod scenarios;

pub use caller::{Caller, Probe};
pub use cluster::{Cluster, Running};
pub use error::MeshError;
pub use program::Program;
pub use report::{Notes, Report};
