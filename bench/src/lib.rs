//! Credentials and meshes to measure, and how to measure: the same code natively and as WebAssembly.

pub mod bare;
pub mod case;
pub mod mesh;
pub mod time;
