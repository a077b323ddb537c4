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
    when_restricted: Option<&'static str>,
}

pub(super) fn requests(operations: &[Operation]) -> BTreeSet<Requests> {
    let mut all = BTreeSet::new();
    for operation in operations {
        let ports: Vec<Option<u16>> = match &operation.ports {
            Some(ports) => ports.iter().copied().map(Some).collect(),
            None => vec![None],
        };
        let when_restricted = operation.when_restricted.map(|rule| match rule {
            WhenRestricted::Allow => "allow",
            WhenRestricted::Deny => "deny",
        });
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

impl Requests {
    /// Whether each request of the other is one of this, under the same rule for the restricted.
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
            && self.when_restricted == other.when_restricted
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
            Some(rule) => write!(f, ", whenRestricted {rule}"),
            None => Ok(()),
        }
    }
}
