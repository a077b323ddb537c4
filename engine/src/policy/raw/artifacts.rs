//! Vetted models and images: the manifests that a policy takes them from, and what flows ask of them.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Material, present};

/// The vetted models and images that flows may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Artifacts {
    /// Who may sign manifests: the `signing-authority.json` of each. The command line compares with
    /// them; sidecars do not get them. Needed where a manifest is a `file`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub authorities: Option<Vec<Material>>,
    /// The manifests. At least one.
    pub manifests: Vec<PolicyManifest>,
}

/// A manifest of artifacts, as a policy names it: exactly one of `file` and `verified`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyManifest {
    /// The name by which flows refer to it: the one in the manifest (`metadata.name`).
    pub name: String,
    /// Path of the manifest, relative to the policy file; its signature is beside it, with `.sig`
    /// behind the name. The command line verifies both halves of the signature and writes `verified`
    /// in its place.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub file: Option<String>,
    /// The least `serial` of the manifest: an older one is refused. Absent: any.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub minimum_serial: Option<u64>,
    /// What the manifest says. Written by the command line, which verified its signature: nothing
    /// behind it verifies it again.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub verified: Option<VerifiedManifest>,
}

/// What a manifest says whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifiedManifest {
    /// Its number.
    pub serial: u64,
    /// SHA-256 of its file, in hexadecimal digits.
    pub sha256: String,
    /// The name of the authority that signed it.
    pub signed_by: String,
    /// From when on it counts (RFC 3339).
    pub not_before: String,
    /// Until when it counts (RFC 3339), exclusive.
    pub not_after: String,
    /// What was vetted, models before images, each by its digest. At least one.
    pub artifacts: Vec<VettedArtifact>,
}

/// A model or an image that was vetted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VettedArtifact {
    /// What it is.
    pub kind: ArtifactKind,
    /// `sha256:` and 64 lower-case hexadecimal digits.
    pub digest: String,
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// How far it may go.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub stage: Option<String>,
}

/// The kinds of artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ArtifactKind {
    /// A model: the claim `model_digest`.
    Model,
    /// A container image: the claim `image_digest`.
    Image,
}

/// What the token of a caller must say. At least one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requirements {
    /// Which models: the claim `model_digest`. Absent: any, and none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub model: Option<ArtifactRequirement>,
    /// Which images: the claim `image_digest`. Absent: any, and none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub image: Option<ArtifactRequirement>,
}

/// Which artifacts of a manifest are good enough. All that is written must hold, compared exactly; an
/// artifact without a version or stage meets no list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArtifactRequirement {
    /// The manifest that lists them.
    pub manifest: String,
    /// One of these names. Absent: any.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub names: Option<Vec<String>>,
    /// One of these versions. Absent: any, and none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub versions: Option<Vec<String>>,
    /// One of these stages. Absent: any, and none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub stages: Option<Vec<String>>,
}

impl ArtifactKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Model, Self::Image];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Image => "image",
        }
    }

    /// The claim of tokens that names one.
    #[must_use]
    pub const fn claim(self) -> &'static str {
        match self {
            Self::Model => "model_digest",
            Self::Image => "image_digest",
        }
    }
}

impl Requirements {
    /// What is asked of each kind.
    pub fn iter(&self) -> impl Iterator<Item = (ArtifactKind, &ArtifactRequirement)> {
        let model = self.model.iter().map(|asked| (ArtifactKind::Model, asked));
        let image = self.image.iter().map(|asked| (ArtifactKind::Image, asked));
        model.chain(image)
    }
}
