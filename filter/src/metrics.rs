//! Counting, in the host's metrics. Names and help stand in the engine's table.

use std::collections::BTreeMap;
use std::sync::Arc;

use sallyport_engine::metric::{Metric, MetricRow};
use sallyport_engine::reason::DenyReason;

use crate::host::{Host, HostError, MetricId};

/// The host's numbers of all metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    ids: BTreeMap<Metric, MetricId>,
    /// The number of [`Metric::Allowed`], which most requests count, without a search.
    allowed: Option<MetricId>,
    /// The histograms of trust, by segment.
    trust: BTreeMap<Arc<str>, MetricId>,
}

impl Metrics {
    /// Makes all metrics known to the host: they then exist with the value 0, so that an alert on
    /// them can tell "never" from "not installed".
    pub(crate) fn define(host: &impl Host) -> Result<Self, HostError> {
        let by_reason = DenyReason::ALL
            .into_iter()
            .flat_map(|reason| [Metric::Denied(reason), Metric::WouldDeny(reason)]);
        let define = |metric: Metric| {
            Ok((
                metric,
                host.define_metric(metric.row().kind, &metric.name())?,
            ))
        };
        Metric::PLAIN
            .into_iter()
            .chain(by_reason)
            .map(define)
            .collect::<Result<BTreeMap<_, _>, _>>()
            .map(|ids| Self {
                allowed: ids.get(&Metric::Allowed).copied(),
                ids,
                trust: BTreeMap::new(),
            })
    }

    fn id(&self, metric: Metric) -> Option<MetricId> {
        if metric == Metric::Allowed {
            self.allowed
        } else {
            self.ids.get(&metric).copied()
        }
    }

    /// Adds one. A metric that cannot be counted must not stop a decision, so a failure is left to
    /// the host's own statistics.
    pub(crate) fn increment(&self, host: &impl Host, metric: Metric) {
        if let Some(id) = self.id(metric) {
            let _ = host.add(id, 1);
        }
    }

    /// Sets a gauge; see [`Self::increment`] on failures.
    pub(crate) fn set(&self, host: &impl Host, metric: Metric, value: u64) {
        if let Some(id) = self.id(metric) {
            let _ = host.record_metric(id, value);
        }
    }

    /// Changes a gauge that several workers have a part in; see [`Self::increment`] on failures.
    pub(crate) fn add(&self, host: &impl Host, metric: Metric, change: i64) {
        if let Some(id) = self.id(metric) {
            let _ = host.add(id, change);
        }
    }

    /// Records the trust score of a caller. The histogram of a segment is made with its first
    /// caller: a policy may name many segments of which few call here.
    pub(crate) fn record_trust(&mut self, host: &impl Host, segment: &Arc<str>, trust: u8) {
        let known = self.trust.get(segment).copied();
        if let Some(id) = known.or_else(|| self.define_trust(host, segment)) {
            let _ = host.record_metric(id, u64::from(trust));
        }
    }

    #[cold]
    #[inline(never)]
    fn define_trust(&mut self, host: &impl Host, segment: &Arc<str>) -> Option<MetricId> {
        let row = MetricRow::TRUST;
        match host.define_metric(row.kind, &row.name_with(segment)) {
            Ok(id) => {
                self.trust.insert(Arc::clone(segment), id);
                Some(id)
            }
            Err(_) => None,
        }
    }
}
