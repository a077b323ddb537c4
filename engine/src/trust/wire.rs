//! What workers tell each other of peers, as bytes, and what outlives a configuration.
//!
//! The bytes lie in shared data: a fixed number of slots, chosen by the hash of an identity, each
//! read and written with compare-and-set. Other plugins of the proxy can write them too. So they
//! are parsed like any outside bytes, and united with what a worker knows in a way that can only
//! lower trust: sets of targets by union, amounts and states by the greater. Uniting twice, or in
//! another order, changes nothing. Amounts that add up event by event carry what a worker has not
//! published yet apart, so that each event is added once. Baselines and what else speaks for a peer
//! are never written.
//!
//! Format, little endian: version (1 byte), then records. A record is its kind (1 byte), its length
//! (2 bytes) and its content.

mod content;
mod read;
mod running;

pub use content::{Carried, IdentityRecord, PeerRecord, Slot};
pub use read::InvalidSlot;
pub use running::RunningSlot;

/// How many slots there are.
pub const SLOTS: u16 = 4_096;
/// The most bytes of a slot. A longer value is not ours.
pub const MAXIMUM_SLOT_BYTES: usize = 8_192;
/// Peers and identities kept in one slot each: those with the most evidence.
const MAXIMUM_RECORDS: usize = 16;
const VERSION: u8 = 1;

#[cfg(test)]
mod tests;
