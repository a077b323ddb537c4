//! Which flows and operations of a policy some request belonged to.

use std::collections::BTreeSet;

use sallyport_engine::policy::OperationPlace;
use sallyport_mesh_config::policy_file::LoadedPolicy;
use serde::Serialize;

/// The operations that were met, by flow and number.
#[derive(Debug, Default)]
pub(super) struct Coverage(BTreeSet<(usize, usize)>);

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
    pub(super) flow: String,
    pub(super) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
}

impl Coverage {
    pub(super) fn note(&mut self, place: OperationPlace) {
        self.0.insert((place.flow(), place.operation()));
    }

    pub(super) fn of(&self, loaded: &LoadedPolicy) -> Covered {
        let flows = &loaded.document.spec.flows;
        let covered: BTreeSet<usize> = self.0.iter().map(|(flow, _)| *flow).collect();
        let mut missing = Vec::new();
        let mut total: usize = 0;
        for (flow, raw) in flows.iter().enumerate() {
            for operation in 0..raw.operations.len() {
                total = total.saturating_add(1);
                if !self.0.contains(&(flow, operation)) {
                    let path = format!("spec.flows[{flow}].operations[{operation}]");
                    missing.push(Missing {
                        flow: raw.name.clone(),
                        line: loaded.line(&path),
                        path,
                    });
                }
            }
        }
        Covered {
            flows: Share::new(covered.len(), flows.len()),
            operations: Share::new(self.0.len(), total),
            missing,
        }
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
