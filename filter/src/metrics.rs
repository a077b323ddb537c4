//! Counting, in the host's metrics. Names and help stand in the engine's table.

use std::collections::BTreeMap;

use sallyport_engine::metric::Metric;
use sallyport_engine::reason::DenyReason;

use crate::host::{Host, HostError, MetricId};

/// The host's numbers of all metrics.
#[derive(Debug)]
pub(crate) struct Metrics(BTreeMap<Metric, MetricId>);

impl Metrics {
    /// Makes all metrics known to the host, once for each VM: they then exist with the value 0, so
    /// that an alert on them can tell "never" from "not installed".
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
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Adds one. A metric that cannot be counted must not stop a decision, so a failure is left to
    /// the host's own statistics.
    pub(crate) fn increment(&self, host: &impl Host, metric: Metric) {
        if let Some(id) = self.0.get(&metric) {
            let _ = host.increment(*id);
        }
    }

    /// Sets a gauge; see [`Self::increment`] on failures.
    pub(crate) fn set(&self, host: &impl Host, metric: Metric, value: u64) {
        if let Some(id) = self.0.get(&metric) {
            let _ = host.record_metric(*id, value);
        }
    }
}
