//! A policy file, from text to everything that the engine needs.
//!
//! Steps: YAML (or JSON) with lines, the JSON Schema, the files beside the policy put in as text,
//! its manifests of artifacts verified,
//! then the engine's compiler and the authorities of `sallyport-credentials`. Each step reports all
//! that it finds; a later step runs only on what the earlier ones accepted.

mod artifacts;
mod material;
mod other_kind;
pub(crate) mod shape;
mod warnings;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

pub use artifacts::{of_policy, unsigned};
use sallyport_credentials::AuthoritySet;
use sallyport_engine::identity::SpiffeId;
use sallyport_engine::policy::raw::PolicyDocument;
use sallyport_engine::policy::{Policy, compile};

use crate::bounded;
use crate::finding::{Code, Finding};
use crate::schema;
use crate::yaml::{self, Lines};

/// A valid policy.
pub struct LoadedPolicy {
    /// The document as it is typed, with the text of each file in its place.
    pub document: PolicyDocument,
    /// The compiled policy.
    pub policy: Policy,
    /// The pinned authorities.
    pub authorities: AuthoritySet,
    /// The document as JSON: keys in the order of the format's definition, absent keys left out,
    /// no white space. Equal documents give equal bytes, however their files are written.
    pub canonical_json: String,
    /// SHA-256 of `canonical_json`.
    pub sha256: [u8; 32],
    /// The manifests of artifacts that were verified; their signatures are beside them.
    pub manifest_files: Vec<PathBuf>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<Finding>,
    /// Where its parts stand in the file.
    lines: Lines,
}

impl LoadedPolicy {
    /// What the gauge `sallyport.policy_hash` shows of this policy: the first 6 bytes of `sha256`
    /// as a number.
    #[must_use]
    pub fn policy_hash(&self) -> u64 {
        policy_hash(&self.sha256)
    }

    /// The segment that an identity is in, if it is in one.
    #[must_use]
    pub fn segment_name(&self, identity: &SpiffeId) -> Option<String> {
        let segment = self.policy.segment(self.policy.segment_of(identity)?)?;
        Some(segment.name().to_string())
    }

    /// The line of a place such as `spec.flows[2].to`, or of the nearest place around it.
    #[must_use]
    pub fn line(&self, path: &str) -> Option<u64> {
        self.lines.of(path)
    }

    /// Says of findings about this policy where they are.
    #[must_use]
    pub(crate) fn locate(&self, findings: Vec<Finding>) -> Vec<Finding> {
        self.lines.locate(findings)
    }
}

/// What the gauge `sallyport.policy_hash` shows of a policy, or the slice of one, with this SHA-256.
#[must_use]
pub fn policy_hash(sha256: &[u8; 32]) -> u64 {
    let first = sha256.iter().take(6);
    first.fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFileErrors {
    /// The file cannot be read.
    #[error("cannot read `{}`: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file was read and is no valid policy.
    #[error("`{}` is no valid policy", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong with it.
        findings: Vec<Finding>,
    },
}

/// Loads a policy file, `-` for standard input. Files that it names are looked up in its folder.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn load(path: &Path) -> Result<LoadedPolicy, PolicyFileErrors> {
    let text =
        bounded::file(path, MAXIMUM_MEBIBYTES).map_err(|cause| PolicyFileErrors::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    from_text(&text, folder).map_err(|findings| PolicyFileErrors::Invalid {
        path: path.to_owned(),
        findings,
    })
}

/// Loads a policy from its text. Files that it names are looked up in `folder`.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn from_text(text: &str, folder: &Path) -> Result<LoadedPolicy, Vec<Finding>> {
    let yaml = yaml::parse(text).map_err(|finding| vec![finding])?;
    if let Some(finding) = other_kind::other_kind(&yaml.value) {
        return Err(vec![finding]);
    }
    let deviations = shape::check(&yaml.value, &schema::for_validation());
    if !deviations.is_empty() {
        return Err(yaml.lines.locate(deviations));
    }
    let document: PolicyDocument = serde_json::from_value(yaml.value.clone()).map_err(|error| {
        vec![Finding::new(
            Code::OtherForm,
            "",
            format!("is not in the format of a policy: {error}"),
        )]
    })?;
    let unverified = yaml.lines.locate(artifacts::unverified(&document));
    let mut loaded = complete(document, folder, &yaml.lines)?;
    loaded.warnings.extend(unverified);
    Ok(loaded)
}

/// Makes a policy of a document that was changed after it was loaded.
///
/// # Errors
/// Everything that is wrong with it.
pub fn from_document(document: PolicyDocument) -> Result<LoadedPolicy, Vec<Finding>> {
    // Files were read before, so the folder is not looked into.
    complete(document, Path::new("."), &Lines::default())
}

fn complete(
    mut document: PolicyDocument,
    folder: &Path,
    lines: &Lines,
) -> Result<LoadedPolicy, Vec<Finding>> {
    let mut findings = material::inline(&mut document, folder);
    let resolved = artifacts::resolve(&mut document, folder);
    findings.extend(resolved.findings.iter().cloned());
    let policy = match compile(&document) {
        Ok(policy) => Some(policy),
        Err(errors) => {
            // What could not be put into the policy was said already.
            let known = paths(&findings);
            let errors = errors
                .into_iter()
                .filter(|error| !known.contains(&error.path) && !resolved.explains(error));
            findings.extend(errors.map(Finding::from));
            None
        }
    };
    let authorities = match AuthoritySet::new(document.spec.authorities.as_ref()) {
        Ok(authorities) => Some(authorities),
        Err(errors) => {
            // Two crates look at names and trust domains, and one word about each is enough.
            let known = paths(&findings);
            let errors = errors
                .into_iter()
                .filter(|error| !known.contains(&error.path));
            findings.extend(errors.map(Finding::from));
            None
        }
    };
    let (Some(policy), Some(authorities), true) = (policy, authorities, findings.is_empty()) else {
        return Err(lines.locate(findings));
    };
    let canonical_json = serde_json::to_string(&document).map_err(|error| {
        vec![Finding::new(
            Code::OtherForm,
            "",
            format!("cannot be written as JSON: {error}"),
        )]
    })?;
    Ok(LoadedPolicy {
        sha256: sallyport_credentials::sha256(canonical_json.as_bytes()),
        warnings: lines.locate(warnings::warnings(&document)),
        manifest_files: resolved.files,
        lines: lines.clone(),
        document,
        policy,
        authorities,
        canonical_json,
    })
}

fn paths(findings: &[Finding]) -> BTreeSet<String> {
    let paths = findings.iter().map(|finding| finding.path.clone());
    paths.collect()
}

/// More than the largest policy that the engine compiles needs.
const MAXIMUM_MEBIBYTES: u32 = 8;

#[cfg(test)]
mod tests;
