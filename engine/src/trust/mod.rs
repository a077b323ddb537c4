//! The trust score: how likely a peer is to be compromised, from what the mesh can see.
//!
//! Evidence is counted in integer milli-nats of log-odds ([`MilliNats`]); no floating point number
//! is used, so a sidecar and the command line agree to the last bit. The score is
//!
//! ```text
//! lambda = prior - static assurance + behaviour + signals    log-odds that the peer is compromised
//! trust  = 100 / (1 + e^(lambda / 1000))                     0..=99, rounded down
//! ```
//!
//! Behaviour falls with time only, never by good deeds, so trust cannot be saved up. Evidence
//! comes in families ([`Family`]), each with a cap of its own and a line in [`Terms`].
//!
//! | file | holds |
//! |---|---|
//! | `clock` | seconds that a wrong clock cannot hurry |
//! | `decay`, `targets`, `level` | evidence, and how it is forgotten |
//! | `baseline`, `load` | what is usual for a peer |
//! | `behaviour`, `standing` | the state of one peer, and what it may do |
//! | `running` | what a peer runs, by its tokens |
//! | `peers`, `recency`, `identities`, `fleet` | many peers, and the rules between them |
//! | `wire` | a state as bytes, to outlive a configuration and to be shared among workers |
//! | `score`, `explanation` | the sum, and its words |
//! | `params` | weights, caps, thresholds |

mod baseline;
mod behaviour;
mod clock;
mod decay;
mod explanation;
mod fleet;
mod identities;
mod level;
mod load;
mod logarithm;
mod normal;
mod notice;
mod params;
mod peers;
mod recency;
mod rules;
mod running;
mod score;
mod standing;
mod target;
mod targets;
pub mod wire;

pub use behaviour::PeerState;
pub use clock::Moment;
pub use explanation::Explanation;
pub use notice::Notice;
pub use params::{Params, PerFamily, Threshold};
pub use peers::{Booking, Census, Due, DueRunning, PeerKey, PeerTable, Publication};
pub use rules::{FleetGuard, Pushed, Rules};
pub use running::Running;
pub use score::{Grounds, Score, Static, TermName, Terms, ceiling, score};
pub use standing::{Behaviour, Cause, PeerView, Totals};
pub use target::{Evidence, Family, Outcome, TargetHasher};

/// Log-odds in thousandths of a nat.
pub type MilliNats = i32;
