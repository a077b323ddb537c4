//! `sallyport cred authority new`.

use std::fs;
use std::path::Path;

use sallyport_credentials::issue::{
    AuthorityKey, AuthorityOptions, ClassicalAuthority, HybridAuthority, RsaBits, TokenIssuer,
    TokenIssuerOptions,
};
use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, AlternativeTokenAlgorithm, ClassicalTokenAlgorithm,
};
use sallyport_engine::time::TimeMs;

use super::folder::{AuthorityFolder, Loaded, Named};
use super::pin::Pin;
use crate::args::{Algorithm, AuthorityArgs, AuthorityKeyKind, AuthorityKind, Output};
use crate::clock;
use crate::command::certificate;
use crate::command::cred::{report, staging::Staging};
use crate::command::failure::Failure;

pub(in crate::command::cred) fn run(args: &AuthorityArgs, output: Output) -> Result<(), Failure> {
    check_name(&args.name)?;
    // Before keys are made, and before a folder is.
    let issuer = args.issuer.as_deref().map(AuthorityFolder::new);
    let named = Named::first(&args.name, args.trust_domain.as_str());
    let pin = match args.kind {
        AuthorityKind::Token => {
            if issuer.is_some() {
                return Err(Failure::FlagsContradict("--kind token", "--issuer"));
            }
            let options = token_options(args)?;
            let staging = Staging::new(&args.out)?;
            TokenIssuer::generate(options)?.save(staging.folder())?;
            finish(&named, &args.out, staging, args.force)?
        }
        AuthorityKind::Hybrid | AuthorityKind::Classical => {
            let is_hybrid = args.kind == AuthorityKind::Hybrid;
            let mut options = options(args, is_hybrid)?;
            let parent = issuer
                .as_ref()
                .map(|issuer| below(issuer, is_hybrid, &mut options, args.path_length.is_some()))
                .transpose()?;
            let staging = Staging::new(&args.out)?;
            generate(is_hybrid, &options, issuer.as_ref().zip(parent), &staging)?;
            finish(&named, &args.out, staging, args.force)?
        }
    };
    let text = format!(
        "To pin it, add this to `spec`\n\
         (paths as seen from this folder; adapt them if the policy stands elsewhere):\n\n{}",
        crate::command::yaml(&pin.0)?,
    );
    report(&args.out, &pin.1, pin.0, &text, output)
}

/// Writes what the library does not, and makes all files appear.
pub(super) fn finish(
    named: &Named,
    out: &Path,
    staging: Staging,
    force: bool,
) -> Result<(Pin, Vec<String>), Failure> {
    named.write(&staging)?;
    let pin = Pin::of(&AuthorityFolder::new(staging.folder()), named, out)?;
    let files = staging.publish(force)?;
    if force {
        remove_others(out, &files)?;
    }
    Ok((pin, files))
}

/// What an authority of another kind left in the folder would make the new one another.
fn remove_others(out: &Path, files: &[String]) -> Result<(), Failure> {
    for name in AUTHORITY_FILES {
        let path = out.join(name);
        if !files.iter().any(|file| file == name) && path.symlink_metadata().is_ok() {
            fs::remove_file(&path).map_err(Failure::unwritable(&path))?;
        }
    }
    Ok(())
}

