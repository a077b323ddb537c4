//! Kubernetes manifests: from files and folders to objects that know where they stand.
//!
//! A file holds several YAML documents or JSON; a folder is read with all folders in it, in the order
//! of names; `-` is standard input. Lists (`kind: List`, `PodList`, ..) are unpacked. All or
//! nothing: what cannot be read, and whatever Kubernetes would read in another way, is an error with
//! its file and line.

mod read;
mod unpack;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use k8s_openapi::Resource;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bounded;
use crate::finding::{Code, Finding};
use crate::yaml::Lines;

/// An object of Kubernetes, as its manifest says it.
#[derive(Debug, Clone)]
pub struct Object {
    /// The file that it stands in; `-` for standard input.
    pub file: Arc<Path>,
    /// The line where it begins, counted from 1.
    pub line: u64,
    /// For example `apps/v1`.
    pub api_version: String,
    /// For example `Deployment`.
    pub kind: String,
    /// `metadata.namespace`, where it says one. Without one it belongs to the namespace that it is
    /// applied to, or to none.
    pub namespace: Option<String>,
    /// `metadata.name`, empty where the cluster makes one (`generateName`).
    pub name: String,
    /// The whole object.
    pub value: Value,
    /// Where its parts stand, and the path of the object itself within its document.
    lines: Arc<Lines>,
    base: String,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The objects, in the order of files and within them.
    pub objects: Vec<Object>,
    /// Documents in folders that are no Kubernetes objects and were left out: values of Helm charts
    /// and the like.
    pub left_out: Vec<Finding>,
}

/// Why there are no manifests: everything that is wrong, each with its file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidManifests(pub Vec<Finding>);

/// Reads files and folders, and standard input for `-`.
///
/// # Errors
/// Everything that cannot be read, in all of them.
pub fn read(paths: &[PathBuf]) -> Result<Manifests, InvalidManifests> {
    let mut manifests = Manifests::default();
    let mut findings = Vec::new();
    for source in read::sources(paths, &mut findings) {
        let file: Arc<Path> = Arc::from(source.file.as_path());
        let result = read::text(&source)
            .and_then(|text| unpack::objects(&text, &file, source.named, &mut manifests));
        findings.extend(result.err().map(|finding| of_file(finding, &file)));
    }
    if findings.is_empty() {
        Ok(manifests)
    } else {
        Err(InvalidManifests(findings))
    }
}

/// Reads the text of a file. `file` is what findings call it.
///
/// # Errors
/// What is wrong with it.
pub fn from_text(text: &str, file: &Path) -> Result<Manifests, InvalidManifests> {
    let mut manifests = Manifests::default();
    match unpack::objects(text, &Arc::from(file), true, &mut manifests) {
        Ok(()) => Ok(manifests),
        Err(finding) => Err(InvalidManifests(vec![of_file(finding, file)])),
    }
}

/// Reads a file of at most the length that manifests may have.
///
/// # Errors
/// When it cannot be read, is no text or longer.
pub fn read_file(path: &Path) -> io::Result<String> {
    bounded::file(path, read::MAXIMUM_MEBIBYTES)
}

fn of_file(finding: Finding, file: &Path) -> Finding {
    let line = finding.line;
    finding.in_file(file.display().to_string(), line)
}

// === impl Manifests ===

impl Manifests {
    /// Puts the objects that name no namespace into this one, as applying them there does. Those that
    /// belong to none are not asked for theirs.
    pub fn place(&mut self, namespace: Option<&str>) {
        let Some(namespace) = namespace else { return };
        for object in &mut self.objects {
            object.namespace.get_or_insert_with(|| namespace.to_owned());
        }
    }
}

// === impl Object ===

impl Object {
    /// Whether it is of a type of Kubernetes, in any of the type's versions: `apps` and `Deployment`,
    /// or an empty group and `Pod`.
    #[must_use]
    pub fn is(&self, group: &str, kind: &str) -> bool {
        let own = self.api_version.rsplit_once('/');
        self.kind == kind && own.map_or("", |(group, _)| group) == group
    }

    /// The object as a type of Kubernetes, if it is of that type and version.
    ///
    /// # Errors
    /// When it is, and does not have the type's form.
    pub fn view<K: Resource + DeserializeOwned>(&self) -> Result<Option<K>, Finding> {
        if self.api_version != K::API_VERSION || self.kind != K::KIND {
            return Ok(None);
        }
        K::deserialize(&self.value).map(Some).map_err(|error| {
            let text: String = error.to_string().chars().take(200).collect();
            self.finding(
                Code::NoObject,
                "",
                format!("is no `{}` of Kubernetes: {text}", K::KIND),
            )
        })
    }

    /// The line of a place in it, such as `spec.rules[0].from`, or of the nearest one around it.
    #[must_use]
    pub fn line_of(&self, path: &str) -> u64 {
        self.lines.of(&self.place(path)).unwrap_or(self.line)
    }

    /// Something to say about a place in it.
    #[must_use]
    pub fn finding(&self, code: Code, path: &str, message: impl Into<String>) -> Finding {
        let line = Some(self.line_of(path));
        Finding::new(code, self.place(path), message).in_file(self.file.display().to_string(), line)
    }

    fn place(&self, path: &str) -> String {
        match (self.base.is_empty(), path.is_empty()) {
            (true, _) => path.to_owned(),
            (false, true) => self.base.clone(),
            (false, false) => format!("{}.{path}", self.base),
        }
    }
}

// === impl InvalidManifests ===

impl fmt::Display for InvalidManifests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, finding) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
