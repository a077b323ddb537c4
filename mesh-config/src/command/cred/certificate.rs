//! `sallyport cred issue certificate`.

use sallyport_credentials::document;
use sallyport_credentials::issue::{Leaf, LeafKey, LeafRequest};
use sallyport_engine::hexadecimal;
use sallyport_engine::time::TimeMs;
use serde::Serialize;

use super::authority::{AuthorityFolder, Loaded};
use super::staging::Staging;
use crate::args::{CertificateArgs, FileFormat, KeyKind, Output};
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
    request.key = leaf_key(args.key);
    let issued = issue(&AuthorityFolder::new(&args.authority), &request)?;
    let staging = Staging::new(&args.out)?;
    match args.format {
        FileFormat::Pem => write_pem(&issued, &staging)?,
        FileFormat::Der => write_der(&issued, &staging)?,
    }
    let files = staging.publish(args.force)?;
    let details = Details {
        spiffe_id: args.spiffe_id.to_string(),
        kind: issued.kind,
        not_after: clock::show(end),
        sha256: hexadecimal::encode(&issued.leaf.sha256()),
    };
    let text = format!(
        "{} certificate of {}\nvalid until {}\nsha256 {}",
        details.kind, details.spiffe_id, details.not_after, details.sha256,
    );
    super::report(&args.out, &files, details, &text, output)
}

const fn leaf_key(kind: KeyKind) -> LeafKey {
    match kind {
        KeyKind::Rsa2048 => LeafKey::Rsa2048,
        KeyKind::Rsa3072 => LeafKey::Rsa3072,
        KeyKind::Rsa4096 => LeafKey::Rsa4096,
        KeyKind::EcdsaP256 => LeafKey::EcdsaP256,
        KeyKind::EcdsaP384 => LeafKey::EcdsaP384,
        KeyKind::MlDsa44 => LeafKey::MlDsa44,
        KeyKind::MlDsa65 => LeafKey::MlDsa65,
        KeyKind::MlDsa87 => LeafKey::MlDsa87,
    }
}

struct Issued {
    leaf: Leaf,
    /// DER of the authorities between the leaf and the root, nearest first.
    intermediates: Vec<Vec<u8>>,
    /// DER.
    root: Vec<u8>,
    kind: &'static str,
}

fn issue(folder: &AuthorityFolder<'_>, request: &LeafRequest) -> Result<Issued, Failure> {
    let (leaf, kind) = match folder.load()? {
        Loaded::Hybrid(authority) => (authority.issue_leaf(request)?, "hybrid"),
        Loaded::Classical(authority) => (authority.issue_leaf(request)?, "classical"),
    };
    let mut chain = vec![folder.certificate()?];
    chain.extend(folder.above()?);
    // TLS sends what stands between leaf and root; the root is what the other side trusts.
    let root = chain.pop().unwrap_or_default();
    Ok(Issued {
        leaf,
        intermediates: chain,
        root,
        kind,
    })
}

fn write_pem(issued: &Issued, staging: &Staging) -> Result<(), Failure> {
    let encode = |der: &[u8]| document::certificate_pem(der).map_err(|_| Failure::Encoding("PEM"));
    let mut chain = issued.leaf.certificate_pem.clone();
    for intermediate in &issued.intermediates {
        chain += &encode(intermediate)?;
    }
    staging.write_public("cert-chain.pem", chain.as_bytes())?;
    staging.write_public("root-cert.pem", encode(&issued.root)?.as_bytes())?;
    staging.write_secret("key.pem", issued.leaf.private_key.expose().as_bytes())
}

fn write_der(issued: &Issued, staging: &Staging) -> Result<(), Failure> {
    staging.write_public("cert.der", &issued.leaf.certificate_der)?;
    for (number, intermediate) in (1_u32..).zip(&issued.intermediates) {
        staging.write_public(&format!("intermediate-{number}.der"), intermediate)?;
    }
    staging.write_public("root-cert.der", &issued.root)?;
    let key = issued.leaf.private_key.to_der()?;
    staging.write_secret("key.der", &key)
}

const BACKDATE_MS: u64 = 2 * 60 * 1000;
