//! The manifests of artifacts that a policy names: their signatures are verified, and what they say
//! takes the place of their names.
//!
//! No clock is asked: whether a manifest counts at a time is said by the checks that have one, and by
//! each decision.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use sallyport_credentials::signing::{SigningAuthorities, SigningAuthority};
use sallyport_engine::policy::raw::{self, Artifacts, Material, PolicyDocument};
use sallyport_engine::policy::{PolicyError, PolicyErrorCause};

use super::material::{self, InvalidMaterial};
use crate::artifacts::{self, VerifiedManifest};
use crate::finding::{Code, Finding};
use crate::signing::signature_path;

/// What became of the manifests that a policy names by file.
#[derive(Default)]
pub(super) struct Resolved {
    /// The files whose signatures hold.
    pub(super) files: Vec<PathBuf>,
    /// What is wrong with the others, which stay as they are.
    pub(super) findings: Vec<Finding>,
    /// The names in manifests that the policy names otherwise.
    other_names: BTreeSet<String>,
    /// Whether a manifest was left as it is.
    is_refused: bool,
}

impl Resolved {
    /// Whether the compiler refuses only what was refused here, in other words.
    pub(super) fn explains(&self, error: &PolicyError) -> bool {
        if let PolicyErrorCause::UnknownManifest { name, .. } = &error.cause {
            return self.other_names.contains(name);
        }
        let is_unresolved = error.cause == PolicyErrorCause::Unresolved;
        is_unresolved && self.is_refused && error.path.starts_with("spec.artifacts.")
    }

    fn refuse(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.is_refused = true;
        self.findings.extend(findings);
    }
}

/// Puts what each manifest says into the document, in the place of its file. The authorities are
/// texts already.
pub(super) fn resolve(document: &mut PolicyDocument, folder: &Path) -> Resolved {
    let mut resolved = Resolved::default();
    let Some(artifacts) = &mut document.spec.artifacts else {
        return resolved;
    };
    let authorities = match authorities(artifacts) {
        Ok(authorities) => authorities,
        Err(found) => {
            resolved.refuse(found);
            return resolved;
        }
    };
    for (number, entry) in artifacts.manifests.iter_mut().enumerate() {
        let path = format!("spec.artifacts.manifests[{number}]");
        let Some(name) = entry.file.clone().filter(|_| entry.verified.is_none()) else {
            continue;
        };
        match verify(&name, folder, &authorities) {
            Ok((file, verified)) if verified.manifest.name() == entry.name => {
                entry.verified = Some(of_policy(&verified));
                entry.file = None;
                resolved.files.push(file);
            }
            Ok((_, verified)) => {
                let own = verified.manifest.name();
                let code = Code::ManifestOfOtherName;
                let message = format!("`{name}` is the manifest `{own}`");
                let finding = Finding::new(code, format!("{path}.name"), message);
                resolved.refuse([finding.with_hint(code.row().remedy)]);
                resolved.other_names.insert(own.to_owned());
            }
            Err(found) => {
                let place = format!("{path}.file");
                resolved.refuse(found.into_iter().map(|finding| at(&place, &name, finding)));
            }
        }
    }
    resolved
}

/// Manifests that are written into the policy, where only the command line should write them.
pub(super) fn unverified(document: &PolicyDocument) -> Vec<Finding> {
    let manifests = document.spec.artifacts.iter();
    let entries = manifests.flat_map(|artifacts| &artifacts.manifests);
    let written = entries
        .enumerate()
        .filter(|(_, entry)| entry.verified.is_some());
    written
        .map(|(number, entry)| {
            let path = format!("spec.artifacts.manifests[{number}].verified");
            let message = format!(
                "the manifest `{}` is written into the policy: nobody verifies its signature here",
                entry.name
            );
            let code = Code::ManifestUnverified;
            Finding::new(code, path, message).with_hint(code.row().remedy)
        })
        .collect()
}

