//! The requests that a flow or grant covers, one by one, as its policy writes them.

use std::collections::BTreeSet;
use std::fmt;

use sallyport_engine::names::PathTemplate;
use sallyport_engine::policy::raw::{Operation, WhenRestricted};

/// One method on one path at one port, or at each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Requests {
    method: String,
    path: String,
    port: Option<u16>,
    when_restricted: Restricted,
}

/// Whether restricted callers may do it, from what lets least pass to what lets most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Restricted {
    Deny,
    ByMethod,
    Allow,
}

pub(super) fn requests(operations: &[Operation]) -> BTreeSet<Requests> {
    let mut all = BTreeSet::new();
    for operation in operations {
        let ports = ports(operation);
        let when_restricted = match operation.when_restricted {
            Some(WhenRestricted::Allow) => Restricted::Allow,
            Some(WhenRestricted::Deny) => Restricted::Deny,
            None => Restricted::ByMethod,
        };
        for method in &operation.methods {
            for path in &operation.paths {
                all.extend(ports.iter().map(|port| Requests {
                    method: method.clone(),
                    path: path.clone(),
                    port: *port,
                    when_restricted,
                }));
            }
        }
    }
    all
}

/// The ports of an operation; none is each.
pub(super) fn ports(operation: &Operation) -> Vec<Option<u16>> {
    match &operation.ports {
        Some(ports) => ports.iter().copied().map(Some).collect(),
        None => vec![None],
    }
}

impl Requests {
    /// Whether each request of the other is one of this. What restricted callers may do of it depends
    /// on the order as well, and is compared in [`super::restricted`].
    pub(super) fn contains(&self, other: &Self) -> bool {
        let templates = (
            self.path.parse::<PathTemplate>(),
            other.path.parse::<PathTemplate>(),
        );
        let paths = match templates {
            (Ok(wide), Ok(narrow)) => wide.contains(&narrow),
            (_, _) => false,
        };
        paths
            && (self.method == "*" || self.method == other.method)
            && (self.port.is_none() || self.port == other.port)
    }

    /// Whether its rule for the restricted refuses none that the other's admits.
    pub(super) fn admits_as(&self, other: &Self) -> bool {
        self.when_restricted >= other.when_restricted
    }
}

/// `GET /v1/orders/{order} at 8080`.
impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        match self.port {
            Some(port) => write!(f, " at {port}")?,
            None => f.write_str(" at any port")?,
        }
        match self.when_restricted {
            Restricted::Allow => f.write_str(", whenRestricted allow"),
            Restricted::Deny => f.write_str(", whenRestricted deny"),
            Restricted::ByMethod => Ok(()),
        }
    }
}
