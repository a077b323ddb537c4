//! Scenarios on a real Istio mesh.
//!
//! A [`Cluster`] is a mesh with the workloads of [`layout`] in it: of network namespaces
//! ([`netns`]), or any other. Whatever a scenario does, it does by [`Cluster::exec`] in a pod or by
//! applying manifests, so [`scenarios`] do not depend on how a mesh came up.

mod authorities;
mod boxed;
mod caller;
mod cluster;
pub mod deployment;
mod error;
pub mod kind;
pub mod layout;
pub mod netns;
mod objects;
mod profile;
mod program;
mod report;
mod runbook;
pub mod scenarios;
mod settings;
mod statistics;
mod wait;

pub use authorities::{Authorities, Issued};
pub use caller::{Caller, Probe};
pub use cluster::{Cluster, Running};
pub use error::MeshError;
pub use profile::Profile;
pub use program::Program;
pub use report::{Notes, Report};
pub use statistics::{Spread, pace};
pub(crate) use wait::until;
