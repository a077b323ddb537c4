//! The file of a bundle: its form, and which paths may stand in it.

use std::collections::BTreeMap;
use std::path::Path;

use sallyport_credentials::strict_json;
use sallyport_engine::hexadecimal;
use sallyport_engine::policy::raw::ApiVersion;
use serde::{Deserialize, Serialize};

use super::LARGEST_VERSION;
use crate::artifacts::is_label;
use crate::finding::{Code, Finding};

/// A bundle whose form is right. Its signature and contents are for others to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    document: Document,
    text: String,
    sha256: String,
}

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleFile {
    /// Its place: `policy.json`, `mesh.json`, `artifacts/<name>.yaml` or `.yaml.sig`.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: String,
    /// Its content.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    api_version: ApiVersion,
    kind: Kind,
    /// The name of the policy.
    name: String,
    version: u64,
    /// By their paths.
    files: Vec<BundleFile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Bundle,
}

/// The path of the policy in a bundle.
pub(super) const POLICY: &str = "policy.json";
/// The path of what meshConfig asks.
pub(super) const MESH: &str = "mesh.json";
/// The folder of the manifests of artifacts.
pub(super) const ARTIFACTS: &str = "artifacts/";
pub(super) const MANIFEST_END: &str = ".yaml";
pub(super) const SIGNATURE_END: &str = ".yaml.sig";

const MAXIMUM_FILES: usize = 256;
const MAXIMUM_SHOWN: usize = 80;

// === impl Bundle ===

impl Bundle {
    /// Puts files together.
    ///
    /// # Errors
    /// When something may not be in a bundle.
    pub fn new(
        name: &str,
        version: u64,
        files: BTreeMap<String, String>,
    ) -> Result<Self, Vec<Finding>> {
        let files = files.into_iter().map(|(path, text)| BundleFile {
            path,
            bytes: length(&text),
            sha256: digest(text.as_bytes()),
            text,
        });
        Self::of(Document {
            api_version: ApiVersion::V1Alpha1,
            kind: Kind::Bundle,
            name: name.to_owned(),
            version,
            files: files.collect(),
        })
    }

    /// Reads a file that is exactly as [`Self::text`] writes it. `file` is what findings call it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(bytes: &[u8], file: &Path) -> Result<Self, Vec<Finding>> {
        let of_file = |findings: Vec<Finding>| -> Vec<Finding> {
            let name = || file.display().to_string();
            let findings = findings.into_iter();
            findings
                .map(|finding| finding.in_file(name(), None))
                .collect()
        };
        let document =
            strict_json::read(bytes).map_err(|error| of_file(vec![form("", error.to_string())]))?;
        let bundle = Self::of(document).map_err(of_file)?;
        if bundle.text.as_bytes() != bytes {
            let message = "is not in its one canonical form";
            return Err(of_file(vec![form("", message)]));
        }
        Ok(bundle)
    }

    fn of(document: Document) -> Result<Self, Vec<Finding>> {
        let findings = check(&document);
        if !findings.is_empty() {
            return Err(findings);
        }
        let text = strict_json::canonical(&document)
            .map(|text| text + "\n")
            .map_err(|error| vec![form("", error.to_string())])?;
        Ok(Self {
            sha256: digest(text.as_bytes()),
            document,
            text,
        })
    }

    /// Its bytes: canonical JSON, and the end of the line.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of its bytes, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The name of its policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.document.name
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.document.version
    }

    /// Its files, by their paths.
    #[must_use]
    pub fn files(&self) -> &[BundleFile] {
        &self.document.files
    }

    /// The content of one.
    pub(super) fn file(&self, path: &str) -> Option<&str> {
        let mut files = self.document.files.iter();
        let file = files.find(|file| file.path == path)?;
        Some(&file.text)
    }
}

fn check(document: &Document) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !is_label(&document.name) {
        findings.push(form("name", "is no DNS label"));
    }
    if !(1..=LARGEST_VERSION).contains(&document.version) {
        findings.push(form("version", "is not 1 or more"));
    }
    if document.files.len() > MAXIMUM_FILES {
        findings.push(form(
            "files",
            format!("has more than {MAXIMUM_FILES} files"),
        ));
    }
    let mut previous: Option<&str> = None;
    for (number, file) in document.files.iter().enumerate() {
        let at = |field: &str| format!("files[{number}].{field}");
        if !has_place(&file.path) {
            let shown: String = file.path.escape_debug().take(MAXIMUM_SHOWN).collect();
            let message = format!("`{shown}` is no path of a bundle");
            findings.push(finding(Code::BundlePath, at("path"), message));
        }
        if previous.is_some_and(|previous| previous >= file.path.as_str()) {
            let message = "stands twice, or not in the order of paths";
            findings.push(form(at("path"), message));
        }
        previous = Some(&file.path);
        if file.bytes != length(&file.text) || file.sha256 != digest(file.text.as_bytes()) {
            let message = "does not have the length and digest that stand beside it";
            findings.push(finding(Code::BundleContent, at("text"), message));
        }
        if file.text.contains("PRIVATE KEY") {
            let message = "holds a private key";
            findings.push(finding(Code::PrivateKey, at("text"), message));
        }
    }
    findings.extend(missing(&document.files));
    findings
}

/// The policy must be there, and each manifest with its signature.
fn missing(files: &[BundleFile]) -> Vec<Finding> {
    let has = |path: &str| files.iter().any(|file| file.path == path);
    let mut wanted = vec![POLICY.to_owned()];
    for file in files {
        let path = &file.path;
        if path.ends_with(MANIFEST_END) {
            wanted.push(format!("{path}.sig"));
        } else if let Some(manifest) = path.strip_suffix(".sig") {
            wanted.push(manifest.to_owned());
        }
    }
    let missing = wanted.into_iter().filter(|path| !has(path));
    missing
        .map(|path| finding(Code::BundleContent, "files", format!("has no `{path}`")))
        .collect()
}

/// Only these: so no path leads out of a folder, and none means two things.
fn has_place(path: &str) -> bool {
    let is_artifact = || {
        let name = path.strip_prefix(ARTIFACTS)?;
        let name = name
            .strip_suffix(MANIFEST_END)
            .or_else(|| name.strip_suffix(SIGNATURE_END))?;
        Some(is_label(name))
    };
    path == POLICY || path == MESH || is_artifact().unwrap_or(false)
}

fn form(path: impl Into<String>, message: impl Into<String>) -> Finding {
    finding(Code::BundleForm, path, message)
}

pub(super) fn finding(code: Code, path: impl Into<String>, message: impl Into<String>) -> Finding {
    Finding::new(code, path, message).with_hint(code.row().remedy)
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

fn digest(bytes: &[u8]) -> String {
    hexadecimal::encode(&sallyport_credentials::sha256(bytes))
}

#[cfg(test)]
mod tests;
