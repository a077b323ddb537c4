//! `sallyport cred authority new`.

use std::path::Path;

use sallyport_credentials::issue::{
    AuthorityOptions, ClassicalAuthority, HybridAuthority, RsaBits, TokenIssuer, TokenIssuerOptions,
};
use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, AlternativeTokenAlgorithm, Authorities, CertificateAuthority,
    ClassicalTokenAlgorithm, Material, TokenAuthority,
};
use sallyport_engine::time::TimeMs;
use serde::Serialize;

use super::staging::Staging;
use crate::args::{Algorithm, AuthorityArgs, AuthorityKind, Output, RsaSize};
use crate::clock;
use crate::command::failure::Failure;

/// The entry that pins the authority, in its place.
#[derive(Serialize)]
struct Pin {
    authorities: Authorities,
}

pub(super) fn run(args: &AuthorityArgs, output: Output) -> Result<(), Failure> {
    check_name(&args.name)?;
    let staging = Staging::new(&args.out)?;
    let authorities = match args.kind {
        AuthorityKind::Hybrid => {
            let authority = HybridAuthority::generate(&options(args)?)?;
            authority.save(staging.folder())?;
            certificates(
                authority.to_policy(&args.name, args.trust_domain.as_str())?,
                &args.out,
            )
        }
        AuthorityKind::Classical => {
            let authority = ClassicalAuthority::generate(&options(args)?)?;
            authority.save(staging.folder())?;
            certificates(
                authority.to_policy(&args.name, args.trust_domain.as_str()),
                &args.out,
            )
        }
        AuthorityKind::Token => {
            let issuer = TokenIssuer::generate(token_options(args))?;
            issuer.save(staging.folder())?;
            tokens(issuer.to_policy(), &args.out)
        }
    };
    let files = staging.publish(args.force)?;
    let pin = Pin { authorities };
    let text = format!(
        "To pin it, add this to `spec`\n\
         (paths as seen from this folder; adapt them if the policy stands elsewhere):\n\n{}",
        crate::command::yaml(&pin)?,
    );
    super::report(&args.out, &files, pin, &text, output)
}

/// The rule of the policy for names, before keys are made under one that no policy accepts.
fn check_name(name: &str) -> Result<(), Failure> {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let is_label = (1..=63).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if is_label {
        Ok(())
    } else {
        Err(Failure::AuthorityName(
            name.escape_debug().take(64).collect(),
        ))
    }
}

fn options(args: &AuthorityArgs) -> Result<AuthorityOptions, Failure> {
    let now = clock::now();
    let algorithm = match args.algorithm {
        Algorithm::MlDsa65 => AlternativeAlgorithm::MlDsa65,
        Algorithm::MlDsa87 => AlternativeAlgorithm::MlDsa87,
        Algorithm::Dilithium5 => return Err(Failure::LegacyAlgorithm),
    };
    let common_name = format!("{} of {}", args.name, args.trust_domain);
    let end = TimeMs(now.0.saturating_add(args.ttl.seconds.saturating_mul(1000)));
    let options = AuthorityOptions::new(&common_name, now, end);
    Ok(AuthorityOptions {
        rsa_bits: rsa_bits(args.rsa_bits),
        algorithm,
        ..options
    })
}

fn token_options(args: &AuthorityArgs) -> TokenIssuerOptions {
    let issuer = || format!("https://{}.{}", args.name, args.trust_domain);
    TokenIssuerOptions {
        name: args.name.clone(),
        trust_domain: args.trust_domain.to_string(),
        issuer: args.issuer.clone().unwrap_or_else(issuer),
        audience: args.audience.clone(),
        classical_algorithm: ClassicalTokenAlgorithm::PS256,
        algorithm: match args.algorithm {
            Algorithm::MlDsa65 => AlternativeTokenAlgorithm::MlDsa65,
            Algorithm::MlDsa87 => AlternativeTokenAlgorithm::MlDsa87,
            Algorithm::Dilithium5 => AlternativeTokenAlgorithm::Dilithium5,
        },
        rsa_bits: rsa_bits(args.rsa_bits),
        maximum_lifetime_seconds: None,
    }
}

const fn rsa_bits(size: RsaSize) -> RsaBits {
    match size {
        RsaSize::Bits2048 => RsaBits::Bits2048,
        RsaSize::Bits3072 => RsaBits::Bits3072,
        RsaSize::Bits4096 => RsaBits::Bits4096,
    }
}

fn certificates(mut entry: CertificateAuthority, out: &Path) -> Authorities {
    entry.ca_certificate = file(out, "ca.crt");
    if let Some(key) = &mut entry.alternative_key {
        key.public_key = file(out, "ca.mldsa.pub");
    }
    Authorities {
        certificates: Some(vec![entry]),
        tokens: None,
        ..Authorities::default()
    }
}

fn tokens(mut entry: TokenAuthority, out: &Path) -> Authorities {
    entry.classical_key.public_key = file(out, "token.pub");
    entry.alternative_key.public_key = file(out, "token.pq.pub");
    Authorities {
        certificates: None,
        tokens: Some(vec![entry]),
        ..Authorities::default()
    }
}

/// The policy names files below its own folder, which only the reader knows: say `--out` as typed.
fn file(out: &Path, name: &str) -> Material {
    Material::File(out.join(name).to_string_lossy().into_owned())
}
