//! Microsegments, and which one a workload belongs to.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::raw::Callers;
use crate::identity::{SpiffeId, TrustDomain};

/// Number of a segment within one policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub(super) usize);

/// A microsegment.
#[derive(Debug, Clone)]
pub struct Segment {
    pub(super) name: Arc<str>,
    pub(super) trust_domains: Vec<TrustDomain>,
    pub(super) namespaces: BTreeSet<String>,
    pub(super) service_accounts: ServiceAccounts,
    pub(super) callers: Callers,
}

/// Which service accounts of its namespaces a segment contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServiceAccounts {
    /// Each one.
    Any,
    /// These.
    Named(BTreeSet<String>),
}

/// From a namespace and a service account to the segment.
#[derive(Debug, Default)]
pub(super) struct SegmentIndex(BTreeMap<String, Namespace>);

/// The segments that have workloads in a namespace; several where they differ in trust domains.
#[derive(Debug, Default)]
struct Namespace {
    /// Those that have each service account.
    whole: Vec<SegmentId>,
    /// Those that have this one.
    named: BTreeMap<String, Vec<SegmentId>>,
}

// === impl Segment ===

impl Segment {
    /// The name of the segment.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The namespaces of its workloads.
    #[must_use]
    pub const fn namespaces(&self) -> &BTreeSet<String> {
        &self.namespaces
    }

    /// Whether its workloads call on behalf of many others.
    #[must_use]
    pub fn is_aggregator(&self) -> bool {
        self.callers == Callers::Aggregator
    }

    /// How many entries it takes in the index.
    pub(super) fn workloads(&self) -> usize {
        let accounts = match &self.service_accounts {
            ServiceAccounts::Any => 1,
            ServiceAccounts::Named(names) => names.len(),
        };
        self.namespaces.len().saturating_mul(accounts)
    }

    fn is_of(&self, trust_domain: &str) -> bool {
        self.trust_domains
            .iter()
            .any(|known| known.as_str() == trust_domain)
    }
}

// === impl SegmentIndex ===

impl SegmentIndex {
    pub(super) fn insert(&mut self, id: SegmentId, segment: &Segment) {
        for name in &segment.namespaces {
            let namespace = self.0.entry(name.clone()).or_default();
            match &segment.service_accounts {
                ServiceAccounts::Any => namespace.whole.push(id),
                ServiceAccounts::Named(names) => {
                    for name in names {
                        namespace.named.entry(name.clone()).or_default().push(id);
                    }
                }
            }
        }
    }

    /// A segment in the index that contains a workload of this one.
    pub(super) fn overlapping<'a>(
        &self,
        segment: &Segment,
        segments: &'a [Segment],
    ) -> Option<&'a Segment> {
        let shares_domain = |other: &&Segment| {
            other
                .trust_domains
                .iter()
                .any(|domain| segment.is_of(domain.as_str()))
        };
        let namespaces = segment
            .namespaces
            .iter()
            .filter_map(|name| self.0.get(name));
        namespaces
            .flat_map(|namespace| namespace.neighbours(&segment.service_accounts))
            .filter_map(|id| segments.get(id.0))
            .find(shares_domain)
    }

    /// INVARIANT: segments do not overlap (compile.rs), so the first hit is the only one.
    pub(super) fn find(&self, identity: &SpiffeId, segments: &[Segment]) -> Option<SegmentId> {
        let workload = identity.workload()?;
        let namespace = self.0.get(workload.namespace)?;
        let named = namespace
            .named
            .get(workload.service_account)
            .into_iter()
            .flatten();
        named.chain(&namespace.whole).copied().find(|id| {
            segments
                .get(id.0)
                .is_some_and(|segment| segment.is_of(identity.trust_domain()))
        })
    }
}

// === impl Namespace ===

impl Namespace {
    /// The segments that have some of these service accounts.
    fn neighbours<'a>(
        &'a self,
        accounts: &'a ServiceAccounts,
    ) -> Box<dyn Iterator<Item = SegmentId> + 'a> {
        match accounts {
            ServiceAccounts::Any => Box::new(
                self.whole
                    .iter()
                    .chain(self.named.values().flatten())
                    .copied(),
            ),
            ServiceAccounts::Named(names) => {
                let named = names
                    .iter()
                    .filter_map(|name| self.named.get(name))
                    .flatten();
                Box::new(self.whole.iter().chain(named).copied())
            }
        }
    }
}
