//! `sallyport cred show`.

use std::fs;
use std::path::Path;

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_credentials::{certificate as credential, sha256};
use sallyport_engine::facts::{CredentialFacts, CredentialFault, PeerCertificate};
use sallyport_engine::identity::SpiffeId;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::record::hexadecimal;
use sallyport_mesh_config::policy_file;
use serde::Serialize;
use serde_json::Value;

use crate::args::{Output, ShowArgs};
use crate::clock;
use crate::command::certificate;
use crate::command::failure::Failure;
use crate::terminal;

/// What a file holds.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Shown {
    Certificate {
        spiffe_id: String,
        sha256: String,
        #[serde(flatten)]
        validity: Option<Validity>,
        /// What the policy's authorities say; absent without a policy.
        #[serde(skip_serializing_if = "Option::is_none")]
        verification: Option<String>,
    },
    PublicKey {
        label: String,
    },
    Token {
        header: Value,
        claims: Value,
    },
}

#[derive(Serialize)]
struct Validity {
    not_before: String,
    not_after: String,
}

pub(super) fn run(args: &ShowArgs, output: Output) -> Result<(), Failure> {
    let bytes = fs::read(&args.file).map_err(Failure::unreadable(&args.file))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::Unknown(args.file.clone()))?;
    if text.contains("PRIVATE KEY") {
        return Err(Failure::PrivateKey(args.file.clone()));
    }
    let label = text.trim_start().strip_prefix("-----BEGIN ");
    let shown = match label.and_then(|rest| rest.split("-----").next()) {
        Some("CERTIFICATE") => show_certificate(args)?,
        Some(label) if label.ends_with("PUBLIC KEY") => Shown::PublicKey {
            label: label.into(),
        },
        Some(_) => return Err(Failure::Unknown(args.file.clone())),
        None => show_token(text.trim()).map_err(|_| Failure::Unknown(args.file.clone()))?,
    };
    let text = match output {
        Output::Text => crate::command::yaml(&shown)?,
        Output::Json => {
            serde_json::to_string_pretty(&shown).map_err(|_| Failure::Encoding("JSON"))?
        }
    };
    terminal::line(text.trim_end()).map_err(Failure::Output)
}

fn show_certificate(args: &ShowArgs) -> Result<Shown, Failure> {
    let der = certificate::read(&args.file)?;
    let no_workload = || Failure::NoWorkload(args.file.clone());
    let (subject, unverified) = named(certificate::unverified(&der)).ok_or_else(no_workload)?;
    let verification = match &args.policy {
        Some(policy) => Some(verify(policy, &der)?),
        None => None,
    };
    let validity = match unverified {
        Ok(facts) => Some(Validity {
            not_before: clock::show(facts.not_before),
            not_after: clock::show(facts.not_after),
        }),
        Err(_) => None,
    };
    Ok(Shown::Certificate {
        spiffe_id: subject.to_string(),
        sha256: hexadecimal(&sha256(&der)),
        validity,
        verification,
    })
}

type Named = (SpiffeId, Result<CredentialFacts, CredentialFault>);

fn named(certificate: PeerCertificate) -> Option<Named> {
    match certificate {
        PeerCertificate::Read {
            subject,
            credential,
        } => Some((subject, credential)),
        PeerCertificate::Unavailable | PeerCertificate::Unreadable => None,
    }
}

/// What the authorities of a policy say about a certificate. Its times are not compared.
fn verify(policy: &Path, der: &[u8]) -> Result<String, Failure> {
    let loaded = policy_file::load(policy)?;
    Ok(match named(credential::read(&loaded.authorities, der)) {
        Some((_, Ok(facts))) => match facts.authority {
            Some(name) => format!("{} by authority {name}", facts.assurance),
            None => format!("{}: no pinned authority issued it", facts.assurance),
        },
        Some((_, Err(fault))) => {
            let row = DenyReason::from(fault).row();
            format!("refused, {}: {}", row.code, row.meaning)
        }
        None => "refused: no workload certificate".to_owned(),
    })
}

/// The JWT half of a token: header and claims, without verifying anything.
fn show_token(text: &str) -> Result<Shown, NotAToken> {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, claims, _signature] = parts.as_slice() else {
        return Err(NotAToken);
    };
    Ok(Shown::Token {
        header: json(header)?,
        claims: json(claims)?,
    })
}

/// A text that is no compact JWT.
struct NotAToken;

fn json(part: &str) -> Result<Value, NotAToken> {
    let bytes = Base64UrlUnpadded::decode_vec(part).map_err(|_| NotAToken)?;
    serde_json::from_slice(&bytes).map_err(|_| NotAToken)
}
