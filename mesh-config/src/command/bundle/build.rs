//! `sallyport bundle build`.

use std::path::Path;

use sallyport_credentials::signing::SigningAuthorities;
use sallyport_engine::time::TimeMs;
use sallyport_mesh_config::bundle::{
    BundleHistory, Ingredients, MAXIMUM_MEBIBYTES, SignedManifest, build, open,
};
use sallyport_mesh_config::finding::{Code, Finding};
use sallyport_mesh_config::signing::{self as files, signature_path};
use sallyport_mesh_config::{artifacts, mesh, policy_file};
use serde::Serialize;

use crate::args::{BundleBuildArgs, Output};
use crate::command::failure::Failure;
use crate::command::signing::{artifact_pins, pretty, time};
use crate::command::{counted, writing};
use crate::exit::Exit;
use crate::terminal;

/// What was built.
#[derive(Serialize)]
struct Report<'a> {
    bundle: String,
    name: &'a str,
    version: u64,
    sha256: &'a str,
    files: Vec<&'a str>,
}

pub(super) fn run(args: &BundleBuildArgs, output: Output) -> Result<Exit, Failure> {
    let has_pins =
        !args.authorities.is_empty() || !args.artifact_pins.artifact_authorities.is_empty();
    if !args.artifacts.is_empty() && !has_pins {
        return Err(Failure::FlagNeeds("--artifacts", "--authority"));
    }
    let now = time(args.at.as_deref())?;
    let policy = policy_file::load(&args.policy)?;
    let settings = args.mesh.as_deref().map(mesh::load).transpose();
    let settings = settings.map_err(Failure::files)?;
    let authorities = artifact_pins(&args.artifact_pins, &args.authorities)?;
    let mut manifests = Vec::new();
    for path in &args.artifacts {
        manifests.push(manifest(path, &authorities, now)?);
    }
    // Those of the policy go along, also where nobody names them.
    for path in &policy.manifest_files {
        let own = manifest(path, &authorities, now)?;
        if !manifests.iter().any(|named| named.name == own.name) {
            manifests.push(own);
        }
    }
    let ingredients = Ingredients {
        policy: &policy,
        mesh: settings.as_ref(),
        manifests: &manifests,
    };
    let bundle = build(version(args)?, &ingredients).map_err(Failure::files)?;
    // Whatever would be refused where it is verified is found out here.
    open(&bundle, &authorities, now).map_err(Failure::files)?;
    writing::write(&args.out, bundle.text().as_bytes(), args.force)?;
    let files = bundle.files().iter().map(|file| file.path.as_str());
    let report = Report {
        bundle: args.out.display().to_string(),
        name: bundle.name(),
        version: bundle.version(),
        sha256: bundle.sha256(),
        files: files.collect(),
    };
    let text = match output {
        Output::Json => pretty(&report)?,
        Output::Text => format!(
            "bundle {}, version {}: {}, sha256 {}",
            report.name,
            report.version,
            counted(report.files.len(), "file"),
            report.sha256
        ),
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn version(args: &BundleBuildArgs) -> Result<u64, Failure> {
    match (args.version_number, &args.history) {
        (Some(version), _) => Ok(version),
        (None, Some(path)) => {
            let history =
                BundleHistory::read(path).map_err(|finding| Failure::files(vec![finding]))?;
            Ok(history.highest().saturating_add(1))
        }
        (None, None) => Err(Failure::FlagNeeded("--version-number")),
    }
}

/// A manifest that holds, with its files.
fn manifest(
    path: &Path,
    authorities: &SigningAuthorities,
    now: TimeMs,
) -> Result<SignedManifest, Failure> {
    let signature = signature_path(path);
    let verified = artifacts::verify(path, &signature, authorities, now);
    let verified = verified.map_err(|mut findings| {
        for finding in &mut findings {
            if finding.code == Code::SignatureMissing {
                // There is no flag to name another one.
                finding.hint = Some(policy_file::unsigned(path));
            }
        }
        Failure::files(findings)
    })?;
    Ok(SignedManifest {
        name: verified.manifest.name().to_owned(),
        text: text(path)?,
        signature: text(&signature)?,
    })
}

fn text(path: &Path) -> Result<String, Failure> {
    let bytes =
        files::read(path, MAXIMUM_MEBIBYTES).map_err(|finding| Failure::files(vec![finding]))?;
    String::from_utf8(bytes).map_err(|_| {
        let finding = Finding::new(Code::Syntax, "", "is no UTF-8");
        Failure::files(vec![finding.in_file(path.display().to_string(), None)])
    })
}
