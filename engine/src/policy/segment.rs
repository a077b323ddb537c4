//! Microsegments, and which one a workload belongs to.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::identity::{SpiffeId, TrustDomain};

/// Number of a segment within one policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub(super) usize);

/// A microsegment.
#[derive(Debug, Clone)]
pub struct Segment {
    pub(super) name: Arc<str>,
    pub(super) trust_domains: Vec<TrustDomain>,
    pub(super) namespaces: Vec<String>,
    pub(super) service_accounts: ServiceAccounts,
}

/// Which service accounts of its namespaces a segment contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServiceAccounts {
    /// Each one.
    Any,
    /// These.
    Named(Vec<String>),
}

/// From a namespace to the segments that have workloads in it.
#[derive(Debug, Default)]
pub(super) struct SegmentIndex(BTreeMap<String, Vec<(SegmentId, Segment)>>);

impl Segment {
    /// The name of the segment.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The namespaces of its workloads.
    #[must_use]
    pub fn namespaces(&self) -> &[String] {
        &self.namespaces
    }

    /// Whether some workload would belong to both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.trust_domains.iter().any(|domain| other.trust_domains.contains(domain))
            && self.namespaces.iter().any(|namespace| other.namespaces.contains(namespace))
            && self.service_accounts.overlaps(&other.service_accounts)
    }
}

impl ServiceAccounts {
    fn contains(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Named(names) => names.iter().any(|known| known == name),
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Named(a), Self::Named(b)) => a.iter().any(|name| b.contains(name)),
        }
    }
}

impl SegmentIndex {
    pub(super) fn new(segments: &[Segment]) -> Self {
        let mut index: BTreeMap<String, Vec<(SegmentId, Segment)>> = BTreeMap::new();
        for (number, segment) in segments.iter().enumerate() {
            for namespace in &segment.namespaces {
                let entry = index.entry(namespace.clone()).or_default();
                entry.push((SegmentId(number), segment.clone()));
            }
        }
        Self(index)
    }

    /// INVARIANT: segments do not overlap (compile.rs), so the first hit is the only one.
    pub(super) fn find(&self, identity: &SpiffeId) -> Option<SegmentId> {
        let workload = identity.workload()?;
        let domain = identity.trust_domain();
        self.0
            .get(workload.namespace)?
            .iter()
            .find(|(_, segment)| {
                segment.trust_domains.iter().any(|known| known.as_str() == domain)
                    && segment.service_accounts.contains(workload.service_account)
            })
            .map(|(id, _)| *id)
    }
}
