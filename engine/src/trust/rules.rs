//! What a policy says about one caller.

use super::Params;
use crate::time::TimeMs;

/// What applies to a caller, looked up for each request.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The numbers of its segment.
    pub params: &'a Params,
    /// The signals about it that have not expired.
    pub pushed: Pushed,
    /// When several peers cross at once.
    pub fleet_guard: FleetGuard,
    /// When its credential was issued, if an attested authority did and the policy lets a fresh
    /// credential of such an authority make a new start.
    pub fresh_since: Option<TimeMs>,
}

/// The signals about a caller, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pushed {
    /// What they weigh, in milli-nats.
    pub milli_nats: u32,
    /// Whether one of them shuts the caller out.
    pub is_quarantined: bool,
    /// A caller that came into its state before this time is released from it.
    pub released_before: Option<TimeMs>,
}

/// When isolations look like a mistake rather than an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetGuard {
    /// At least so many peers must have crossed within a minute ..
    pub minimum_peers: u16,
    /// .. and more than this share of all that were seen of late, in percent.
    pub share_percent: u8,
}

impl Default for FleetGuard {
    fn default() -> Self {
        Self {
            minimum_peers: 5,
            share_percent: 20,
        }
    }
}

impl<'a> Rules<'a> {
    /// The rules of a caller about whom nothing special is known.
    #[must_use]
    pub const fn plain(params: &'a Params) -> Self {
        Self {
            params,
            pushed: Pushed {
                milli_nats: 0,
                is_quarantined: false,
                released_before: None,
            },
            fleet_guard: FleetGuard {
                minimum_peers: 5,
                share_percent: 20,
            },
            fresh_since: None,
        }
    }
}
