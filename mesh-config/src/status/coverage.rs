//! What no filter sees, as far as the manifests show it.

use serde::Serialize;

use crate::workloads::{Bypass, Inventory, Protocol};

/// A workload, or one of its ports, that the filter does not protect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uncovered {
    /// `Deployment orders in namespace shop`.
    pub workload: String,
    /// The port; none for the whole workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Why.
    pub why: &'static str,
}

/// Everything that is not covered.
#[must_use]
pub fn uncovered(inventory: &Inventory) -> Vec<Uncovered> {
    let mut found = Vec::new();
    for workload in &inventory.workloads {
        let name = format!(
            "{} {} in namespace {}",
            workload.kind, workload.name, workload.namespace
        );
        if let Some(without) = workload.without_sidecar {
            found.push(Uncovered {
                workload: name,
                port: None,
                why: without.as_str(),
            });
            continue;
        }
        for port in &workload.ports {
            let why = match (port.bypass, port.protocol) {
                (Some(Bypass::NoService), _) => "no service leads there, so no HTTP filter sees it",
                (Some(Bypass::Excluded), _) => {
                    "an annotation takes it out of the sidecar's traffic"
                }
                (None, Protocol::Tcp) => "it is no HTTP, so no HTTP filter sees it",
                (None, Protocol::Detected) => {
                    "its protocol is not declared: what is not seen to be HTTP passes unchecked"
                }
                (None, Protocol::Http) => continue,
            };
            found.push(Uncovered {
                workload: name.clone(),
                port: Some(port.number),
                why,
            });
        }
    }
    found
}