/// What a policy has of a manifest that was verified.
#[must_use]
pub fn of_policy(verified: &VerifiedManifest) -> raw::VerifiedManifest {
    let spec = &verified.manifest.document.spec;
    let artifacts = spec.artifacts.iter().map(|artifact| raw::VettedArtifact {
        kind: artifact.kind,
        digest: artifact.digest.clone(),
        name: artifact.name.clone(),
        version: artifact.version.clone(),
        stage: artifact.stage.clone(),
    });
    let mut artifacts: Vec<raw::VettedArtifact> = artifacts.collect();
    // In hexadecimal digits the order is that of the bytes.
    artifacts.sort_by(|a, b| (a.kind, &a.digest).cmp(&(b.kind, &b.digest)));
    raw::VerifiedManifest {
        serial: spec.serial,
        sha256: verified.sha256.clone(),
        signed_by: verified.signature.authority().to_owned(),
        not_before: spec.not_before.clone(),
        not_after: spec.not_after.clone(),
        artifacts,
    }
}

fn authorities(artifacts: &Artifacts) -> Result<SigningAuthorities, Vec<Finding>> {
    let path = "spec.artifacts.authorities";
    let (mut pinned, mut findings) = (Vec::new(), Vec::new());
    let form = |place: String, message: String| {
        let code = Code::SigningAuthorityForm;
        Finding::new(code, place, message).with_hint(code.row().remedy)
    };
    for (number, entry) in artifacts.authorities.iter().flatten().enumerate() {
        let place = format!("{path}[{number}]");
        match entry {
            Material::Inline(text) => match SigningAuthority::read(text.as_bytes()) {
                Ok(authority) => pinned.push(authority),
                Err(cause) => findings.push(form(place, cause.to_string())),
            },
            // That it could not be read was said already. Without it nothing can be verified.
            Material::File(_) => return Err(Vec::new()),
        }
    }
    let is_needed = artifacts.manifests.iter().any(|entry| entry.file.is_some());
    if is_needed && artifacts.authorities.is_none() {
        let message = "the key `authorities` is missing: no signature of a manifest counts";
        let finding = Finding::new(Code::MissingKey, "spec.artifacts", message);
        let hint = "name the `signing-authority.json` of who signs the manifests";
        findings.push(finding.with_hint(hint));
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    SigningAuthorities::new(pinned).map_err(|(number, cause)| {
        let code = Code::KeyTaken;
        let finding = Finding::new(code, format!("{path}[{number}]"), cause.to_string());
        vec![finding.with_hint("name each authority once")]
    })
}

fn verify(
    name: &str,
    folder: &Path,
    authorities: &SigningAuthorities,
) -> Result<(PathBuf, VerifiedManifest), Vec<Finding>> {
    let found = |error: InvalidMaterial| vec![error.at(String::new())];
    let file = material::path_of(name, folder).map_err(found)?;
    let signature = signature_path(Path::new(name));
    let signature = material::path_of(&signature.to_string_lossy(), folder);
    let signature = signature.map_err(|error| {
        if let InvalidMaterial::Unreadable { path, cause } = &error
            && cause.kind() == io::ErrorKind::NotFound
        {
            let code = Code::SignatureMissing;
            let message = format!("there is no `{path}`, so the manifest is not signed");
            return vec![Finding::new(code, "", message)];
        }
        found(error)
    })?;
    let verified = artifacts::verify_signed(&file, &signature, authorities)?;
    Ok((file, verified))
}

/// A finding about a manifest, where the policy names it. A policy has no flags, of which the hints
/// of commands speak.
fn at(path: &str, file: &str, finding: Finding) -> Finding {
    let place = match finding.path.as_str() {
        "" => format!("`{file}`"),
        inner => format!("`{file}`, {inner}"),
    };
    let hint = if finding.code == Code::SignatureMissing {
        Some(unsigned(Path::new(file)))
    } else if finding.code == Code::SigningAuthorityUnknown {
        let place = "`spec.artifacts.authorities`";
        Some(format!("add it to {place} if it is one that you trust"))
    } else {
        finding.hint
    };
    Finding {
        message: format!("{place}: {}", finding.message),
        path: path.to_owned(),
        file: None,
        line: None,
        hint,
        ..finding
    }
}

/// What to do where a manifest has no signature, and none can be named.
pub fn unsigned(file: &Path) -> String {
    let signature = signature_path(file);
    format!("sign it: `{}` must be beside it", signature.display())
}

#[cfg(test)]
mod tests;
