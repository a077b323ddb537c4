//! `sallyport cred verify --jws`: the signature of any compact JWS.

use std::path::Path;

use sallyport_credentials::jwk::Jwk;
use sallyport_credentials::jws::{InvalidJws, Jws};
use sallyport_mesh_config::finding::Printable;
use serde::Serialize;

use super::{conclude, toned_result};
use crate::args::{Output, VerifyArgs};
use crate::command::certificate;
use crate::command::failure::Failure;
use crate::exit::Exit;

#[derive(Serialize)]
struct Report<'a> {
    result: &'static str,
    /// The `alg` of the header.
    algorithm: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    key: KeyReport<'a>,
    note: &'static str,
}

#[derive(Serialize)]
struct KeyReport<'a> {
    algorithm: String,
    kid: Option<&'a str>,
    /// RFC 7638.
    thumbprint: String,
}

pub(super) fn run(args: &VerifyArgs, path: &Path, output: Output) -> Result<Exit, Failure> {
    let invalid = |cause: InvalidJws| Failure::Jws {
        path: path.to_owned(),
        cause,
    };
    let key_path = args.key.as_deref().ok_or(Failure::FlagNeeded("--key"))?;
    let keys = certificate::keys(key_path)?;
    let bytes = certificate::bytes(path)?;
    let jws = Jws::parse(&bytes).map_err(invalid)?;
    let payload = args
        .payload
        .as_deref()
        .map(certificate::bytes)
        .transpose()?;
    let signed = match jws.signed_text(payload.as_deref()) {
        Ok(signed) => signed,
        Err(InvalidJws::PayloadMissing) => return Err(Failure::FlagNeeded("--payload")),
        Err(InvalidJws::PayloadTwice) => {
            return Err(Failure::FlagsContradict("attached payload", "--payload"));
        }
        Err(cause) => return Err(invalid(cause)),
    };
    let key = choose(key_path, &keys, jws.kid())?;
    let verdict = signed.verify(key);
    let report = Report {
        result: if verdict.is_ok() {
            "verified"
        } else {
            "failed"
        },
        algorithm: jws.algorithm(),
        fault: match &verdict {
            Ok(()) => None,
            Err(fault) => Some(fault.to_string()),
        },
        key: KeyReport {
            algorithm: key.key().name(),
            kid: key.kid(),
            thumbprint: key.thumbprint(),
        },
        note: NOTE,
    };
    conclude(&report, &text(&report), verdict.is_ok(), output)
}

/// The one key, else the one that the header's `kid` names.
fn choose<'a>(path: &Path, keys: &'a [Jwk], kid: Option<&str>) -> Result<&'a Jwk, Failure> {
    match (keys, kid) {
        ([only], _) => Ok(only),
        (keys, None) => Err(Failure::KeyAmbiguous {
            path: path.to_owned(),
            count: keys.len(),
        }),
        (keys, Some(kid)) => keys
            .iter()
            .find(|key| key.kid() == Some(kid))
            .ok_or_else(|| Failure::KeyUnknown {
                path: path.to_owned(),
                kid: kid.escape_debug().take(MAXIMUM_SHOWN_CHARACTERS).collect(),
            }),
    }
}

fn text(report: &Report<'_>) -> String {
    let fault = report.fault.as_deref();
    let fault = fault.map(|fault| format!(": {fault}")).unwrap_or_default();
    format!(
        "signature    {}, {}{fault}\nkey          {}, thumbprint {}\nnote         {}",
        toned_result(report.result),
        Printable(report.algorithm),
        report.key.algorithm,
        report.key.thumbprint,
        report.note,
    )
}

const NOTE: &str = "only the signature was verified: no claim, no time, no audience";
const MAXIMUM_SHOWN_CHARACTERS: usize = 80;
