//! Which flows, and which operations of flows and grants, some request belonged to.

use std::collections::BTreeSet;
use std::fmt;

use sallyport_mesh_config::explain::Place;
use sallyport_mesh_config::policy_file::LoadedPolicy;
use serde::Serialize;

/// The operations that were met, by flow or grant and number.
#[derive(Debug, Default)]
pub(super) struct Coverage(BTreeSet<(Kind, usize, usize)>);

/// What an operation is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Flow,
    Grant,
}

/// What is known of a policy's coverage.
#[derive(Debug, Serialize)]
pub(super) struct Covered {
    pub(super) flows: Share,
    pub(super) operations: Share,
    /// Operations that no request met.
    pub(super) missing: Vec<Missing>,
}

/// So many of all.
#[derive(Debug, Serialize)]
pub(super) struct Share {
    pub(super) covered: usize,
    pub(super) total: usize,
    /// Rounded down; 100 where there is nothing to cover.
    pub(super) percent: usize,
}

/// An operation that no request met.
#[derive(Debug, Serialize)]
pub(super) struct Missing {
    pub(super) kind: Kind,
    /// Of the flow or grant.
    pub(super) name: String,
    pub(super) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
}

impl Coverage {
    pub(super) fn note(&mut self, place: Place) {
        let (kind, place) = match place {
            Place::Flow(place) => (Kind::Flow, place),
            Place::Grant(place) => (Kind::Grant, place),
        };
        self.0.insert((kind, place.flow(), place.operation()));
    }

    pub(super) fn of(&self, loaded: &LoadedPolicy) -> Covered {
        let spec = &loaded.document.spec;
        let flows = spec.flows.iter().enumerate();
        let flows = flows.map(|(at, it)| (Kind::Flow, at, &it.name, it.operations.len()));
        let grants = spec.grants.iter().flatten().enumerate();
        let grants = grants.map(|(at, it)| (Kind::Grant, at, &it.name, it.operations.len()));
        let mut missing = Vec::new();
        let mut total: usize = 0;
        for (kind, number, name, operations) in flows.chain(grants) {
            for operation in 0..operations {
                total = total.saturating_add(1);
                if !self.0.contains(&(kind, number, operation)) {
                    let path = format!("spec.{}[{number}].operations[{operation}]", kind.list());
                    missing.push(Missing {
                        kind,
                        name: name.clone(),
                        line: loaded.line(&path),
                        path,
                    });
                }
            }
        }
        let met = self.0.iter().filter(|(kind, ..)| *kind == Kind::Flow);
        let met: BTreeSet<usize> = met.map(|(_, flow, _)| *flow).collect();
        Covered {
            flows: Share::new(met.len(), spec.flows.len()),
            operations: Share::new(self.0.len(), total),
            missing,
        }
    }
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::Grant => "grant",
        }
    }

    const fn list(self) -> &'static str {
        match self {
            Self::Flow => "flows",
            Self::Grant => "grants",
        }
    }
}

/// `not met: spec.flows[0].operations[1] (line 12), flow web-to-orders`.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not met: {}", self.path)?;
        if let Some(line) = self.line {
            write!(f, " (line {line})")?;
        }
        write!(f, ", {} {}", self.kind.as_str(), self.name)
    }
}

impl Share {
    fn new(covered: usize, total: usize) -> Self {
        let percent = covered.saturating_mul(100).checked_div(total);
        Self {
            covered,
            total,
            percent: percent.unwrap_or(100),
        }
    }
}