/// Makes a certificate authority: by itself, or issued by the parent.
pub(super) fn generate(
    is_hybrid: bool,
    options: &AuthorityOptions,
    parent: Option<(&AuthorityFolder<'_>, Loaded)>,
    staging: &Staging,
) -> Result<(), Failure> {
    match (&parent, is_hybrid) {
        (None, true) => HybridAuthority::generate(options)?.save(staging.folder())?,
        (None, false) => ClassicalAuthority::generate(options)?.save(staging.folder())?,
        (Some((_, Loaded::Hybrid(parent))), true) => {
            parent.issue_authority(options)?.save(staging.folder())?;
        }
        (Some((_, Loaded::Classical(parent))), false) => {
            parent.issue_authority(options)?.save(staging.folder())?;
        }
        (Some((folder, _)), _) => return Err(Failure::OtherKind(folder.path().to_owned())),
    }
    match parent {
        Some((folder, _)) => folder.write_chain_below(staging),
        None => Ok(()),
    }
}

/// Loads the issuer of an intermediate, and fits the options into what it allows: room for
/// authorities below, and the end of its own validity.
pub(super) fn below(
    issuer: &AuthorityFolder<'_>,
    is_hybrid: bool,
    options: &mut AuthorityOptions,
    is_exact: bool,
) -> Result<Loaded, Failure> {
    let loaded = issuer.load()?;
    if matches!(loaded, Loaded::Hybrid(_)) != is_hybrid {
        return Err(Failure::OtherKind(issuer.path().to_owned()));
    }
    let der = issuer.certificate()?;
    let description = certificate::parse(issuer.path(), &der)?.describe();
    if let Some(length) = description.path_length {
        let too_long = || Failure::PathLength(issuer.path().to_owned());
        let room = length.checked_sub(1).ok_or_else(too_long)?;
        let room = u8::try_from(room).unwrap_or(u8::MAX);
        if is_exact && options.intermediates > room {
            return Err(too_long());
        }
        options.intermediates = options.intermediates.min(room);
    }
    if let Some(validity) = description.validity {
        let end = u64::try_from(validity.not_after.0).unwrap_or_default();
        let end = TimeMs::from_seconds(end);
        options.not_after = options.not_after.min(end);
    }
    Ok(loaded)
}

/// The rule of the policy for names, before keys are made under one that no policy accepts.
pub(in crate::command::cred) fn check_name(name: &str) -> Result<(), Failure> {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let is_label = (1..=63).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if is_label {
        Ok(())
    } else {
        let shown = name.escape_debug().take(80).collect();
        Err(Failure::AuthorityName(shown))
    }
}

fn options(args: &AuthorityArgs, is_hybrid: bool) -> Result<AuthorityOptions, Failure> {
    let now = clock::now();
    let algorithm = match args.algorithm {
        Algorithm::MlDsa44 => AlternativeAlgorithm::MlDsa44,
        Algorithm::MlDsa65 => AlternativeAlgorithm::MlDsa65,
        Algorithm::MlDsa87 => AlternativeAlgorithm::MlDsa87,
        Algorithm::Dilithium5 if is_hybrid => return Err(Failure::LegacyAlgorithm),
        Algorithm::Dilithium5 => AlternativeAlgorithm::default(),
    };
    let common_name = format!("{} of {}", args.name, args.trust_domain);
    let end = TimeMs(now.0.saturating_add(args.ttl.seconds.saturating_mul(1000)));
    let options = AuthorityOptions::new(&common_name, now, end);
    let (key, rsa_bits) = key_kind(args.key);
    Ok(AuthorityOptions {
        key,
        rsa_bits,
        algorithm,
        intermediates: args.path_length.unwrap_or(DEFAULT_PATH_LENGTH),
        ..options
    })
}

/// A kind of classical key as it is typed.
pub(in crate::command::cred) fn key_kind(kind: AuthorityKeyKind) -> (AuthorityKey, RsaBits) {
    match kind {
        AuthorityKeyKind::Rsa2048 => (AuthorityKey::Rsa, RsaBits::Bits2048),
        AuthorityKeyKind::Rsa3072 => (AuthorityKey::Rsa, RsaBits::Bits3072),
        AuthorityKeyKind::Rsa4096 => (AuthorityKey::Rsa, RsaBits::Bits4096),
        AuthorityKeyKind::EcdsaP256 => (AuthorityKey::EcdsaP256, RsaBits::default()),
        AuthorityKeyKind::EcdsaP384 => (AuthorityKey::EcdsaP384, RsaBits::default()),
    }
}

fn token_options(args: &AuthorityArgs) -> Result<TokenIssuerOptions, Failure> {
    let issuer = || format!("https://{}.{}", args.name, args.trust_domain);
    Ok(TokenIssuerOptions {
        name: args.name.clone(),
        trust_domain: args.trust_domain.to_string(),
        issuer: args.token_issuer.clone().unwrap_or_else(issuer),
        audience: args.audience.clone(),
        classical_algorithm: ClassicalTokenAlgorithm::PS256,
        algorithm: match args.algorithm {
            Algorithm::MlDsa44 => AlternativeTokenAlgorithm::MlDsa44,
            Algorithm::MlDsa65 => AlternativeTokenAlgorithm::MlDsa65,
            Algorithm::MlDsa87 => AlternativeTokenAlgorithm::MlDsa87,
            Algorithm::Dilithium5 => AlternativeTokenAlgorithm::Dilithium5,
        },
        rsa_bits: match args.key {
            AuthorityKeyKind::Rsa2048 => RsaBits::Bits2048,
            AuthorityKeyKind::Rsa3072 => RsaBits::Bits3072,
            AuthorityKeyKind::Rsa4096 => RsaBits::Bits4096,
            AuthorityKeyKind::EcdsaP256 | AuthorityKeyKind::EcdsaP384 => {
                return Err(Failure::TokenKey);
            }
        },
        maximum_lifetime_seconds: None,
    })
}

/// All files that an authority of some kind has.
const AUTHORITY_FILES: [&str; 10] = [
    "ca.crt",
    "ca.key",
    "ca.mldsa.key",
    "ca.mldsa.pub",
    "ca-chain.pem",
    "issuer.json",
    "token.key",
    "token.pub",
    "token.pq.key",
    "token.pq.pub",
];
/// Room for one authority below a root.
const DEFAULT_PATH_LENGTH: u8 = 1;
