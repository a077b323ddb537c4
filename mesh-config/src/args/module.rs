//! `sallyport module`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::signing::{SignedArgs, SignerArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum ModuleCommand {
    /// Sign the wasm module and its bill of materials with both keys of an authority.
    Sign(ModuleSignArgs),
    /// Verify the wasm module and its bill of materials, and print the module's digest.
    Verify(ModuleVerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ModuleSignArgs {
    /// The module.
    pub(crate) module: PathBuf,
    /// Its bill of materials: CycloneDX in JSON, as `make sbom` writes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) sbom: PathBuf,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    /// Where to write the signature. Default: the module's name and `.sig`.
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct ModuleVerifyArgs {
    /// The module.
    pub(crate) module: PathBuf,
    /// Its bill of materials.
    #[arg(long, value_name = "FILE")]
    pub(crate) sbom: PathBuf,
    #[command(flatten)]
    pub(crate) signed: SignedArgs,
}

const EXAMPLE: &str = "\
Example:
  sallyport module verify sallyport.wasm --sbom sallyport.cdx.json --authority signing-authority.json

`sallyport render --module-file` does the same before it writes the digest.
Exit codes: 0 all holds, 1 it does not, with the reason, 3 usage or I/O.";
