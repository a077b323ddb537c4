//! The node of a kind cluster: a container of docker.

use std::net::{IpAddr, Ipv4Addr};

use crate::mesh::error::MeshError;
use crate::mesh::program::Program;

/// The only node of a cluster.
#[derive(Debug)]
pub(super) struct Node {
    container: String,
}

impl Node {
    /// That of a cluster.
    pub(super) fn new(cluster: &str) -> Self {
        Self {
            container: format!("{cluster}-control-plane"),
        }
    }

    /// A command line, to be run on the node.
    pub(super) fn run(&self, program: &str, arguments: &[String]) -> Program {
        let exec = ["exec", "-i", &self.container, program];
        let words = exec
            .iter()
            .copied()
            .chain(arguments.iter().map(String::as_str));
        Program::new("docker", words)
    }

    /// Makes the next pod get an address, if nobody has it: addresses are given in their order, from
    /// the one after the last on.
    pub(super) fn give_next(&self, address: IpAddr) -> Result<(), MeshError> {
        let last = before(address).ok_or_else(|| {
            MeshError::Wrong(format!("{address} is no address that a pod could get"))
        })?;
        let write = format!("printf %s {last} > {LAST_RESERVED}");
        let arguments = ["-c".to_owned(), write];
        self.run("sh", &arguments).run().map(|_| ())
    }
}

fn before(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => u32::from(address).checked_sub(1).map(Ipv4Addr::from),
        IpAddr::V6(_) => None,
    }
}

/// Where the plugin host-local of kind's network notes the address that it gave last.
const LAST_RESERVED: &str = "/run/cni-ipam-state/kindnet/last_reserved_ip.0";

#[cfg(test)]
mod tests {
    use super::before;

    #[test]
    fn the_address_before_is_the_one_that_was_given_last() {
        let before = |text: &str| before(text.parse().unwrap()).map(|it| it.to_string());
        assert_eq!(before("10.244.0.7").as_deref(), Some("10.244.0.6"));
        assert_eq!(before("10.244.1.0").as_deref(), Some("10.244.0.255"));
        assert_eq!(before("0.0.0.0"), None);
        assert_eq!(before("fd00::1"), None);
    }
}
