//! `sallyport cred authority show`.

use sallyport_credentials::report::Description;
use serde::Serialize;

use super::folder::{AuthorityFolder, FolderKind, Named};
use super::pin::{Jwks, Pin, jwks};
use crate::args::{Output, ShowArgs, ShowFormat};
use crate::command::certificate;
use crate::command::cred::{pretty, print};
use crate::command::failure::Failure;
use crate::terminal;

/// An authority.
#[derive(Serialize)]
struct Shown {
    name: String,
    trust_domain: String,
    kind: FolderKind,
    /// Its own certificate; a token authority has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Description>,
    /// The subjects of the authorities above it, the root last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issued_by: Vec<String>,
    /// The entry that pins it.
    policy: Pin,
    /// Its public keys, which are long: for programs only.
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks: Option<Jwks>,
}

pub(in crate::command::cred) fn run(args: &ShowArgs, output: Output) -> Result<(), Failure> {
    let folder = AuthorityFolder::new(&args.authority);
    if args.format == ShowFormat::Jwks {
        return terminal::line(pretty(&jwks(&folder)?)?).map_err(Failure::Output);
    }
    let named = named(args, &folder)?;
    let policy = Pin::of(&folder, &named, &args.authority)?;
    if args.format == ShowFormat::Policy {
        return print(&policy, output);
    }
    let describe = |der: &Vec<u8>| Ok(certificate::parse(&args.authority, der)?.describe());
    let certificate = match folder.kind() {
        FolderKind::Token => None,
        FolderKind::Hybrid | FolderKind::Classical => Some(describe(&folder.certificate()?)?),
    };
    let above: Result<Vec<Description>, Failure> = folder.above()?.iter().map(describe).collect();
    let shown = Shown {
        kind: folder.kind(),
        name: named.name,
        trust_domain: named.trust_domain,
        certificate,
        issued_by: above?.into_iter().map(|found| found.subject).collect(),
        policy,
        jwks: match output {
            Output::Text => None,
            Output::Json => Some(jwks(&folder)?),
        },
    };
    print(&shown, output)
}

/// What the flags say, else `authority.json`, else the entry of a token authority.
fn named(args: &ShowArgs, folder: &AuthorityFolder<'_>) -> Result<Named, Failure> {
    let found = match (folder.named()?, folder.kind()) {
        (Some(named), _) => Some(named),
        (None, FolderKind::Token) => {
            let entry = super::pin::token_authority(folder)?;
            Some(Named::first(&entry.name, &entry.trust_domain))
        }
        (None, FolderKind::Hybrid | FolderKind::Classical) => None,
    };
    let name = args.name.as_deref();
    let trust_domain = args.trust_domain.as_ref().map(|domain| domain.as_str());
    match (found, name, trust_domain) {
        (_, Some(name), Some(trust_domain)) => Ok(Named::first(name, trust_domain)),
        (Some(found), name, trust_domain) => Ok(Named::first(
            name.unwrap_or(&found.name),
            trust_domain.unwrap_or(&found.trust_domain),
        )),
        (None, _, _) => Err(Failure::AuthorityUnnamed(args.authority.clone())),
    }
}
