//! `sallyport cred signer` and `cred sign`: keys that sign documents.

use std::env;
use std::io::{self, Read};
use std::path::Path;

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_credentials::issue::{AUTHORITY_FILE, SigningKeys, SigningOptions};
use sallyport_credentials::signing::{Half, InvalidSigningAuthority, SigningAuthority};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use sallyport_mesh_config::finding::{Code, Finding};
use serde::Serialize;

use super::authority::{check_name, key_kind};
use super::staging::Staging;
use crate::args::{Output, SignArgs, SignerKeysArgs, SigningAlgorithm};
use crate::command::certificate;
use crate::command::failure::Failure;
use crate::terminal;

#[derive(Serialize)]
struct Details<'a> {
    name: &'a str,
}

pub(super) fn make(args: &SignerKeysArgs, output: Output) -> Result<(), Failure> {
    check_name(&args.name)?;
    let text;
    let staging = if args.public_keys.is_empty() {
        let keys = SigningKeys::generate(&options(args))?;
        let staging = Staging::new(&args.out)?;
        keys.save(staging.folder())?;
        text = "Keep the private keys where only the signer is; pin the public file with `--authority`.";
        staging
    } else {
        let authority = of_public_keys(args)?;
        let staging = Staging::new(&args.out)?;
        let public = super::pretty(&authority.to_json())? + "\n";
        staging.write_public(AUTHORITY_FILE, public.as_bytes())?;
        text = "Pin it with `--authority`, and sign with `--signer-command`.";
        staging
    };
    let files = staging.publish(args.force)?;
    let details = Details { name: &args.name };
    super::report(&args.out, &files, details, text, output)
}

/// Signs standard input as the environment says.
pub(super) fn sign(args: &SignArgs) -> Result<(), Failure> {
    let half = match env::var("SALLYPORT_SIGN_HALF").as_deref() {
        Ok("classical") => Half::Classical,
        Ok("alternative") => Half::Alternative,
        Ok(_) | Err(_) => return Err(Failure::FlagNeeded("SALLYPORT_SIGN_HALF")),
    };
    let keys = SigningKeys::load(&args.keys).map_err(|cause| Failure::Authority {
        path: args.keys.clone(),
        cause,
    })?;
    let mut message = Vec::new();
    let input = Path::new("-");
    io::stdin()
        .take(MAXIMUM_BYTES)
        .read_to_end(&mut message)
        .map_err(Failure::unreadable(input))?;
    let signature = keys.sign(half, &message)?;
    let text = Base64UrlUnpadded::encode_string(&signature);
    terminal::line(text).map_err(Failure::Output)
}

fn of_public_keys(args: &SignerKeysArgs) -> Result<SigningAuthority, Failure> {
    let refuse = |cause: InvalidSigningAuthority| {
        let code = Code::SigningAuthorityForm;
        Failure::Files(vec![Finding::new(code, "--public-key", cause.to_string())])
    };
    let mut keys = Vec::new();
    for path in &args.public_keys {
        keys.extend(certificate::public_keys(path)?);
    }
    let keys = keys
        .try_into()
        .map_err(|_| refuse(InvalidSigningAuthority::Keys))?;
    SigningAuthority::of_keys(&args.name, keys).map_err(refuse)
}

fn options(args: &SignerKeysArgs) -> SigningOptions {
    let (key, rsa_bits) = key_kind(args.key);
    SigningOptions {
        name: args.name.clone(),
        key,
        rsa_bits,
        algorithm: match args.algorithm {
            SigningAlgorithm::MlDsa65 => AlternativeAlgorithm::MlDsa65,
            SigningAlgorithm::MlDsa87 => AlternativeAlgorithm::MlDsa87,
        },
    }
}

/// What a draft asks to sign is much shorter.
const MAXIMUM_BYTES: u64 = 64 * 1024;
