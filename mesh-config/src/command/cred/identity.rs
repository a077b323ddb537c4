//! `sallyport cred issue identity` and `sallyport cred prove`.

use std::fs;
use std::path::Path;

use sallyport_credentials::issue::{ProofKey, ProofRequest, TokenKind, TokenRequest};
use sallyport_engine::headers::{IDENTITY_TOKEN, PROOF};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use serde::Serialize;

use super::token::{self, Kind, now_seconds, shown};
use crate::args::{IdentityArgs, Output, ProofKeyKind, ProveArgs};
use crate::command::failure::Failure;
use crate::terminal;

#[derive(Serialize)]
struct Proof {
    proof: String,
    not_after: String,
}

const KEY_FILE: &str = "proof-key.pem";
const PROOF_SECONDS: u64 = 60;

pub(super) fn issue(args: &IdentityArgs, output: Output) -> Result<(), Failure> {
    let key = ProofKey::generate(args.key.into())?;
    let pem = key.private_key_pem()?;
    let kind = Kind {
        name: "workload identity token",
        header: IDENTITY_TOKEN,
        secrets: &[(KEY_FILE, pem.expose().as_bytes())],
        advice: format!(
            "Make a proof for each connection with `sallyport cred prove --identity {}`.",
            args.bound.out.display(),
        ),
    };
    let holder = |request: &mut TokenRequest| request.kind = TokenKind::Identity(key.public_jwk());
    token::issue(&args.bound, &kind, holder, output)
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

impl From<ProofKeyKind> for AlternativeAlgorithm {
    fn from(kind: ProofKeyKind) -> Self {
        match kind {
            ProofKeyKind::MlDsa44 => Self::MlDsa44,
            ProofKeyKind::MlDsa65 => Self::MlDsa65,
            ProofKeyKind::MlDsa87 => Self::MlDsa87,
        }
    }
}
