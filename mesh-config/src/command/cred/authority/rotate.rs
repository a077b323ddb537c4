//! `sallyport cred authority rotate`: the successor of an authority.

use sallyport_credentials::issue::{AuthorityOptions, TokenIssuer};
use sallyport_engine::time::TimeMs;

use super::folder::{AuthorityFolder, FolderKind, Named};
use super::new::{below, check_name, finish, generate};
use super::pin::Pin;
use crate::args::{Output, RotateArgs};
use crate::clock;
use crate::command::certificate;
use crate::command::cred::{report, staging::Staging};
use crate::command::failure::Failure;

pub(in crate::command::cred) fn run(args: &RotateArgs, output: Output) -> Result<(), Failure> {
    let old = AuthorityFolder::new(&args.authority);
    let unnamed = || Failure::AuthorityUnnamed(args.authority.clone());
    let named = old.named()?.ok_or_else(unnamed)?;
    let next = named.next(args.name.as_deref());
    check_name(&next.name)?;
    let old_pin = Pin::of(&old, &named, &args.authority)?;
    let (pin, files) = match old.kind() {
        FolderKind::Token => {
            if args.issuer.is_some() {
                return Err(Failure::IssuerUnneeded(args.authority.clone()));
            }
            renew_token_authority(args, &old, &named, &next)?
        }
        kind @ (FolderKind::Hybrid | FolderKind::Classical) => {
            renew_certificate_authority(args, &old, &next, kind == FolderKind::Hybrid)?
        }
    };
    let is_root = old.kind() != FolderKind::Token && args.issuer.is_none();
    let both = old_pin.and(pin);
    let text = format!(
        "`{}` succeeds `{}`. In the policy both stand beside each other for a while\n\
         (paths as seen from this folder; adapt them if the policy stands elsewhere):\n\n{}\n{}",
        next.name,
        named.name,
        crate::command::yaml(&both)?,
        how_to(&named.name, &next.name, is_root),
    );
    report(&args.out, &files, both, &text, output)
}

fn renew_certificate_authority(
    args: &RotateArgs,
    old: &AuthorityFolder<'_>,
    next: &Named,
    is_hybrid: bool,
) -> Result<(Pin, Vec<String>), Failure> {
    let der = old.certificate()?;
    let is_root = certificate::parse(&args.authority, &der)?.is_self_issued();
    let now = clock::now();
    let mut options = AuthorityOptions::like(&der, now).map_err(|cause| Failure::Authority {
        path: args.authority.clone(),
        cause,
    })?;
    if let Some(ttl) = args.ttl {
        options.not_after = TimeMs(now.0.saturating_add(ttl.seconds.saturating_mul(1000)));
    }
    let issuer = match (args.issuer.as_deref(), is_root) {
        (None, true) => None,
        (Some(issuer), false) => Some(AuthorityFolder::new(issuer)),
        (None, false) => return Err(Failure::IssuerNeeded(args.authority.clone())),
        (Some(_), true) => return Err(Failure::IssuerUnneeded(args.authority.clone())),
    };
    let parent = issuer
        .as_ref()
        .map(|issuer| below(issuer, is_hybrid, &mut options, false))
        .transpose()?;
    let staging = Staging::new(&args.out)?;
    generate(is_hybrid, &options, issuer.as_ref().zip(parent), &staging)?;
    finish(next, &args.out, staging, args.force)
}

fn renew_token_authority(
    args: &RotateArgs,
    old: &AuthorityFolder<'_>,
    named: &Named,
    next: &Named,
) -> Result<(Pin, Vec<String>), Failure> {
    let loaded = old.load_token()?;
    let issuer = loaded.to_policy().issuer;
    // Without the generation that the predecessor added.
    let suffix = format!("/{}", named.generation);
    let first = match issuer.strip_suffix(&suffix) {
        Some(first) if named.generation > 1 => first,
        Some(_) | None => &issuer,
    };
    let usual = || format!("{first}/{}", next.generation);
    let issuer = args.token_issuer.clone().unwrap_or_else(usual);
    let options = loaded.successor_options(next.name.clone(), issuer);
    let staging = Staging::new(&args.out)?;
    TokenIssuer::generate(options)?.save(staging.folder())?;
    finish(next, &args.out, staging, args.force)
}

fn how_to(old: &str, new: &str, is_root: bool) -> String {
    let (trust, distrust) = if is_root {
        (
            " Let proxies trust its `ca.crt` in TLS as well.",
            ", and its `ca.crt` from the roots of TLS",
        )
    } else {
        ("", "")
    };
    format!(
        "1. Pin both, and roll the policy out everywhere before `{new}` issues anything.{trust}\n\
         2. Issue with `{new}`, and let workloads take up what it issued.\n\
         3. When nothing that `{old}` issued is valid any more, remove its entry{distrust}.\n\
         4. Destroy the private keys of `{old}`."
    )
}
