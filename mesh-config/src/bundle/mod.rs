//! Bundles: what is in force in a mesh, as one versioned file.
//!
//! A bundle holds the policy with all keys that it pins, what meshConfig asks, and signed manifests of
//! artifacts; nothing that is secret, and nothing that depends on where or when it was built. It is
//! the canonical JSON (RFC 8785) of a list of files, so equal contents are equal bytes, and
//! its SHA-256 is its name. There are no links, modes, owners or times in it, and no place for a
//! path that this module did not choose.

mod contents;
mod file;
mod history;
mod rollback;

pub use contents::{Contents, Ingredients, SignedManifest, build, open, policy};
pub use file::{Bundle, BundleFile};
pub use history::{BundleHistory, Entry, Reason, Step, after};
pub use rollback::{Point, Rollback, RollbackDocument};

/// What the file of a bundle is called in its signature.
pub const SUBJECT: &str = "bundle";
/// What the file of a rollback is called in its signature.
pub const ROLLBACK_SUBJECT: &str = "rollback";
/// The longest bundle, in MiB.
pub const MAXIMUM_MEBIBYTES: u32 = 16;
/// What every reader of JSON keeps (RFC 8259, section 6).
const LARGEST_VERSION: u64 = 9_007_199_254_740_991;
