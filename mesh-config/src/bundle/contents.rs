//! What is in a bundle: put in by [`build`], taken out and judged by [`open`].

use std::collections::BTreeMap;
use std::path::Path;

use sallyport_credentials::signing::{Purpose, SigningAuthorities, Subject, Verified};
use sallyport_credentials::strict_json;
use sallyport_engine::time::TimeMs;
use serde_json::json;

use super::file::{ARTIFACTS, Bundle, MANIFEST_END, MESH, POLICY, SIGNATURE_END, finding};
use crate::artifacts::{self, Manifest, VerifiedManifest};
use crate::finding::{Code, Finding};
use crate::mesh::{self, MeshSettings, Setting};
use crate::policy_file::{self, LoadedPolicy, of_policy};
use crate::signing;

/// What goes into a bundle.
pub struct Ingredients<'a> {
    /// The policy.
    pub policy: &'a LoadedPolicy,
    /// What meshConfig says.
    pub mesh: Option<&'a MeshSettings>,
    /// Manifests of artifacts, each verified.
    pub manifests: &'a [SignedManifest],
}

/// The files of a manifest.
#[derive(Debug, Clone)]
pub struct SignedManifest {
    /// Its name.
    pub name: String,
    /// Its text, which the signature covers.
    pub text: String,
    /// The signature file.
    pub signature: String,
}

/// What a bundle says. All of it holds.
pub struct Contents {
    /// The policy, with what meshConfig asks in it, as sidecars get it.
    pub policy: LoadedPolicy,
    /// The manifests, and who signed them.
    pub manifests: Vec<(Manifest, Verified)>,
}

/// Makes a bundle.
///
/// # Errors
/// Everything that is wrong with what goes into it.
pub fn build(version: u64, ingredients: &Ingredients<'_>) -> Result<Bundle, Vec<Finding>> {
    let policy = ingredients.policy;
    let mut files = BTreeMap::new();
    files.insert(POLICY.to_owned(), policy.canonical_json.clone() + "\n");
    if let Some(text) = ingredients.mesh.map(mesh_text).transpose()?.flatten() {
        files.insert(MESH.to_owned(), text);
    }
    for manifest in ingredients.manifests {
        let path = |end| format!("{ARTIFACTS}{}{end}", manifest.name);
        files.insert(path(SIGNATURE_END), manifest.signature.clone());
        let before = files.insert(path(MANIFEST_END), manifest.text.clone());
        if before.is_some() {
            let message = format!("is the name of two manifests: `{}`", manifest.name);
            return Err(vec![Finding::new(
                Code::NameTaken,
                "metadata.name",
                message,
            )]);
        }
    }
    Bundle::new(policy.policy.name(), version, files)
}

/// Only what is asked of credentials: meshConfig around it may hold what is nobody's business. None
/// where it says nothing.
fn mesh_text(settings: &MeshSettings) -> Result<Option<String>, Vec<Finding>> {
    let asked = match &settings.setting {
        Setting::Absent => return Ok(None),
        Setting::Off => json!(false),
        Setting::On(asked) => json!(asked),
    };
    let text = strict_json::canonical(&json!({ "postQuantumAuth": asked }));
    let text = text.map_err(|error| vec![finding(Code::BundleForm, MESH, error.to_string())])?;
    Ok(Some(text + "\n"))
}

/// Judges everything in a bundle but its own signature.
///
/// # Errors
/// Everything that is wrong with it.
pub fn open(
    bundle: &Bundle,
    authorities: &SigningAuthorities,
    now: TimeMs,
) -> Result<Contents, Vec<Finding>> {
    let policy = policy(bundle)?;
    let mut manifests = Vec::new();
    for file in bundle.files() {
        if let Some(name) = manifest_name(&file.path) {
            manifests.push(manifest(bundle, &file.path, name, authorities, now)?);
        }
    }
    let findings = differing(&policy, &manifests);
    if !findings.is_empty() {
        return Err(within(POLICY)(findings));
    }
    let manifests = manifests.into_iter();
    let manifests = manifests.map(|verified| (verified.manifest, verified.signature));
    Ok(Contents {
        policy,
        manifests: manifests.collect(),
    })
}

