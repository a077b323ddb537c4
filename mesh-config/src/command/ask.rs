//! From what was typed to a request to judge.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use sallyport_engine::artifact::{ArtifactClaims, ArtifactDigest};
use sallyport_engine::facts::{KeyExchange, TlsVersion};
use sallyport_engine::headers::PROOF;
use sallyport_engine::identity::SpiffeId;
use sallyport_engine::policy::raw::RequiredAssurance;
use sallyport_mesh_config::bounded;
use sallyport_mesh_config::explain::{Caller, Headers, Question, request_line, token_headers};

use crate::args::{Asked, AssumedAssurance, AssumedTls};
use crate::clock;
use crate::command::certificate;
use crate::command::failure::Failure;

/// The request, and the folder that its files are looked up in.
pub(super) fn read(request: Option<&Path>, flags: Asked) -> Result<(Asked, PathBuf), Failure> {
    let Some(path) = request else {
        return Ok((flags, PathBuf::new()));
    };
    let text = bounded::file(path, MAXIMUM_MEBIBYTES).map_err(Failure::unreadable(path))?;
    // That of standard input is empty.
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let asked: Asked = serde_json::from_str(&text).map_err(|cause| Failure::InvalidRequest {
        path: path.to_owned(),
        cause,
    })?;
    check_combination(&asked)?;
    Ok((asked, folder))
}

/// The rules that the command line applies to flags.
pub(super) fn check_combination(asked: &Asked) -> Result<(), Failure> {
    let certificate = asked.certificate.is_some();
    if certificate && asked.assurance.is_some() {
        return Err(Failure::FlagsContradict("certificate", "assurance"));
    }
    let has_claims = asked.model_digest.is_some() || asked.image_digest.is_some();
    if certificate && has_claims {
        return Err(Failure::FlagsContradict(
            "certificate",
            "modelDigest or imageDigest",
        ));
    }
    if asked.plaintext
        && (certificate
            || asked.assurance.is_some()
            || has_claims
            || asked.tls.is_some()
            || asked.tls_group.is_some())
    {
        return Err(Failure::FlagsContradict(
            "plaintext",
            "certificate, assurance, modelDigest, imageDigest, tls or tlsGroup",
        ));
    }
    if !certificate && (asked.token.is_some() || asked.signature.is_some() || asked.proof.is_some())
    {
        return Err(Failure::FlagNeeds("token", "certificate"));
    }
    if asked
        .denials
        .is_some_and(|denials| denials > MAXIMUM_DENIALS)
    {
        return Err(Failure::TooManyDenials);
    }
    Ok(())
}

/// The question to the engine; reads the files that the request names.
pub(super) fn question(asked: &Asked, folder: &Path) -> Result<Question, Failure> {
    let called = asked
        .to
        .as_deref()
        .map(|text| spiffe_id("to", text))
        .transpose()?;
    if called.is_none() && !asked.plaintext {
        return Err(Failure::FlagMissing("to"));
    }
    let path = asked.path.as_deref().ok_or(Failure::FlagMissing("path"))?;
    let mut headers = request_line(asked.method.as_deref().unwrap_or("GET"), path);
    headers.extend(token(asked, folder)?);
    Ok(Question {
        caller: caller(asked, folder)?,
        called,
        tls: match asked.tls {
            Some(AssumedTls::Tls12) => TlsVersion::Tls12,
            Some(AssumedTls::Tls13) | None => TlsVersion::Tls13,
        },
        key_exchange: match &asked.tls_group {
            Some(name) => KeyExchange::of_group(name.as_bytes()),
            None => KeyExchange::Hidden,
        },
        source_ip: asked.source_ip.unwrap_or(NOBODY),
        port: asked.port.ok_or(Failure::FlagMissing("port"))?,
        headers,
        now: match &asked.at {
            Some(text) => clock::parse(text)?,
            None => clock::now(),
        },
        claims: ArtifactClaims {
            model: digest("model-digest", asked.model_digest.as_deref())?,
            image: digest("image-digest", asked.image_digest.as_deref())?,
        },
        denials: asked.denials.unwrap_or(0),
    })
}

fn caller(asked: &Asked, folder: &Path) -> Result<Caller, Failure> {
    if asked.plaintext {
        return Ok(Caller::Plaintext);
    }
    let from = asked
        .from
        .as_deref()
        .map(|text| spiffe_id("from", text))
        .transpose()?;
    let Some(path) = &asked.certificate else {
        let identity = from.ok_or(Failure::FlagMissing("from"))?;
        let assurance = match asked.assurance {
            Some(AssumedAssurance::HybridProven) => RequiredAssurance::HybridProven,
            Some(AssumedAssurance::Hybrid) => RequiredAssurance::Hybrid,
            Some(AssumedAssurance::Classical) | None => RequiredAssurance::Classical,
        };
        return Ok(Caller::Assumed {
            identity,
            assurance,
        });
    };
    let path = folder.join(path);
    let der = certificate::read(&path)?;
    match (from, certificate::subject(&der)) {
        (Some(from), Some(subject)) if from != subject => Err(Failure::OtherSubject {
            path,
            subject: subject.to_string(),
        }),
        (_, _) => Ok(Caller::Certificate(der)),
    }
}

fn token(asked: &Asked, folder: &Path) -> Result<Headers, Failure> {
    let read = |path: &PathBuf| {
        let path = folder.join(path);
        fs::read(&path).map_err(Failure::unreadable(&path))
    };
    let token = asked.token.as_ref().map(read).transpose()?;
    let signature = asked.signature.as_ref().map(read).transpose()?;
    let proof = asked.proof.as_ref().map(read).transpose()?;
    // An editor may have ended the file with a line end, which a header value cannot have.
    Ok(token_headers(
        token.as_deref().map(<[u8]>::trim_ascii),
        signature.as_deref().map(<[u8]>::trim_ascii),
        proof.as_deref().map(proof_value),
    ))
}

/// The value itself, or the header line that `sallyport cred prove` prints.
fn proof_value(bytes: &[u8]) -> &[u8] {
    let line = bytes.trim_ascii();
    line.strip_prefix(PROOF.as_bytes())
        .and_then(|rest| rest.strip_prefix(b":"))
        .unwrap_or(line)
        .trim_ascii()
}

fn digest(flag: &'static str, text: Option<&str>) -> Result<Option<ArtifactDigest>, Failure> {
    let digest = text.map(|text| {
        text.parse().map_err(|cause| Failure::Digest {
            flag,
            text: text.escape_debug().take(MAXIMUM_SHOWN_CHARACTERS).collect(),
            cause,
        })
    });
    digest.transpose()
}

fn spiffe_id(flag: &'static str, text: &str) -> Result<SpiffeId, Failure> {
    let shown = || text.escape_debug().take(MAXIMUM_SHOWN_CHARACTERS).collect();
    text.parse().map_err(|cause| Failure::SpiffeId {
        flag,
        text: shown(),
        cause,
    })
}

/// An address of TEST-NET-1 (RFC 5737), which no policy should name.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const MAXIMUM_MEBIBYTES: u32 = 1;
const MAXIMUM_DENIALS: u16 = 1000;
const MAXIMUM_SHOWN_CHARACTERS: usize = 80;
