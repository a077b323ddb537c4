//! `sallyport artifacts`: manifests of vetted models and images.

use std::path::Path;

use sallyport_credentials::signing::{Purpose, Subject};
use sallyport_engine::policy::raw::ApiVersion;
use sallyport_engine::time::TimeMs;
use sallyport_mesh_config::artifacts::import::{self, Imported, Options};
use sallyport_mesh_config::artifacts::{
    self, Artifact, ArtifactKind, Manifest, ManifestDocument, ManifestKind, ManifestMetadata,
    ManifestSpec, VerifiedManifest,
};
use sallyport_mesh_config::finding::{Code, Finding, Printable};
use sallyport_mesh_config::signing as files;
use serde::Serialize;

use super::failure::Failure;
use super::signing::{SignedBy, pins, pretty, sign, signature_of, time};
use super::{certificate, counted, writing};
use crate::args::{
    ArtifactsCommand, ArtifactsImportArgs, ArtifactsSignArgs, ArtifactsVerifyArgs, Output,
};
use crate::clock;
use crate::exit::Exit;
use crate::terminal::{self, Tone, labelled, toned};

/// The result of an import as JSON.
#[derive(Serialize)]
struct ImportReport<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<&'a ManifestDocument>,
    artifacts: usize,
    findings: &'a [Finding],
}

/// A manifest that holds, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    name: &'a str,
    issuer: &'a str,
    serial: u64,
    not_before: String,
    not_after: String,
    sha256: String,
    #[serde(flatten)]
    signed_by: SignedBy,
    artifacts: &'a [Artifact],
}

pub(super) fn run(command: &ArtifactsCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        ArtifactsCommand::Import(args) => import(args, output),
        ArtifactsCommand::Sign(args) => sign_manifest(args, output),
        ArtifactsCommand::Verify(args) => verify(args, output),
    }
}