/// The policy of a bundle, with what meshConfig asks in it, as sidecars get it. Of the manifests in
/// the bundle nothing is verified.
///
/// # Errors
/// Everything that is wrong with it.
pub fn policy(bundle: &Bundle) -> Result<LoadedPolicy, Vec<Finding>> {
    let text = bundle.file(POLICY).unwrap_or_default();
    // All files that it names are in it, so the folder is not looked into.
    let policy = policy_file::from_text(text, Path::new(NOWHERE)).map_err(within(POLICY))?;
    if policy.canonical_json.clone() + "\n" != text {
        let message = "is not in its one canonical form";
        return Err(within(POLICY)(vec![finding(Code::BundleForm, "", message)]));
    }
    if **policy.policy.name() != *bundle.name() {
        let message = "is not the name of the bundle";
        let finding = finding(Code::BundleForm, "metadata.name", message);
        return Err(within(POLICY)(vec![finding]));
    }
    match bundle.file(MESH) {
        None => Ok(policy),
        Some(text) => {
            let settings = mesh::from_text(text, MESH)?;
            if mesh_text(&settings)?.as_deref() != Some(text) {
                let message = "is not in its one canonical form";
                return Err(within(MESH)(vec![finding(Code::BundleForm, "", message)]));
            }
            settings.apply(policy).map_err(within(POLICY))
        }
    }
}

fn manifest_name(path: &str) -> Option<&str> {
    path.strip_prefix(ARTIFACTS)?.strip_suffix(MANIFEST_END)
}

fn manifest(
    bundle: &Bundle,
    path: &str,
    name: &str,
    authorities: &SigningAuthorities,
    now: TimeMs,
) -> Result<VerifiedManifest, Vec<Finding>> {
    let text = bundle.file(path).unwrap_or_default();
    let signature_path = format!("{path}.sig");
    let signature = bundle.file(&signature_path).unwrap_or_default();
    let subjects = [Subject::of(artifacts::SUBJECT, text.as_bytes())];
    let signature = signing::verify_bytes(
        authorities,
        Purpose::Artifacts,
        signature.as_bytes(),
        &subjects,
    )
    .map_err(|finding| within(&signature_path)(vec![finding]))?;
    let manifest = artifacts::from_text(text, Path::new(path))?;
    if manifest.name() != name {
        let finding = finding(Code::BundleForm, "metadata.name", "is not that of the file");
        return Err(within(path)(vec![finding]));
    }
    manifest
        .in_force(now)
        .map_err(|finding| within(path)(vec![finding]))?;
    let [subject] = subjects;
    Ok(VerifiedManifest {
        manifest,
        signature,
        sha256: subject.sha256,
    })
}

/// What the policy says of a manifest is what the manifest of this name in the bundle says: nothing
/// else verifies it.
fn differing(policy: &LoadedPolicy, manifests: &[VerifiedManifest]) -> Vec<Finding> {
    let entries = policy.document.spec.artifacts.iter();
    let entries = entries.flat_map(|artifacts| &artifacts.manifests);
    let mut findings = Vec::new();
    for (number, entry) in entries.enumerate() {
        let mut named = manifests.iter();
        let named = named.find(|verified| verified.manifest.name() == entry.name);
        let message = match (named.map(of_policy), &entry.verified) {
            (Some(inside), Some(written)) if inside == *written => continue,
            (Some(_), _) => format!(
                "says something else of the manifest `{}` than the one in the bundle",
                entry.name
            ),
            (None, _) => format!(
                "requires the manifest `{}`, which is not in the bundle",
                entry.name
            ),
        };
        let path = format!("spec.artifacts.manifests[{number}]");
        findings.push(finding(Code::BundleContent, &path, message));
    }
    findings
}

/// Says of findings in which file of the bundle they are.
fn within(path: &str) -> impl Fn(Vec<Finding>) -> Vec<Finding> {
    move |findings| {
        let place = |finding: Finding| {
            let line = finding.line;
            finding.in_file(path, line)
        };
        findings.into_iter().map(place).collect()
    }
}

/// No folder has this name.
const NOWHERE: &str = "/nonexistent";
