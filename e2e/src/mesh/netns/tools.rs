//! Where an operator's programs are on the node of a mesh, and what they need.

use std::path::{Path, PathBuf};

use super::host;
use crate::HarnessError;

/// The folder of `kubectl` and `istioctl`.
pub(crate) const FOLDER: &str = host::TOOLS;

/// The folder of our own programs.
pub(crate) fn own() -> Result<PathBuf, HarnessError> {
    let path = Path::new("istio");
    let own = std::env::current_exe().map_err(|cause| HarnessError::file(path, cause))?;
    Ok(own.parent().unwrap_or(path).to_owned())
}

/// The environment of `kubectl` and `istioctl`.
pub(crate) fn environment() -> [(&'static str, String); 2] {
    let config = format!("{}/api/kubeconfig", host::FOLDER);
    // kubectl keeps what it discovered under its home.
    [("KUBECONFIG", config), ("HOME", host::FOLDER.to_owned())]
}
