//! From the plugin configuration's bytes to the policy in force, all or nothing.

use sallyport_credentials::{AuthoritySet, InvalidAuthority, sha256};
use sallyport_engine::hexadecimal;
use sallyport_engine::policy::slice::{ModeOnly, PluginConfig, SLICE_VERSION};
use sallyport_engine::policy::{Mode, Policy, PolicyError, compile, raw::PolicyDocument};

/// What a worker decides by.
pub(crate) enum Configuration {
    /// A valid policy.
    Active(Box<Active>),
    /// There is none. The mode is the configuration's own word, if it could be read; a
    /// configuration that does not even say `shadow` denies.
    Rejected(Mode),
}

/// A valid policy.
pub(crate) struct Active {
    /// The policy.
    pub(crate) policy: Policy,
    /// The keys of its authorities.
    pub(crate) authorities: AuthoritySet,
    /// SHA-256 of its canonical JSON.
    pub(crate) sha256: [u8; 32],
}

/// Why a plugin configuration is rejected. The text never holds key material.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidConfiguration {
    #[error("there is no plugin configuration: apply what `sallyport render` prints")]
    Missing,
    #[error("larger than 4 MiB")]
    TooLarge,
    #[error(
        "the plugin configuration is not in the form that `sallyport render` prints: line {line}, column {column}"
    )]
    Form { line: usize, column: usize },
    #[error(
        "slice version {found} is not known to this module, which reads {SLICE_VERSION}: use a module and a command line of the same release"
    )]
    SliceVersion { found: u32 },
    #[error(
        "the policy does not have the hash that stands beside it: it was changed after `sallyport render`"
    )]
    Hash,
    #[error("the mode beside the policy is not the policy's own")]
    Mode,
    #[error(
        "the policy is not valid JSON of this version: line {line}, column {column}; run `sallyport check` on it"
    )]
    Policy { line: usize, column: usize },
    #[error("{first} (and {more} more errors; run `sallyport check` on the policy)")]
    Rules { first: PolicyError, more: usize },
    #[error("{}: {} (and {more} more errors; run `sallyport check` on the policy)", .first.path, .first.cause)]
    Authorities {
        first: InvalidAuthority,
        more: usize,
    },
}

/// Reads a plugin configuration.
pub(crate) fn read(bytes: &[u8]) -> Result<Active, InvalidConfiguration> {
    if bytes.is_empty() {
        return Err(InvalidConfiguration::Missing);
    }
    if bytes.len() > MAXIMUM_BYTES {
        return Err(InvalidConfiguration::TooLarge);
    }
    let config: PluginConfig =
        serde_json::from_slice(bytes).map_err(|error| InvalidConfiguration::Form {
            line: error.line(),
            column: error.column(),
        })?;
    if config.slice_version != SLICE_VERSION {
        return Err(InvalidConfiguration::SliceVersion {
            found: config.slice_version,
        });
    }
    let digest = sha256(config.policy.as_bytes());
    if hexadecimal::encode(&digest) != config.sha256 {
        return Err(InvalidConfiguration::Hash);
    }
    let document: PolicyDocument =
        serde_json::from_slice(config.policy.as_bytes()).map_err(|error| {
            InvalidConfiguration::Policy {
                line: error.line(),
                column: error.column(),
            }
        })?;
    if document.spec.mode != config.mode {
        return Err(InvalidConfiguration::Mode);
    }
    let policy = compile(&document).map_err(|errors| match split(errors) {
        Some((first, more)) => InvalidConfiguration::Rules { first, more },
        None => InvalidConfiguration::Policy { line: 0, column: 0 },
    })?;
    let authorities =
        AuthoritySet::new(policy.authorities()).map_err(|errors| match split(errors) {
            Some((first, more)) => InvalidConfiguration::Authorities { first, more },
            None => InvalidConfiguration::Policy { line: 0, column: 0 },
        })?;
    Ok(Active {
        policy,
        authorities,
        sha256: digest,
    })
}

/// The mode of a configuration that is otherwise invalid. Only an explicit `shadow` is one.
pub(crate) fn read_mode(bytes: &[u8]) -> Mode {
    match serde_json::from_slice::<ModeOnly>(bytes) {
        Ok(ModeOnly { mode }) => mode,
        Err(_) => Mode::Enforce,
    }
}

impl Configuration {
    /// The policy in force.
    pub(crate) fn active(&self) -> Option<&Active> {
        match self {
            Self::Active(active) => Some(active),
            Self::Rejected(_) => None,
        }
    }
}

fn split<T>(errors: Vec<T>) -> Option<(T, usize)> {
    let more = errors.len().saturating_sub(1);
    errors.into_iter().next().map(|first| (first, more))
}

/// A policy at its limits takes about 3 MB.
const MAXIMUM_BYTES: usize = 4 * 1024 * 1024;
