//! `sallyport cred issue token`, and what every token has in common.

use sallyport_credentials::issue::{TokenIssuer, TokenRequest};
use sallyport_credentials::sha256;
use sallyport_engine::artifact::ArtifactDigest;
use sallyport_engine::headers::{TOKEN, TOKEN_SIGNATURE};
use sallyport_engine::policy::raw::ArtifactKind;
use sallyport_engine::time::TimeMs;
use serde::Serialize;
use serde_json::Value;

use super::staging::Staging;
use crate::args::{BoundArgs, Output, TokenArgs};
use crate::clock;
use crate::command::certificate;
use crate::command::failure::Failure;

#[derive(Serialize)]
struct Details {
    spiffe_id: String,
    not_after: String,
}

/// A kind of token.
pub(super) struct Kind<'a> {
    /// What it is called.
    pub(super) name: &'static str,
    /// The header that it travels in, and so its file.
    pub(super) header: &'static str,
    /// What else is written: file and contents.
    pub(super) secrets: &'a [(&'static str, &'a [u8])],
    /// What to know about it.
    pub(super) advice: String,
}

pub(super) fn run(args: &TokenArgs, output: Output) -> Result<(), Failure> {
    let kind = Kind {
        name: "hybrid token",
        header: TOKEN,
        secrets: &[],
        advice: "Each file holds the value of the header it is named after. Whoever holds the \
                 certificate's key can use it: keep it secret."
            .to_owned(),
    };
    let digest = |digest: Option<ArtifactDigest>| digest.map(|digest| digest.to_string());
    let claims = [
        ("aud", args.audience.clone()),
        (ArtifactKind::Model.claim(), digest(args.model_digest)),
        (ArtifactKind::Image.claim(), digest(args.image_digest)),
    ];
    let claim = |request: &mut TokenRequest| {
        for (name, value) in claims {
            if let Some(value) = value {
                request
                    .claims
                    .insert(name.to_owned(), Some(Value::from(value)));
            }
        }
    };
    issue(&args.bound, &kind, claim, output)
}

/// Issues a token for a certificate, and writes it.
pub(super) fn issue(
    args: &BoundArgs,
    kind: &Kind<'_>,
    change: impl FnOnce(&mut TokenRequest),
    output: Output,
) -> Result<(), Failure> {
    let der = certificate::read(&args.certificate)?;
    let named =
        certificate::subject(&der).ok_or_else(|| Failure::NoWorkload(args.certificate.clone()))?;
    let subject = args.spiffe_id.clone().unwrap_or(named);
    let issuer = TokenIssuer::load(&args.authority).map_err(|cause| Failure::Authority {
        path: args.authority.clone(),
        cause,
    })?;
    let now_seconds = now_seconds();
    let mut request = TokenRequest::new(subject.as_str(), sha256(&der), now_seconds);
    request.lifetime_seconds = args.ttl.seconds;
    change(&mut request);
    let issued = issuer.issue_token(&request)?;
    let staging = Staging::new(&args.out)?;
    staging.write_secret(kind.header, issued.token.as_bytes())?;
    staging.write_secret(TOKEN_SIGNATURE, issued.signature.as_bytes())?;
    for (file, contents) in kind.secrets {
        staging.write_secret(file, contents)?;
    }
    let files = staging.publish(args.force)?;
    let details = Details {
        spiffe_id: subject.to_string(),
        not_after: shown(now_seconds, args.ttl.seconds),
    };
    let text = format!(
        "{} of {}\nvalid until {}\n{}",
        kind.name, details.spiffe_id, details.not_after, kind.advice,
    );
    super::report(&args.out, &files, details, &text, output)
}

pub(super) fn now_seconds() -> u64 {
    clock::now().0.checked_div(1000).unwrap_or_default()
}

/// The end of a lifetime.
pub(super) fn shown(now_seconds: u64, lifetime_seconds: u64) -> String {
    clock::show(TimeMs::from_seconds(
        now_seconds.saturating_add(lifetime_seconds),
    ))
}
