//! Health probes: the only requests that need no identity.

use alloc::string::String;
use alloc::vec::Vec;

use ipnet::IpNet;

use crate::facts::{ConnectionFacts, RequestFacts};

/// The exact request of a health probe, and where it may come from.
#[derive(Debug, Clone)]
pub struct Probe {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) port: u16,
    pub(super) ip_blocks: Vec<IpNet>,
}

impl Probe {
    /// Whether the request is this probe: method, path and port exactly, and the address of the
    /// TCP peer in one of the blocks.
    pub(super) fn covers(&self, connection: &ConnectionFacts, request: &RequestFacts<'_>) -> bool {
        let Ok(path) = request.path else { return false };
        connection.destination_port == self.port
            && request.method.as_str() == self.method
            && path.as_str() == self.path
            && self
                .ip_blocks
                .iter()
                .any(|block| block.contains(&connection.source_ip))
    }
}
