//! What travels to the filter itself, whichever resource carries it.

use sallyport_engine::hexadecimal;
use sallyport_engine::policy::Mode;
use sallyport_engine::policy::raw::PolicyDocument;
use sallyport_engine::policy::slice::{PluginConfig, SLICE_VERSION};

use super::slice::Slice;
use crate::policy_file::LoadedPolicy;

/// What a proxy does with requests when the filter itself fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailStrategy {
    /// Refuse, and load the filter anew (Envoy 1.33 and newer).
    Reload,
    /// Let pass unchecked.
    Open,
    /// Refuse until the proxy is restarted.
    Closed,
}

/// Why a policy cannot be rendered as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRendering {
    /// Failing open would undo a policy that refuses requests.
    #[error(
        "fail strategy `open` lets everything pass when the filter fails, and this policy enforces: use `reload`, or set the policy and its flows to `mode: shadow`"
    )]
    OpenInEnforce,
    /// A serialiser failed, which its types rule out.
    #[error("cannot be written: please report it with the policy")]
    Unwritable,
}

/// The configuration of the filter, as JSON text.
///
/// # Errors
/// [`InvalidRendering::Unwritable`], which the types rule out.
pub fn plugin_config(loaded: &LoadedPolicy) -> Result<String, InvalidRendering> {
    text(&PluginConfig {
        slice_version: SLICE_VERSION,
        mode: loaded.document.spec.mode,
        policy: loaded.canonical_json.clone(),
        sha256: hexadecimal::encode(&loaded.sha256),
    })
}

/// The configuration of the filter in one namespace.
#[must_use]
pub fn slice_config(slice: &Slice) -> PluginConfig {
    PluginConfig {
        slice_version: SLICE_VERSION,
        mode: slice.document.spec.mode,
        policy: slice.canonical_json.clone(),
        sha256: hexadecimal::encode(&slice.sha256),
    }
}

pub(super) fn text(config: &PluginConfig) -> Result<String, InvalidRendering> {
    serde_json::to_string(config).map_err(|_| InvalidRendering::Unwritable)
}

impl FailStrategy {
    /// Refuses to combine failing open with a policy that enforces somewhere.
    pub(super) fn check(self, document: &PolicyDocument) -> Result<(), InvalidRendering> {
        let spec = &document.spec;
        let mesh = spec.post_quantum_auth.as_ref();
        let enforces = matches!(spec.mode, Mode::Enforce)
            || mesh.is_some_and(|asked| matches!(asked.mode(), Mode::Enforce))
            || spec
                .flows
                .iter()
                .any(|flow| matches!(flow.mode, Some(Mode::Enforce)));
        match self {
            Self::Open if enforces => Err(InvalidRendering::OpenInEnforce),
            Self::Open | Self::Reload | Self::Closed => Ok(()),
        }
    }
}
