//! The manifest as it is written, and what must hold of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use sallyport_engine::artifact::ArtifactDigest;
use sallyport_engine::policy::raw::{ApiVersion, ArtifactKind};
use sallyport_engine::text::is_control;
use sallyport_engine::time::TimeMs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::finding::{Code, Finding};
use crate::policy_file::shape;
use crate::{schema, yaml};

/// Models and images that were vetted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestDocument {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// Always `ArtifactManifest`.
    pub kind: ManifestKind,
    /// Its name.
    pub metadata: ManifestMetadata,
    /// What it says.
    pub spec: ManifestSpec,
}

/// The kinds of document that this build reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ManifestKind {
    /// A manifest of artifacts.
    ArtifactManifest,
}

/// The name of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestMetadata {
    /// A DNS label. Manifests of one name replace each other.
    pub name: String,
}

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestSpec {
    /// Who vetted the artifacts, for people. Whose word counts is decided by the signature.
    pub issuer: String,
    /// Grows with each manifest of this name, from 1.
    #[schemars(range(min = 1))]
    pub serial: u64,
    /// From when on it counts (RFC 3339).
    pub not_before: String,
    /// Until when it counts (RFC 3339), exclusive.
    pub not_after: String,
    /// The artifacts, at least one.
    pub artifacts: Vec<Artifact>,
}

/// A model or an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Artifact {
    /// What it is.
    pub kind: ArtifactKind,
    /// `sha256:` and 64 lower-case hexadecimal digits, as tokens have it in `model_digest` and
    /// `image_digest`.
    pub digest: String,
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How far it may go: `staging`, `production`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Where the digest is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// The file that a digest was imported from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Its format.
    pub format: SourceFormat,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// What the artifact is called in it: `bom-ref`, `spdxId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether the signature of a statement's envelope was verified on import: false also where it
    /// had none. Absent: its format has no envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_verified: Option<bool>,
}

/// The formats that artifacts are imported from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SourceFormat {
    /// CycloneDX 1.5 to 1.7, JSON.
    CycloneDX,
    /// SPDX 3, JSON-LD.
    SPDX,
    /// An in-toto statement, such as SLSA provenance.
    #[serde(rename = "in-toto")]
    InToto,
}

/// A SHA-256 digest, as OCI images have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Digest(String);

/// A text that is no digest in the one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not `sha256:` and 64 lower-case hexadecimal digits")]
pub struct InvalidDigest;

/// A manifest whose form is right. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// As it is written.
    pub document: ManifestDocument,
    /// From when on it counts.
    pub not_before: TimeMs,
    /// Until when it counts, exclusive.
    pub not_after: TimeMs,
}

/// Reads a manifest, YAML or JSON. `file` is what findings call it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn from_text(text: &str, file: &Path) -> Result<Manifest, Vec<Finding>> {
    let name = file.display().to_string();
    let document = yaml::parse(text).map_err(|finding| {
        let line = finding.line;
        vec![finding.in_file(name.clone(), line)]
    })?;
    let lines = document.lines;
    let located = |findings: Vec<Finding>| -> Vec<Finding> {
        let findings = findings.into_iter().map(|finding| {
            let line = lines.of(&finding.path);
            finding.in_file(name.clone(), line)
        });
        findings.collect()
    };
    let deviations = shape::check(&document.value, &schema::artifact_manifest_for_validation());
    if !deviations.is_empty() {
        return Err(located(deviations));
    }
    let document: ManifestDocument = serde_json::from_value(document.value).map_err(|error| {
        let message = format!("is no manifest of artifacts: {error}");
        located(vec![Finding::new(Code::OtherForm, "", message)])
    })?;
    from_document(document).map_err(located)
}

