//! What a newer configuration says to streams that began under this one.
//!
//! Envoy leaves a stream with the plugin that it began in, while new requests meet the plugin of the
//! new configuration, mostly in another VM. So each configuration is left in shared data for those
//! before it: a stream that is looked at again goes on only if the newest policy refuses its caller
//! no more than its own does. Other plugins can write there too; all they gain is that streams end.

use sallyport_engine::policy::{Mode, Policy};

use crate::configuration;
use crate::host::{Host, HostError, SharedVersion};

/// The configuration that came after this one, if one did.
#[derive(Debug)]
pub(crate) struct Successor {
    newest: Newest,
    /// The write of the newest configuration that was read.
    seen: Option<SharedVersion>,
    /// Counts what was seen of it.
    changes: u64,
}

#[derive(Debug)]
enum Newest {
    /// The plugin's own.
    Own,
    /// One that this module cannot read.
    Unreadable,
    /// A valid one.
    Policy(Box<Policy>),
}

/// What streams of an older configuration are measured by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Second<'a> {
    /// Nothing besides their own policy.
    None,
    /// Another policy, which enforces.
    Policy(&'a Policy),
    /// A policy that cannot be read: it may refuse anybody.
    Unreadable,
}

impl Successor {
    pub(crate) const fn new() -> Self {
        Self {
            newest: Newest::Own,
            seen: None,
            changes: 0,
        }
    }

    /// Leaves a valid configuration for the plugins before it. Each worker of a proxy does so; what
    /// stands there already is not written again, so nobody reads it a second time.
    ///
    /// # Errors
    /// When the host fails.
    pub(crate) fn announce(host: &impl Host, configuration: &[u8]) -> Result<(), HostError> {
        match host.shared(CONFIGURED)? {
            Some(shared) if shared.bytes == configuration => Ok(()),
            Some(_) | None => host.set_shared(CONFIGURED, configuration),
        }
    }

    /// Whether any valid configuration is in force in this proxy.
    ///
    /// # Errors
    /// When the host fails.
    pub(crate) fn any(host: &impl Host) -> Result<bool, HostError> {
        Ok(host.shared(CONFIGURED)?.is_some())
    }

    /// Looks which configuration is the newest; `own` is the hash of the plugin's policy.
    pub(crate) fn listen(&mut self, host: &impl Host, own: &[u8; 32]) {
        let Ok(Some(shared)) = host.shared(CONFIGURED) else {
            return;
        };
        if self.seen == Some(shared.version) {
            return;
        }
        self.seen = Some(shared.version);
        self.changes = self.changes.wrapping_add(1);
        self.newest = match configuration::read(&shared.bytes) {
            Ok(active) if active.sha256 == *own => Newest::Own,
            Ok(active) => Newest::Policy(Box::new(active.policy)),
            Err(_) => Newest::Unreadable,
        };
    }

    /// What streams are measured by besides their own policy.
    pub(crate) fn second(&self) -> Second<'_> {
        match &self.newest {
            Newest::Own => Second::None,
            Newest::Unreadable => Second::Unreadable,
            Newest::Policy(policy) => match policy.mode() {
                Mode::Enforce => Second::Policy(policy),
                Mode::Shadow => Second::None,
            },
        }
    }

    /// Changes with each newest configuration.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }
}

/// The newest valid configuration. That there is one also tells a new VM that an invalid
/// configuration may be refused.
const CONFIGURED: &str = "sallyport/v1/configured";
