//! `sallyport cred authority`, and the folders of authorities.
//!
//! What the keys are is told by the files of the library (`sallyport_credentials::issue`). Beside
//! them stand `authority.json`, which says under which name a policy pins the authority, and
//! `ca-chain.pem` with the authorities above an intermediate.

mod folder;
mod new;
mod pin;
mod rotate;
mod show;

pub(super) use folder::{AuthorityFolder, Loaded};
pub(super) use new::{check_name, key_kind, run as make};
pub(super) use rotate::run as rotate;
pub(super) use show::run as show;
