//! Flows: which requests may go from one segment to another, and under which conditions.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Mode;
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
    pub(super) operations: Vec<Operation>,
}

/// A set of requests.
#[derive(Debug, Clone)]
pub struct Operation {
    pub(super) methods: MethodSet,
    pub(super) paths: Vec<PathTemplate>,
    pub(super) ports: PortSet,
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

    /// Whether some request is covered by both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.operations
            .iter()
            .any(|a| other.operations.iter().any(|b| a.overlaps(b)))
    }

    pub(super) fn template_count(&self) -> usize {
        self.operations
            .iter()
            .map(|operation| operation.paths.len())
            .sum()
    }

    /// Whether one of the operations covers the request. A path that can be read in two ways is
    /// covered by none.
    pub(super) fn covers(&self, port: u16, request: &RequestFacts<'_>) -> bool {
        self.operations
            .iter()
            .any(|operation| operation.covers(port, request))
    }
}

impl Operation {
    fn covers(&self, port: u16, request: &RequestFacts<'_>) -> bool {
        let Ok(path) = request.path else { return false };
        self.ports.contains(port)
            && self.methods.contains(request.method)
            && self.paths.iter().any(|template| template.matches(path))
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
