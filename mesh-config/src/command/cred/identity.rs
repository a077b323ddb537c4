//! `sallyport cred issue identity` and `sallyport cred prove`.

use std::fs;
use std::path::Path;

use sallyport_credentials::issue::{ProofKey, ProofRequest, TokenIssuer, TokenKind, TokenRequest};
use sallyport_credentials::sha256;
use sallyport_engine::headers::{IDENTITY_TOKEN, PROOF, TOKEN_SIGNATURE};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use sallyport_engine::time::TimeMs;
use serde::Serialize;

use super::staging::Staging;
use crate::args::{IdentityArgs, Output, ProofKeyKind, ProveArgs};
use crate::clock;
use crate::command::certificate;
use crate::command::failure::Failure;
use crate::terminal;

#[derive(Serialize)]
struct Details {
    spiffe_id: String,
    not_after: String,
}

#[derive(Serialize)]
struct Proof {
    proof: String,
    not_after: String,
}

const KEY_FILE: &str = "proof-key.pem";
const PROOF_SECONDS: u64 = 60;

pub(super) fn issue(args: &IdentityArgs, output: Output) -> Result<(), Failure> {
    let der = certificate::read(&args.certificate)?;
    let named =
        certificate::subject(&der).ok_or_else(|| Failure::NoWorkload(args.certificate.clone()))?;
    let subject = args.spiffe_id.clone().unwrap_or(named);
    let issuer = TokenIssuer::load(&args.authority).map_err(|cause| Failure::Authority {
        path: args.authority.clone(),
        cause,
    })?;
    let key = ProofKey::generate(args.key.into())?;
    let now_seconds = now_seconds();
    let issued = issuer.issue_token(&TokenRequest {
        kind: TokenKind::Identity(key.public_jwk()),
        lifetime_seconds: args.ttl.seconds,
        ..TokenRequest::new(subject.as_str(), sha256(&der), now_seconds)
    })?;
    let staging = Staging::new(&args.out)?;
    staging.write_secret(IDENTITY_TOKEN, issued.token.as_bytes())?;
    staging.write_secret(TOKEN_SIGNATURE, issued.signature.as_bytes())?;
    staging.write_secret(KEY_FILE, key.private_key_pem()?.expose().as_bytes())?;
    let files = staging.publish(args.force)?;
    let details = Details {
        spiffe_id: subject.to_string(),
        not_after: shown(now_seconds, args.ttl.seconds),
    };
    let text = format!(
        "workload identity token of {}\nvalid until {}\nMake a proof for each connection with \
         `sallyport cred prove --identity {}`.",
        details.spiffe_id,
        details.not_after,
        args.out.display(),
    );
    super::report(&args.out, &files, details, &text, output)
}

pub(super) fn prove(args: &ProveArgs, output: Output) -> Result<(), Failure> {
    let token = read(&args.identity.join(IDENTITY_TOKEN))?;
    let path = args.identity.join(KEY_FILE);
    let key =
        ProofKey::from_private_key_pem(&read(&path)?).map_err(|cause| Failure::Authority {
            path: path.clone(),
            cause,
        })?;
    let access_token = args.access_token.as_deref().map(read).transpose()?;
    let now_seconds = now_seconds();
    let mut request = ProofRequest::new(token.trim(), args.to.as_str(), now_seconds);
    request.expires_at_seconds = now_seconds.saturating_add(PROOF_SECONDS);
    request.access_token = access_token.as_deref().map(str::trim);
    let proof = Proof {
        proof: key.prove(&request)?,
        not_after: shown(now_seconds, PROOF_SECONDS),
    };
    let text = match output {
        // As `curl --header @-` takes it.
        Output::Text => format!("{PROOF}: {}", proof.proof),
        Output::Json => super::pretty(&proof)?,
    };
    terminal::line(&text).map_err(Failure::Output)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::unreadable(path))
}

fn now_seconds() -> u64 {
    clock::now().0.checked_div(1000).unwrap_or_default()
}

fn shown(now_seconds: u64, lifetime_seconds: u64) -> String {
    clock::show(TimeMs::from_seconds(
        now_seconds.saturating_add(lifetime_seconds),
    ))
}

impl From<ProofKeyKind> for AlternativeAlgorithm {
    fn from(kind: ProofKeyKind) -> Self {
        match kind {
            ProofKeyKind::MlDsa44 => Self::MlDsa44,
            ProofKeyKind::MlDsa65 => Self::MlDsa65,
            ProofKeyKind::MlDsa87 => Self::MlDsa87,
        }
    }
}
