//! `sallyport bundle verify`: may this bundle come into force?

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use sallyport_credentials::signing::{Purpose, SigningAuthorities};
use sallyport_engine::hexadecimal;
use sallyport_mesh_config::bundle::{Bundle, BundleHistory, Contents, Rollback, Step, after, open};
use sallyport_mesh_config::finding::Finding;
use sallyport_mesh_config::signing as files;
use serde::Serialize;

use super::{read, subject};
use crate::args::{BundleVerifyArgs, Output};
use crate::clock;
use crate::command::failure::Failure;
use crate::command::signing::{SignedBy, artifact_pins, pins, pretty, signature_of, time};
use crate::command::{counted, writing};
use crate::exit::Exit;
use crate::terminal::{self, Tone, toned};

/// A bundle that holds, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    name: &'a str,
    version: u64,
    sha256: &'a str,
    #[serde(flatten)]
    signed_by: SignedBy,
    /// Absent where neither a history nor a version was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<Step>,
    /// SHA-256 of the policy as sidecars get it, before it is cut into slices.
    policy_sha256: String,
    policy_hash: u64,
    files: Vec<&'a str>,
    manifests: Vec<ManifestReport<'a>>,
}

#[derive(Serialize)]
struct ManifestReport<'a> {
    name: &'a str,
    serial: u64,
    not_after: String,
    artifacts: usize,
    #[serde(flatten)]
    signed_by: SignedBy,
}

pub(super) fn run(args: &BundleVerifyArgs, output: Output) -> Result<Exit, Failure> {
    let authorities = pins(&args.signed.pins)?;
    let now = time(args.at.as_deref())?;
    let bundle = read(&args.bundle)?;
    let signature = signature_of(&args.bundle, args.signed.signature.as_ref());
    let about = |finding: Finding| match &finding.file {
        Some(_) => Failure::files(vec![finding]),
        None => {
            let name = args.bundle.display().to_string();
            Failure::files(vec![finding.in_file(name, None)])
        }
    };
    let verified = files::verify_file(&authorities, Purpose::Bundle, &signature, &subject(&bundle))
        .map_err(about)?;
    let vetters = artifact_pins(&args.artifact_pins, &args.signed.pins.authorities)?;
    let contents = open(&bundle, &vetters, now).map_err(Failure::files)?;
    let rollback = rollback(args, &authorities)?;
    let (step, history) = match (&args.history, args.after) {
        (Some(path), _) => {
            let history = BundleHistory::read(path).map_err(about)?;
            let step = history.admit(&bundle, rollback.as_ref());
            (Some(step.map_err(about)?), Some((path, history)))
        }
        (None, Some(version)) => {
            let step = after(&bundle, version, rollback.as_ref()).map_err(about)?;
            (Some(step), None)
        }
        (None, None) if rollback.is_some() => {
            return Err(Failure::FlagNeeds("--rollback", "--history` or `--after"));
        }
        (None, None) => (None, None),
    };
    if let Some(folder) = &args.out {
        unpack(folder, &bundle)?;
    }
    if let Some((path, mut history)) = history.filter(|_| args.record)
        && step != Some(Step::Same)
    {
        history.record(&bundle, &verified, rollback.as_ref(), clock::now());
        writing::replace(path, &history.text().map_err(about)?)?;
    }
    let report = report(&bundle, &contents, SignedBy::from(&verified), step);
    let text = match output {
        Output::Json => pretty(&report)?,
        Output::Text => text(&report, args.after),
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn rollback(
    args: &BundleVerifyArgs,
    authorities: &SigningAuthorities,
) -> Result<Option<Rollback>, Failure> {
    let Some(path) = &args.rollback else {
        return Ok(None);
    };
    let signature = files::signature_path(path);
    Rollback::read(path, &signature, authorities)
        .map(Some)
        .map_err(Failure::files)
}

/// Writes the files of a bundle into a folder that is new or empty, so that nothing there leads them
/// elsewhere and nothing of before is left.
fn unpack(folder: &Path, bundle: &Bundle) -> Result<(), Failure> {
    match folder.symlink_metadata() {
        Err(_) => fs::create_dir_all(folder).map_err(Failure::unwritable(folder))?,
        Ok(metadata) if !metadata.is_dir() => return Err(Failure::NoFolder(folder.to_owned())),
        Ok(_) => {
            let mut entries = fs::read_dir(folder).map_err(Failure::unreadable(folder))?;
            if entries.next().is_some() {
                return Err(Failure::NotEmpty(folder.to_owned()));
            }
        }
    }
    for file in bundle.files() {
        // INVARIANT: each path is one of those that a bundle may have, and none leads out.
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Failure::unwritable(parent))?;
        }
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut target| target.write_all(file.text.as_bytes()))
            .map_err(Failure::unwritable(&path))?;
    }
    Ok(())
}

fn report<'a>(
    bundle: &'a Bundle,
    contents: &'a Contents,
    signed_by: SignedBy,
    step: Option<Step>,
) -> Report<'a> {
    let manifests = contents.manifests.iter().map(|(manifest, verified)| {
        let spec = &manifest.document.spec;
        ManifestReport {
            name: manifest.name(),
            serial: spec.serial,
            not_after: clock::show(manifest.not_after),
            artifacts: spec.artifacts.len(),
            signed_by: SignedBy::from(verified),
        }
    });
    let files = bundle.files().iter().map(|file| file.path.as_str());
    Report {
        name: bundle.name(),
        version: bundle.version(),
        sha256: bundle.sha256(),
        signed_by,
        step,
        policy_sha256: hexadecimal::encode(&contents.policy.sha256),
        policy_hash: contents.policy.policy_hash(),
        files: files.collect(),
        manifests: manifests.collect(),
    }
}

fn text(report: &Report<'_>, after: Option<u64>) -> String {
    let step = match (report.step, after) {
        (None, _) => String::new(),
        (Some(Step::Same), _) => ", in force already".to_owned(),
        (Some(Step::Newer), None) => ", newer than all before".to_owned(),
        // Whether there was a higher one, only who gave it knows.
        (Some(Step::Newer), Some(version)) => format!(", newer than version {version}"),
        (Some(Step::Rollback), _) => ", a rollback".to_owned(),
    };
    let manifests = report.manifests.iter().map(|manifest| {
        format!(
            "\n  manifest {}: serial {}, {}, until {}, {}",
            manifest.name,
            manifest.serial,
            counted(manifest.artifacts, "artifact"),
            manifest.not_after,
            manifest.signed_by.text(),
        )
    });
    format!(
        "bundle {}, version {}: {}{step}, {}, sha256 {}, policy_hash {}{}",
        report.name,
        report.version,
        toned(Tone::Good, "ok"),
        report.signed_by.text(),
        report.sha256,
        report.policy_hash,
        manifests.collect::<String>(),
    )
}
