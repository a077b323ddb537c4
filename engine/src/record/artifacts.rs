//! What a record says of a caller's model and image.

use alloc::format;
use alloc::string::String;

use serde::Serialize;

use super::escaped;
use crate::policy::CheckedArtifact;

/// What was asked of the model or image of a caller, and what came.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordedArtifact {
    /// `model` or `image`.
    pub kind: &'static str,
    /// The digest in the caller's token; with `peer_quarantined`, the one that a signal is about.
    /// `null` where the token has none.
    pub digest: Option<String>,
    /// The manifest that the flow requires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// The number of that manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
    /// What the flow requires, in words, cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<String>,
    /// Name, version and stage of the digest in the manifest, cut; absent where it is not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

impl RecordedArtifact {
    pub(super) fn of(checked: &CheckedArtifact) -> Self {
        let required = checked.required.as_deref();
        let manifest = required.map(|required| required.manifest());
        Self {
            kind: checked.kind.as_str(),
            digest: checked.digest.map(String::from),
            manifest: manifest.map(|manifest| String::from(&**manifest.name())),
            serial: manifest.map(|manifest| manifest.serial()),
            required: required.map(|required| cut(&format!("{required}"))),
            found: checked.found().map(|artifact| cut(&format!("{artifact}"))),
        }
    }
}

fn cut(text: &str) -> String {
    escaped(text.as_bytes(), MAXIMUM_BYTES)
}

/// As long as paths are shown.
const MAXIMUM_BYTES: usize = 256;
