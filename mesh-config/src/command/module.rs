//! `sallyport module`: the wasm module and its bill of materials.

use std::path::{Path, PathBuf};

use sallyport_credentials::signing::{Purpose, Verified};
use sallyport_mesh_config::module::Release;
use sallyport_mesh_config::signing;
use serde::Serialize;

use super::counted;
use super::failure::Failure;
use super::signing::{SignedBy, pretty, sign, signature_of};
use crate::args::{ModuleCommand, ModuleSignArgs, ModuleVerifyArgs, Output};
use crate::exit::Exit;
use crate::terminal::{self, Tone, toned};

/// A module that holds, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    module: String,
    sha256: &'a str,
    components: usize,
    #[serde(flatten)]
    signed_by: SignedBy,
}

pub(super) fn run(command: &ModuleCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        ModuleCommand::Sign(args) => sign_module(args, output),
        ModuleCommand::Verify(args) => verify_module(args, output),
    }
}

fn sign_module(args: &ModuleSignArgs, output: Output) -> Result<Exit, Failure> {
    let release = Release::read(&args.module, &args.sbom).map_err(Failure::files)?;
    let signature = signature_of(&args.module, args.signature.as_ref());
    sign(
        &args.signer,
        Purpose::Module,
        &release.subjects,
        &signature,
        output,
    )
}

fn verify_module(args: &ModuleVerifyArgs, output: Output) -> Result<Exit, Failure> {
    let (release, verified) = verify(
        &args.module,
        &args.sbom,
        args.signed.signature.as_ref(),
        &args.signed.pins.authorities,
    )?;
    let signed_by = SignedBy::from(&verified);
    let text = match output {
        Output::Json => pretty(&Report {
            module: args.module.display().to_string(),
            sha256: release.sha256(),
            components: release.components,
            signed_by,
        })?,
        Output::Text => format!(
            "module {}, {}, {}, sha256 {}",
            toned(Tone::Good, "ok"),
            counted(release.components, "component"),
            signed_by.text(),
            release.sha256(),
        ),
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

/// A module and its bill of materials that one of these authorities signed.
pub(super) fn verify(
    module: &Path,
    sbom: &Path,
    signature: Option<&PathBuf>,
    authorities: &[PathBuf],
) -> Result<(Release, Verified), Failure> {
    let authorities = signing::authorities(authorities).map_err(Failure::files)?;
    let release = Release::read(module, sbom).map_err(Failure::files)?;
    let verified = release
        .verify(&signature_of(module, signature), &authorities)
        .map_err(|finding| Failure::files(vec![finding]))?;
    Ok((release, verified))
}
