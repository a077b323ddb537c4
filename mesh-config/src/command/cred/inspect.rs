//! `sallyport cred inspect`.

use std::path::Path;

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_credentials::certificate as credential;
use sallyport_credentials::document::DocumentKind;
use sallyport_credentials::jwk::{self, Jwk};
use sallyport_credentials::public_key::PublicKey;
use sallyport_credentials::report::{Description, KeyDescription};
use sallyport_engine::facts::PeerCertificate;
use sallyport_engine::reason::DenyReason;
use sallyport_mesh_config::policy_file;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::{InspectArgs, Output};
use crate::command::certificate;
use crate::command::failure::Failure;

/// What a file holds.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Shown {
    Certificate {
        #[serde(flatten)]
        description: Box<Description>,
        /// What the policy's authorities say; absent without a policy.
        #[serde(skip_serializing_if = "Option::is_none")]
        verification: Option<String>,
    },
    PublicKey {
        #[serde(flatten)]
        key: KeyDescription,
        /// RFC 7638.
        #[serde(skip_serializing_if = "Option::is_none")]
        thumbprint: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<String>,
    },
    Token {
        header: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        claims: Option<Value>,
        /// Of the payload, where that is no JSON.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload_bytes: Option<usize>,
    },
    /// More than one.
    Several { documents: Vec<Shown> },
}

pub(super) fn run(args: &InspectArgs, output: Output) -> Result<(), Failure> {
    let bytes = certificate::bytes(&args.file)?;
    let mut shown = match bytes.trim_ascii().first() {
        Some(b'{') => show_jwks(&args.file, &bytes)?,
        Some(_) if is_compact(&bytes) => vec![show_token(&args.file, &bytes)?],
        Some(_) | None => show_documents(args, &bytes)?,
    };
    match (shown.pop(), shown.is_empty()) {
        (Some(only), true) => super::print(&only, output),
        (Some(last), false) => {
            shown.push(last);
            super::print(&Shown::Several { documents: shown }, output)
        }
        (None, _) => Err(Failure::Unknown(args.file.clone())),
    }
}

fn show_documents(args: &InspectArgs, bytes: &[u8]) -> Result<Vec<Shown>, Failure> {
    let documents = certificate::documents(&args.file, bytes)?;
    let shown = documents.iter().map(|document| match document.kind {
        DocumentKind::Certificate => show_certificate(args, &document.bytes),
        DocumentKind::PublicKey => Ok(Shown::PublicKey {
            key: KeyDescription::of(&document.bytes),
            thumbprint: match PublicKey::from_spki(&document.bytes) {
                Ok(key) => Some(jwk::thumbprint(&key)),
                Err(_) => None,
            },
            kid: None,
        }),
        DocumentKind::Dilithium5PublicKey => Ok(Shown::PublicKey {
            key: KeyDescription {
                algorithm: "Dilithium5".to_owned(),
                ..KeyDescription::of(&document.bytes)
            },
            thumbprint: None,
            kid: None,
        }),
    });
    shown.collect()
}

fn show_certificate(args: &InspectArgs, der: &[u8]) -> Result<Shown, Failure> {
    let description = certificate::parse(&args.file, der)?.describe();
    let verification = match &args.policy {
        Some(policy) => Some(verify(policy, der)?),
        None => None,
    };
    Ok(Shown::Certificate {
        description: Box::new(description),
        verification,
    })
}

/// What the authorities of a policy say about a certificate. Its times are not compared.
fn verify(policy: &Path, der: &[u8]) -> Result<String, Failure> {
    let loaded = policy_file::load(policy)?;
    Ok(match credential::read(&loaded.authorities, der) {
        PeerCertificate::Read {
            credential: Ok(facts),
            ..
        } => match facts.authority {
            Some(name) => format!("{} by authority {name}", facts.assurance),
            None => format!("{}: no pinned authority issued it", facts.assurance),
        },
        PeerCertificate::Read {
            credential: Err(fault),
            ..
        } => {
            let row = DenyReason::from(fault).row();
            format!("refused, {}: {}", row.code, row.meaning)
        }
        PeerCertificate::Unavailable | PeerCertificate::Unreadable => {
            "refused: no workload certificate".to_owned()
        }
    })
}

fn show_jwks(path: &Path, bytes: &[u8]) -> Result<Vec<Shown>, Failure> {
    let keys = jwk::read(bytes).map_err(|cause| Failure::Jwk {
        path: path.to_owned(),
        cause,
    })?;
    let show = |key: &Jwk| Shown::PublicKey {
        key: KeyDescription::of(key.key().spki()),
        thumbprint: Some(key.thumbprint()),
        kid: key.kid().map(str::to_owned),
    };
    Ok(keys.iter().map(show).collect())
}

/// Whether it looks like a compact JWS, attached or detached: two dots, and base64url.
fn is_compact(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.iter().all(plain) && text.iter().filter(|byte| **byte == b'.').count() == 2
}

/// The halves of a token: header and claims, without verifying anything.
fn show_token(path: &Path, bytes: &[u8]) -> Result<Shown, Failure> {
    let unknown = || Failure::Unknown(path.to_owned());
    let text = str::from_utf8(bytes.trim_ascii()).map_err(|_| unknown())?;
    let mut parts = text.split('.');
    let (Some(header), Some(payload)) = (parts.next(), parts.next()) else {
        return Err(unknown());
    };
    let decode = |part| Base64UrlUnpadded::decode_vec(part).map_err(|_| unknown());
    let header: Map<String, Value> =
        serde_json::from_slice(&decode(header)?).map_err(|_| unknown())?;
    let payload = decode(payload)?;
    let (claims, payload_bytes) = match serde_json::from_slice(&payload) {
        Ok(claims) => (Some(claims), None),
        Err(_) => (None, Some(payload.len())),
    };
    Ok(Shown::Token {
        header: Value::Object(header),
        claims,
        payload_bytes,
    })
}
