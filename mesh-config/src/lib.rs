//! Policy files, and what is made of them outside a sidecar.
//!
//! [`policy_file`] reads a `MeshTrustPolicy` with the same types, compiler and authorities as the
//! filter, and reports every error at once. [`mod@import`] makes one of Istio's AuthorizationPolicies, [`explain`] asks the engine about one request,
//! [`render`] writes the configuration of a proxy, [`mod@reference`] writes the generated documents.
//! [`artifacts`], [`bundle`] and [`module`] are the documents that [`signing`] signs and verifies.
//! The `sallyport` command is a thin layer above these modules.

pub mod artifacts;
pub mod bounded;
pub mod bundle;
pub mod clock;
pub mod diff;
pub mod explain;
pub mod finding;
pub mod format;
pub mod grants;
pub mod import;
pub mod lint;
pub mod manifests;
pub mod mesh;
pub mod module;
pub mod policy_file;
pub mod recorded;
pub mod reference;
pub mod render;
pub mod report;
pub mod sample;
pub mod sarif;
pub mod schema;
pub mod signing;
pub mod status;
pub mod workloads;
mod yaml;
