//! `sallyport cred issue token`.

use sallyport_credentials::issue::{TokenIssuer, TokenRequest};
use sallyport_credentials::sha256;
use sallyport_engine::time::TimeMs;
use serde::Serialize;
use serde_json::Value;

use super::staging::Staging;
use crate::args::{Output, TokenArgs};
use crate::clock;
use crate::command::certificate;
use crate::command::failure::Failure;

#[derive(Serialize)]
struct Details {
    spiffe_id: String,
    not_after: String,
}

pub(super) fn run(args: &TokenArgs, output: Output) -> Result<(), Failure> {
    let der = certificate::read(&args.certificate)?;
    let named =
        certificate::subject(&der).ok_or_else(|| Failure::NoWorkload(args.certificate.clone()))?;
    let subject = args.spiffe_id.clone().unwrap_or(named);
    let issuer = TokenIssuer::load(&args.authority).map_err(|cause| Failure::Authority {
        path: args.authority.clone(),
        cause,
    })?;
    let now_seconds = clock::now().0.checked_div(1000).unwrap_or_default();
    let mut request = TokenRequest::new(subject.as_str(), sha256(&der), now_seconds);
    request.lifetime_seconds = args.ttl.seconds;
    if let Some(audience) = &args.audience {
        request
            .claims
            .insert("aud".to_owned(), Some(Value::from(audience.as_str())));
    }
    let issued = issuer.issue_token(&request)?;
    let staging = Staging::new(&args.out)?;
    staging.write_secret("hybrid-identity-token", issued.token.as_bytes())?;
    staging.write_secret("hybrid-identity-signature", issued.signature.as_bytes())?;
    let files = staging.publish(args.force)?;
    let end = TimeMs::from_seconds(now_seconds.saturating_add(args.ttl.seconds));
    let details = Details {
        spiffe_id: subject.to_string(),
        not_after: clock::show(end),
    };
    let text = format!(
        "hybrid token of {}\nvalid until {}\nEach file holds the value of the header it is named \
         after. Whoever holds the certificate's key can use it: keep it secret.",
        details.spiffe_id, details.not_after,
    );
    super::report(&args.out, &files, details, &text, output)
}
