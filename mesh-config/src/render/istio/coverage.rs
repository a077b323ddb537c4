//! Which workloads the policy covers.

use std::collections::{BTreeMap, BTreeSet};

use crate::render::slice::Slicer;
use crate::workloads::{Inventory, Protocol, WithoutSidecar, Workload};

/// The namespaces that are rendered for, and everything else.
pub(super) struct Coverage<'a> {
    /// Those with a workload that belongs to a segment and has a sidecar.
    pub(super) namespaces: BTreeMap<&'a str, Namespace<'a>>,
    /// Workloads of no segment.
    pub(super) outside: Vec<&'a Workload>,
    /// Workloads of a segment, without a sidecar.
    pub(super) bare: Vec<&'a Workload>,
}

/// A namespace that is rendered for.
#[derive(Default)]
pub(super) struct Namespace<'a> {
    /// The covered workloads.
    pub(super) covered: Vec<&'a Workload>,
    /// The ports of its workloads at which Istio reads HTTP.
    pub(super) http: BTreeSet<u16>,
    /// The ports of gateways in it, which have to stay reachable from outside.
    pub(super) gateways: BTreeSet<u16>,
}

impl<'a> Coverage<'a> {
    pub(super) fn new(slicer: &Slicer<'_>, inventory: &'a Inventory) -> Self {
        let mut it = Self {
            namespaces: BTreeMap::new(),
            outside: Vec::new(),
            bare: Vec::new(),
        };
        for workload in &inventory.workloads {
            let mut segments = slicer.segments(&workload.namespace);
            let is_covered = segments.any(|segment| match &segment.service_accounts {
                None => true,
                Some(names) => names.contains(&workload.service_account),
            });
            if !is_covered {
                it.outside.push(workload);
            } else if workload.without_sidecar.is_some() {
                it.bare.push(workload);
            } else {
                let namespace = it.namespaces.entry(&workload.namespace).or_default();
                namespace.covered.push(workload);
            }
        }
        // The resources have no selector, so the ports of all workloads of the namespace count.
        for workload in &inventory.workloads {
            let Some(namespace) = it.namespaces.get_mut(workload.namespace.as_str()) else {
                continue;
            };
            let ports = workload.ports.iter().filter(|port| port.bypass.is_none());
            if workload.without_sidecar == Some(WithoutSidecar::Gateway) {
                namespace.gateways.extend(ports.map(|port| port.number));
                continue;
            }
            let http = ports.filter(|port| port.protocol != Protocol::Tcp);
            namespace.http.extend(http.map(|port| port.number));
        }
        it
    }
}
