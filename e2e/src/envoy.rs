//! Real Envoys: their configuration, their processes, and what they tell.

pub mod config;
mod process;
mod records;
mod rig;
mod sidecar;

pub(crate) use process::number;
pub use process::{Envoy, Processes};
pub use records::{Journal, Named, Record};
pub use rig::Rig;
pub use sidecar::{Replaced, Sidecar, Source, Stage, resource, write_moved};