fn import(args: &ArtifactsImportArgs, output: Output) -> Result<Exit, Failure> {
    let mut options = Options {
        kind: args.kind.map(Into::into),
        stage: args.stage.clone(),
        keys: Vec::new(),
    };
    for path in &args.keys {
        options.keys.extend(certificate::keys(path)?);
    }
    let (mut artifacts, mut findings, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for path in &args.sources {
        match source(path, &options) {
            Ok(imported) => {
                artifacts.extend(imported.artifacts);
                findings.extend(imported.remarks);
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    if !errors.is_empty() {
        return Err(Failure::files(errors));
    }
    let manifest = manifest(args, in_order(artifacts))?;
    let text = pretty(&manifest.document)? + "\n";
    if let Some(path) = &args.out {
        writing::write(path, text.as_bytes(), args.force)?;
    }
    match output {
        Output::Json => {
            let report = ImportReport {
                manifest: Some(&manifest.document).filter(|_| args.out.is_none()),
                artifacts: manifest.document.spec.artifacts.len(),
                findings: &findings,
            };
            terminal::line(pretty(&report)?).map_err(Failure::Output)?;
        }
        Output::Text => {
            for finding in &findings {
                terminal::complain(labelled(finding));
            }
            match &args.out {
                None => terminal::raw(text.as_bytes()),
                Some(path) => terminal::line(written(path, &manifest)),
            }
            .map_err(Failure::Output)?;
        }
    }
    Ok(Exit::Ok)
}

/// `models.yaml: manifest models, serial 1, 2 models and 1 image`.
fn written(path: &Path, manifest: &Manifest) -> String {
    let spec = &manifest.document.spec;
    let count = |kind: ArtifactKind| {
        let artifacts = spec.artifacts.iter();
        let count = artifacts.filter(|artifact| artifact.kind == kind).count();
        counted(count, kind.as_str())
    };
    format!(
        "{}: manifest {}, serial {}, {} and {}",
        Printable(&path.display().to_string()),
        manifest.name(),
        spec.serial,
        count(ArtifactKind::Model),
        count(ArtifactKind::Image),
    )
}

fn source(path: &Path, options: &Options) -> Result<Imported, Vec<Finding>> {
    let bytes = files::read(path, import::MAXIMUM_MEBIBYTES).map_err(|finding| vec![finding])?;
    import::import(&bytes, path, options)
}

/// The same sources in another order give the same manifest, and what two of them say alike stands
/// once.
fn in_order(mut artifacts: Vec<Artifact>) -> Vec<Artifact> {
    let key = |artifact: &Artifact| {
        let Artifact {
            kind,
            name,
            version,
            digest,
            ..
        } = artifact.clone();
        let source = artifact.source.clone().map(|source| source.sha256);
        (kind, name, version, digest, source)
    };
    artifacts.sort_by_key(key);
    artifacts.dedup_by(|next, first| {
        let said = |it: &Artifact| {
            (
                it.kind,
                it.digest.clone(),
                it.name.clone(),
                it.version.clone(),
            )
        };
        said(next) == said(first)
    });
    artifacts
}

fn manifest(args: &ArtifactsImportArgs, artifacts: Vec<Artifact>) -> Result<Manifest, Failure> {
    let start = time(args.at.as_deref())?;
    let end = TimeMs(
        start
            .0
            .saturating_add(args.ttl.seconds.saturating_mul(1000)),
    );
    let document = ManifestDocument {
        api_version: ApiVersion::V1Alpha1,
        kind: ManifestKind::ArtifactManifest,
        metadata: ManifestMetadata {
            name: args.name.clone(),
        },
        spec: ManifestSpec {
            issuer: args.issuer.clone(),
            serial: args.serial,
            not_before: clock::show(start),
            not_after: clock::show(end),
            artifacts,
        },
    };
    artifacts::from_document(document).map_err(Failure::files)
}

fn sign_manifest(args: &ArtifactsSignArgs, output: Output) -> Result<Exit, Failure> {
    let path = &args.manifest;
    let bytes = files::read(path, artifacts::MAXIMUM_MEBIBYTES)
        .map_err(|finding| Failure::files(vec![finding]))?;
    // Nobody could verify the signature of a document that is none, or is over.
    let manifest = artifacts::read(&bytes, path).map_err(Failure::files)?;
    let now = time(args.signer.at.as_deref())?;
    if let Err(finding) = manifest.in_force(now)
        && finding.code == Code::ManifestExpired
    {
        let name = path.display().to_string();
        return Err(Failure::files(vec![finding.in_file(name, None)]));
    }
    let subjects = [Subject::of(artifacts::SUBJECT, &bytes)];
    let signature = signature_of(path, args.signature.as_ref());
    sign(
        &args.signer,
        Purpose::Artifacts,
        &subjects,
        &signature,
        output,
    )
}

fn verify(args: &ArtifactsVerifyArgs, output: Output) -> Result<Exit, Failure> {
    let authorities = pins(&args.signed.pins)?;
    let now = time(args.at.as_deref())?;
    let path = &args.manifest;
    let signature = signature_of(path, args.signed.signature.as_ref());
    let verified =
        artifacts::verify(path, &signature, &authorities, now).map_err(Failure::files)?;
    let spec = &verified.manifest.document.spec;
    if let Some(after) = args.after
        && spec.serial <= after
    {
        let code = Code::ManifestOlder;
        let message = format!("is {}, and {after} counted already", spec.serial);
        let finding = Finding::new(code, "spec.serial", message).with_hint(code.row().remedy);
        let name = path.display().to_string();
        return Err(Failure::files(vec![finding.in_file(name, None)]));
    }
    let text = match output {
        Output::Json => pretty(&report(&verified))?,
        Output::Text => text(&verified),
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn report(verified: &VerifiedManifest) -> Report<'_> {
    let manifest = &verified.manifest;
    let spec = &manifest.document.spec;
    Report {
        name: manifest.name(),
        issuer: &spec.issuer,
        serial: spec.serial,
        not_before: clock::show(manifest.not_before),
        not_after: clock::show(manifest.not_after),
        sha256: verified.sha256.clone(),
        signed_by: SignedBy::from(&verified.signature),
        artifacts: &spec.artifacts,
    }
}

fn text(verified: &VerifiedManifest) -> String {
    let manifest = &verified.manifest;
    let spec = &manifest.document.spec;
    let lines = spec.artifacts.iter().map(|artifact| {
        let version = artifact.version.as_deref().unwrap_or("-");
        let stage = artifact.stage.as_deref().unwrap_or("-");
        let named = format!("{} {version} {stage}", artifact.name);
        let kind = artifact.kind.as_str();
        format!("\n  {kind} {} {}", artifact.digest, Printable(&named))
    });
    format!(
        "manifest {}: {}, serial {}, by {}, {}, until {}, {}{}",
        manifest.name(),
        toned(Tone::Good, "ok"),
        spec.serial,
        Printable(&spec.issuer),
        SignedBy::from(&verified.signature).text(),
        clock::show(manifest.not_after),
        counted(spec.artifacts.len(), "artifact"),
        lines.collect::<String>(),
    )
}
