//! `sallyport cred certificate`.

use std::path::Path;

use sallyport_credentials::issue::{
    ClassicalAuthority, HybridAuthority, IssueError, Leaf, LeafKey, LeafRequest,
};
use sallyport_engine::record::hexadecimal;
use sallyport_engine::time::TimeMs;
use serde::Serialize;

use super::staging::Staging;
use crate::args::{CertificateArgs, KeyKind, Output};
use crate::clock;
use crate::command::failure::Failure;

#[derive(Serialize)]
struct Details {
    spiffe_id: String,
    kind: &'static str,
    not_after: String,
    sha256: String,
}

pub(super) fn run(args: &CertificateArgs, output: Output) -> Result<(), Failure> {
    let now = clock::now();
    // Clocks differ a little, as istiod allows for too.
    let start = TimeMs(now.0.saturating_sub(BACKDATE_MS));
    let end = TimeMs(now.0.saturating_add(args.ttl.seconds.saturating_mul(1000)));
    let mut request = LeafRequest::new(args.spiffe_id.clone(), start, end);
    request.dns_names.clone_from(&args.dns_names);
    request.key = match args.key {
        KeyKind::Rsa2048 => LeafKey::Rsa2048,
        KeyKind::EcdsaP256 => LeafKey::EcdsaP256,
    };
    let issued = issue(&args.authority, &request)?;
    let staging = Staging::new(&args.out)?;
    staging.write_public("cert-chain.pem", &issued.leaf.certificate_pem)?;
    staging.write_public("root-cert.pem", &issued.root)?;
    staging.write_secret("key.pem", issued.leaf.private_key.expose())?;
    let files = staging.publish(args.force)?;
    let details = Details {
        spiffe_id: args.spiffe_id.to_string(),
        kind: issued.kind,
        not_after: clock::show(end),
        sha256: hexadecimal(&issued.leaf.sha256()),
    };
    let text = format!(
        "{} certificate of {}\nvalid until {}\nsha256 {}",
        details.kind, details.spiffe_id, details.not_after, details.sha256,
    );
    super::report(&args.out, &files, details, &text, output)
}

struct Issued {
    leaf: Leaf,
    root: String,
    kind: &'static str,
}

/// A folder with an ML-DSA key holds a hybrid authority.
fn issue(folder: &Path, request: &LeafRequest) -> Result<Issued, Failure> {
    let unusable = |cause: IssueError| Failure::Authority {
        path: folder.to_owned(),
        cause,
    };
    if folder.join("ca.mldsa.key").exists() || folder.join("ca.mldsa.pub").exists() {
        let authority = HybridAuthority::load(folder).map_err(unusable)?;
        let root = authority.certificate_pem().to_owned();
        Ok(Issued {
            leaf: authority.issue_leaf(request)?,
            root,
            kind: "hybrid",
        })
    } else {
        let authority = ClassicalAuthority::load(folder).map_err(unusable)?;
        let root = authority.certificate_pem().to_owned();
        Ok(Issued {
            leaf: authority.issue_leaf(request)?,
            root,
            kind: "classical",
        })
    }
}

const BACKDATE_MS: u64 = 2 * 60 * 1000;
