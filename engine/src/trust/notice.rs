//! What an operator should hear of, beside the records of decisions.

use super::{Behaviour, PeerKey};

/// Something that happened among the peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A peer came into another state.
    Changed {
        /// The peer.
        peer: PeerKey,
        /// The state before.
        from: Behaviour,
        /// The state now.
        to: Behaviour,
    },
    /// A peer that speaks for many would be restricted if it spoke for itself.
    AggregatorAlarm {
        /// The peer.
        peer: PeerKey,
    },
    /// Three certificates of one identity were isolated within an hour, so all of them are.
    IdentityIsolated {
        /// The peer that was the third.
        peer: PeerKey,
    },
    /// So many peers crossed at once that a mistake is likelier than an attack.
    FleetGuarded,
}