/// Checks what a document says.
///
/// # Errors
/// Everything that is wrong with it.
pub fn from_document(document: ManifestDocument) -> Result<Manifest, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut refuse = |code, path: &str, message: String| {
        findings.push(Finding::new(code, path, message));
    };
    let spec = &document.spec;
    if !is_label(&document.metadata.name) {
        refuse(
            Code::InvalidName,
            "metadata.name",
            "is no DNS label".to_owned(),
        );
    }
    if !is_text(&spec.issuer) {
        refuse(Code::Empty, "spec.issuer", TEXT.to_owned());
    }
    if !(1..=LARGEST_SERIAL).contains(&spec.serial) {
        refuse(
            Code::OutOfRange,
            "spec.serial",
            "is not 1 or more".to_owned(),
        );
    }
    let mut time = |path: &str, text: &str| match TimeMs::parse_rfc3339(text) {
        Ok(time) => Some(time),
        Err(error) => {
            refuse(Code::InvalidTime, path, error.to_string());
            None
        }
    };
    let not_before = time("spec.notBefore", &spec.not_before);
    let not_after = time("spec.notAfter", &spec.not_after);
    if let (Some(start), Some(end)) = (not_before, not_after)
        && start >= end
    {
        let message = "is not after `notBefore`".to_owned();
        refuse(Code::InvalidTime, "spec.notAfter", message);
    }
    if spec.artifacts.is_empty() {
        refuse(Code::Empty, "spec.artifacts", "is empty".to_owned());
    }
    if spec.artifacts.len() > MAXIMUM_ARTIFACTS {
        let message = format!("has more than {MAXIMUM_ARTIFACTS} entries");
        refuse(Code::TooMany, "spec.artifacts", message);
    }
    findings.extend(check_artifacts(&spec.artifacts));
    match (not_before, not_after) {
        (Some(not_before), Some(not_after)) if findings.is_empty() => Ok(Manifest {
            document,
            not_before,
            not_after,
        }),
        _ => Err(findings),
    }
}

fn check_artifacts(artifacts: &[Artifact]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeMap::new();
    for (number, artifact) in artifacts.iter().enumerate() {
        let path = format!("spec.artifacts[{number}]");
        let place = |field: &str| format!("{path}.{field}");
        if let Err(invalid) = artifact.digest.parse::<Digest>() {
            let message = invalid.to_string();
            findings.push(Finding::new(Code::InvalidDigest, place("digest"), message));
        }
        let texts = [
            ("name", Some(&artifact.name)),
            ("version", artifact.version.as_ref()),
            ("stage", artifact.stage.as_ref()),
        ];
        for (field, text) in texts {
            if text.is_some_and(|text| !is_text(text)) {
                findings.push(Finding::new(Code::Empty, place(field), TEXT));
            }
        }
        let key = (artifact.kind, &artifact.digest);
        if let Some(first) = seen.insert(key, number) {
            let message = format!("is the digest of `spec.artifacts[{first}]` as well");
            findings.push(Finding::new(Code::NameTaken, place("digest"), message));
        }
    }
    findings
}

// === impl Manifest ===

impl Manifest {
    /// Whether it counts now.
    ///
    /// # Errors
    /// When it has expired, or is not valid yet.
    pub fn in_force(&self, now: TimeMs) -> Result<(), Finding> {
        let refuse = |code: Code, path, message| {
            Err(Finding::new(code, path, message).with_hint(code.row().remedy))
        };
        if now >= self.not_after {
            let message = format!(
                "has expired at {}; now it is {}",
                clock::show(self.not_after),
                clock::show(now)
            );
            return refuse(Code::ManifestExpired, "spec.notAfter", message);
        }
        if now < self.not_before {
            let message = format!(
                "is not reached: it counts from {} on; now it is {}",
                clock::show(self.not_before),
                clock::show(now)
            );
            return refuse(Code::ManifestNotYetValid, "spec.notBefore", message);
        }
        Ok(())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.document.metadata.name
    }
}

// === impl Digest ===

impl Digest {
    /// The digest with these hexadecimal digits, of either case.
    ///
    /// # Errors
    /// [`InvalidDigest`].
    pub fn of_sha256(digits: &str) -> Result<Self, InvalidDigest> {
        format!("sha256:{}", digits.to_ascii_lowercase()).parse()
    }
}

impl std::str::FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        match text.parse::<ArtifactDigest>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(InvalidDigest),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 1123, section 2.1.
pub(crate) fn is_label(name: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=63).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn is_text(text: &str) -> bool {
    (1..=MAXIMUM_TEXT_BYTES).contains(&text.len()) && !text.chars().any(is_control)
}

const TEXT: &str = "is empty, longer than 512 bytes, or has control characters or marks that turn \
    the direction of writing";
const MAXIMUM_TEXT_BYTES: usize = 512;
const MAXIMUM_ARTIFACTS: usize = 10_000;
/// What every reader of JSON keeps (RFC 8259, section 6).
const LARGEST_SERIAL: u64 = 9_007_199_254_740_991;

#[cfg(test)]
mod tests;
