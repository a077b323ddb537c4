//! The trust score: how likely a peer is to be compromised, from what the mesh can see.
//!
//! Evidence is counted in integer milli-nats of log-odds ([`MilliNats`]); no floating point number
//! is used, so a sidecar and the command line agree to the last bit. The score is
//!
//! ```text
//! lambda = prior - static assurance + behaviour       log-odds that the peer is compromised
//! trust  = 100 / (1 + e^(lambda / 1000))              0..=99, rounded down
//! ```
//!
//! Behaviour falls with time only, never by good deeds, so trust cannot be saved up. Evidence
//! comes in families ([`Family`]), each with a cap of its own and a line in [`Terms`].

mod behaviour;
mod decay;
mod peers;
mod score;
mod target;

pub use behaviour::{Behaviour, PeerState};
pub use peers::{PeerKey, PeerTable};
pub use score::{Score, TermName, Terms, score};
pub use target::{Evidence, Family, TargetHasher};

/// Log-odds in thousandths of a nat.
pub type MilliNats = i32;
