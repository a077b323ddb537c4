//! Flows: which requests may go from one segment to another, and under which conditions.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Mode;
use super::artifacts::ArtifactRequirement;
use super::raw::WhenRestricted;
use crate::facts::RequestFacts;
use crate::identity::Assurance;
use crate::names::{Method, PathTemplate};

/// An allowed flow, with the policy's settings where it has none of its own.
#[derive(Debug, Clone)]
pub struct Flow {
    pub(super) name: Arc<str>,
    pub(super) mode: Mode,
    pub(super) minimum_assurance: Assurance,
    pub(super) minimum_trust: u8,
    pub(super) maximum_uncertainty: u8,
    pub(super) recheck_streams: bool,
    pub(super) requires: Vec<Arc<ArtifactRequirement>>,
    pub(super) operations: Vec<Operation>,
}

/// A set of requests.
#[derive(Debug, Clone)]
pub struct Operation {
    pub(super) methods: MethodSet,
    pub(super) paths: Vec<PathTemplate>,
    pub(super) ports: PortSet,
    pub(super) when_restricted: Option<WhenRestricted>,
}

/// An operation of a flow or grant that covers a request.
#[derive(Debug, Clone, Copy)]
pub struct Covered<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// Where in the policy the operation stands, and which of its paths it is.
    pub place: OperationPlace,
}

/// Where an operation stands among those of the flows, or among those of the grants, of a policy, and
/// which of its paths is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationPlace {
    pub(super) flow: usize,
    pub(super) operation: usize,
    pub(super) path: usize,
}

impl OperationPlace {
    /// The number of the flow or grant, in the order of the document.
    #[must_use]
    pub const fn flow(self) -> usize {
        self.flow
    }

    /// The number of the operation within its flow or grant.
    #[must_use]
    pub const fn operation(self) -> usize {
        self.operation
    }
}

/// Which methods an operation covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MethodSet {
    /// Each one.
    Any,
    /// These.
    Named(Vec<String>),
}

/// Which ports an operation covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortSet {
    /// Each one.
    Any,
    /// These.
    Named(Vec<u16>),
}

impl Flow {
    /// The name of the flow.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What happens to requests of this flow that are not allowed.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The least assurance of a peer.
    #[must_use]
    pub const fn minimum_assurance(&self) -> Assurance {
        self.minimum_assurance
    }

    /// The least trust score of a peer, 0 to 99.
    #[must_use]
    pub const fn minimum_trust(&self) -> u8 {
        self.minimum_trust
    }

    /// The uncertainty above which a peer is treated as a restricted one, 0 to 100.
    #[must_use]
    pub const fn maximum_uncertainty(&self) -> u8 {
        self.maximum_uncertainty
    }

    /// Whether open streams are looked at again.
    #[must_use]
    pub const fn rechecks_streams(&self) -> bool {
        self.recheck_streams
    }

    /// What the caller's token must say of its model and image.
    #[must_use]
    pub fn requires(&self) -> &[Arc<ArtifactRequirement>] {
        &self.requires
    }
}

/// Whether some request is covered by an operation of both.
pub(super) fn overlap(some: &[Operation], others: &[Operation]) -> bool {
    some.iter().any(|a| others.iter().any(|b| a.overlaps(b)))
}

impl Operation {
    /// Whether a restricted peer may do it: what the policy says; without a word of it, only what
    /// reads, and no upgrade to another protocol.
    #[must_use]
    pub fn is_for_restricted(&self, request: &RequestFacts<'_>) -> bool {
        match self.when_restricted {
            Some(WhenRestricted::Allow) => true,
            Some(WhenRestricted::Deny) => false,
            None => matches!(request.method.as_str(), "GET" | "HEAD") && !request.is_upgrade,
        }
    }

    /// Whether it covers requests of this method at this port, if one of its paths does.
    pub(super) fn takes(&self, port: u16, method: Method<'_>) -> bool {
        self.ports.contains(port) && self.methods.contains(method)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.ports.overlaps(&other.ports)
            && self.methods.overlaps(&other.methods)
            && self
                .paths
                .iter()
                .any(|a| other.paths.iter().any(|b| a.overlaps(b)))
    }
}

impl MethodSet {
    fn contains(&self, method: Method<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Named(names) => names.iter().any(|name| name == method.as_str()),
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Named(a), Self::Named(b)) => a.iter().any(|name| b.contains(name)),
        }
    }
}

impl PortSet {
    fn contains(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Named(ports) => ports.contains(&port),
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Named(a), Self::Named(b)) => a.iter().any(|port| b.contains(port)),
        }
    }
}
