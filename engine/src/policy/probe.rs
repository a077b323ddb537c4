//! Health probes: the only requests that need no identity.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use ipnet::IpNet;

use crate::facts::RequestFacts;

/// The exact request of a health probe, and where it may come from.
#[derive(Debug, Clone)]
pub struct Probe {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) port: u16,
    pub(super) ip_blocks: Vec<IpNet>,
}

impl Probe {
    /// Whether the request is this probe, wherever it comes from: method, path and port exactly.
    pub(super) fn covers(&self, port: u16, request: &RequestFacts<'_>) -> bool {
        let Ok(path) = request.path else {
            return false;
        };
        port == self.port
            && request.method.as_str() == self.method
            && path.as_str() == self.path
            && !request.is_upgrade
    }

    /// Whether a probe may come from this address.
    pub(super) fn admits(&self, source_ip: &IpAddr) -> bool {
        self.ip_blocks.iter().any(|block| block.contains(source_ip))
    }
}
