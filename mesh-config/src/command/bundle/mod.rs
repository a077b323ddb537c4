//! `sallyport bundle`: what is in force, as one versioned file.

mod build;
mod compare;
mod history;
mod rollback;
mod verify;

use std::path::Path;

use sallyport_credentials::signing::{Purpose, Subject};
use sallyport_mesh_config::bundle::{Bundle, MAXIMUM_MEBIBYTES, SUBJECT};
use sallyport_mesh_config::signing as files;

use super::failure::Failure;
use super::signing::{sign, signature_of};
use crate::args::{BundleCommand, BundleSignArgs, Output};
use crate::exit::Exit;

pub(super) fn run(command: &BundleCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        BundleCommand::Build(args) => build::run(args, output),
        BundleCommand::Sign(args) => sign_bundle(args, output),
        BundleCommand::Verify(args) => verify::run(args, output),
        BundleCommand::Diff(args) => compare::run(args, output),
        BundleCommand::History(args) => history::run(args, output),
        BundleCommand::Rollback(args) => rollback::run(args, output),
    }
}

/// Reads the form of a bundle.
fn read(path: &Path) -> Result<Bundle, Failure> {
    let bytes =
        files::read(path, MAXIMUM_MEBIBYTES).map_err(|finding| Failure::files(vec![finding]))?;
    Bundle::read(&bytes, path).map_err(Failure::files)
}

/// What the signature of a bundle covers.
fn subject(bundle: &Bundle) -> [Subject; 1] {
    [Subject::of(SUBJECT, bundle.text().as_bytes())]
}

fn sign_bundle(args: &BundleSignArgs, output: Output) -> Result<Exit, Failure> {
    let bundle = read(&args.bundle)?;
    let signature = signature_of(&args.bundle, args.signature.as_ref());
    sign(
        &args.signer,
        Purpose::Bundle,
        &subject(&bundle),
        &signature,
        output,
    )
}
