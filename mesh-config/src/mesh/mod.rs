//! `postQuantumAuth` of meshConfig: read from where Istio's mesh-wide settings live, put into the
//! policy, explained, and compared with the manifests around it.
//!
//! istiod ignores fields that it does not know without a word, so whatever looks like this one and
//! stands where nobody would read it is an error here.

mod carrier;
mod contradictions;
mod meaning;
mod setting;
mod stray;
mod visit;

use std::path::Path;

use sallyport_engine::policy::raw::{PolicyDocument, PostQuantumAuth};
use serde_json::Value;

use crate::bounded;
use crate::finding::{Code, Finding};
use crate::policy_file::{self, LoadedPolicy};

pub use carrier::Form;
pub use contradictions::contradictions;
pub use meaning::{
    AnswerMeaning, Asked, CallerMeaning, FlowMeaning, Meaning, SegmentMeaning, WorkloadIs,
    WorkloadMeaning, meaning,
};
pub use setting::Setting;

/// What a file says of the mesh.
#[derive(Debug, Clone)]
pub struct MeshSettings {
    /// The file; `-` for standard input.
    pub file: String,
    /// What kind of file it is.
    pub form: Form,
    /// What it says of `postQuantumAuth`.
    pub setting: Setting,
    /// The path of the setting in the file, or where it would stand.
    pub path: String,
    /// Its line, if it is there.
    pub line: Option<u64>,
    /// The whole of meshConfig; null where there is none.
    mesh: Place,
    /// The file around it, for what it says of istiod. The same as `mesh` in a plain mesh file.
    around: Place,
}

/// A part of a file, and where it stands.
#[derive(Debug, Clone)]
struct Place {
    value: Value,
    path: String,
    lines: carrier::Located,
}

/// Reads a file, `-` for standard input.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path) -> Result<MeshSettings, Vec<Finding>> {
    let file = path.display().to_string();
    let text = bounded::file(path, MAXIMUM_MEBIBYTES).map_err(|error| {
        let message = format!("cannot be read: {error}");
        vec![Finding::new(Code::Unreadable, "", message).in_file(&file, None)]
    })?;
    from_text(&text, &file)
}

/// Reads the text of a file. `file` is what findings call it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn from_text(text: &str, file: &str) -> Result<MeshSettings, Vec<Finding>> {
    let of_file = |findings: Vec<Finding>| -> Vec<Finding> {
        let of_file = |finding: Finding| {
            let line = finding.line;
            finding.in_file(file, line)
        };
        findings.into_iter().map(of_file).collect()
    };
    let carrier = carrier::find(text).map_err(of_file)?;
    let strays = stray::findings(&carrier);
    let (setting, mut findings) = match setting::read(&carrier) {
        Ok(setting) => (setting, Vec::new()),
        Err(findings) => (Setting::Absent, findings),
    };
    findings.extend(strays);
    if !findings.is_empty() {
        return Err(of_file(findings));
    }
    let path = carrier.mesh.member(KEY);
    let line = match setting {
        Setting::Absent => None,
        Setting::Off | Setting::On(_) => carrier.mesh.line(KEY),
    };
    Ok(MeshSettings {
        file: file.to_owned(),
        form: carrier.form,
        setting,
        path,
        line,
        mesh: carrier.mesh,
        around: carrier.around,
    })
}

impl MeshSettings {
    /// What the mesh asks, if anything.
    #[must_use]
    pub const fn asked(&self) -> Option<&PostQuantumAuth> {
        match &self.setting {
            Setting::On(asked) => Some(asked),
            Setting::Off | Setting::Absent => None,
        }
    }

    /// What holds with this policy: what the file says, or what the policy carries itself where the
    /// file says nothing.
    ///
    /// # Errors
    /// Where both say something, and not the same.
    pub fn effective(&self, document: &PolicyDocument) -> Result<Option<PostQuantumAuth>, Finding> {
        let carried = document.spec.post_quantum_auth.as_ref();
        match (&self.setting, carried) {
            (Setting::Absent, carried) => Ok(carried.cloned()),
            (Setting::On(asked), None) => Ok(Some(asked.clone())),
            (Setting::Off, None) => Ok(None),
            (Setting::On(asked), Some(carried)) if setting::is_same(asked, carried) => {
                Ok(Some(asked.clone()))
            }
            (Setting::On(_) | Setting::Off, Some(_)) => {
                let message = format!("is not what `{}` of `{}` says", self.path, self.file);
                Err(
                    Finding::new(Code::MeshConflict, "spec.postQuantumAuth", message).with_hint(
                        "leave it out of the policy: `sallyport render --mesh` writes it there",
                    ),
                )
            }
        }
    }

    /// Puts what the mesh asks into a policy, as a sidecar gets it.
    ///
    /// # Errors
    /// Where the policy asks for something else, or is no valid one with it.
    pub fn apply(&self, loaded: LoadedPolicy) -> Result<LoadedPolicy, Vec<Finding>> {
        let asked = self
            .effective(&loaded.document)
            .map_err(|finding| loaded.locate(vec![finding]))?;
        if loaded.document.spec.post_quantum_auth == asked {
            return Ok(loaded);
        }
        let mut document = loaded.document;
        document.spec.post_quantum_auth = asked;
        policy_file::from_document(document)
    }
}

impl Place {
    /// The path of a member, in the file.
    fn member(&self, path: &str) -> String {
        match (self.path.is_empty(), path.is_empty()) {
            (true, _) => path.to_owned(),
            (false, true) => self.path.clone(),
            (false, false) => format!("{}.{path}", self.path),
        }
    }

    /// The line of a member, or of the nearest place around it.
    fn line(&self, path: &str) -> Option<u64> {
        self.lines.of(path)
    }

    /// Something to say about a member.
    fn finding(&self, code: Code, path: &str, message: impl Into<String>) -> Finding {
        Finding {
            line: self.line(path),
            ..Finding::new(code, self.member(path), message)
        }
    }
}

/// The key that this module is about.
const KEY: &str = "postQuantumAuth";
/// A ConfigMap has at most 1 MiB.
const MAXIMUM_MEBIBYTES: u32 = 8;

#[cfg(test)]
mod tests;
