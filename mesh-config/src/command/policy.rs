//! A policy as sidecars get it: the file, and what meshConfig adds to it.

use std::path::Path;

use sallyport_mesh_config::mesh;
use sallyport_mesh_config::policy_file::{self, LoadedPolicy};

use super::failure::Failure;

/// Reads a policy, and puts `postQuantumAuth` of a file with meshConfig into it.
pub(super) fn load(path: &Path, mesh: Option<&Path>) -> Result<LoadedPolicy, Failure> {
    let loaded = policy_file::load(path)?;
    let Some(mesh) = mesh else {
        return Ok(loaded);
    };
    let settings = mesh::load(mesh).map_err(Failure::files)?;
    settings.apply(loaded).map_err(Failure::files)
}
