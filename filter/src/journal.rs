//! Decision records in the proxy's log, at a bounded rate.
//!
//! A scan must not fill the disk or slow the proxy: beyond the limit of a second, records are
//! counted, and one summary line says how many there were of each reason.

use std::collections::BTreeMap;

use sallyport_engine::hexadecimal;
use sallyport_engine::metric::Metric;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::record::Record;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::Notice;
use serde::Serialize;

use crate::host::{Host, LogLevel};
use crate::metrics::Metrics;

/// The log of one worker.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    second: u64,
    written: u32,
    suppressed: BTreeMap<DenyReason, u64>,
}

/// What happened to a peer.
#[derive(Serialize)]
struct PeerEvent<'a> {
    event: &'static str,
    time_ms: TimeMs,
    peer: Option<&'a str>,
    certificate_sha256: Option<String>,
}

/// How many records of each reason were left out of the log in a second.
#[derive(Serialize)]
struct Summary<'a> {
    suppressed_records: BTreeMap<&'a str, u64>,
}

impl Journal {
    /// Writes the record of a denial or would-deny, or counts it. `record` is only called when the
    /// record is written.
    #[cold]
    #[inline(never)]
    pub(crate) fn write(
        &mut self,
        host: &impl Host,
        metrics: &Metrics,
        now: TimeMs,
        reason: DenyReason,
        record: impl FnOnce() -> Record,
    ) {
        self.turn_to(host, now);
        if !self.has_room(host, metrics) {
            let count = self.suppressed.entry(reason).or_default();
            *count = count.saturating_add(1);
            return;
        }
        // A record is plain data with text keys, so writing it as JSON cannot fail; a log that does
        // not take it must not stop a decision.
        if let Ok(line) = serde_json::to_string(&record()) {
            let _ = host.log(LogLevel::Warn, &line);
        }
    }

    /// Writes a line about a host that failed, within the same limit.
    pub(crate) fn write_failure(&mut self, host: &impl Host, metrics: &Metrics, line: &str) {
        if !self.has_room(host, metrics) {
            return;
        }
        let _ = host.log(LogLevel::Error, line);
    }

    /// Counts what happened among the peers, and writes a line about it within the same limit.
    pub(crate) fn write_notice(
        &mut self,
        host: &impl Host,
        metrics: &Metrics,
        now: TimeMs,
        notice: &Notice,
    ) {
        let (metric, event, peer) = match notice {
            Notice::Changed { peer, to, .. } => (Metric::PeerChange(*to), to.as_str(), Some(peer)),
            Notice::AggregatorAlarm { peer } => {
                (Metric::AggregatorAlarm, "AGGREGATOR_ALARM", Some(peer))
            }
            Notice::IdentityIsolated { peer } => {
                (Metric::IdentityIsolated, "IDENTITY_ISOLATED", Some(peer))
            }
            Notice::FleetGuarded => (Metric::FleetGuarded, "FLEET_GUARDED", None),
        };
        metrics.increment(host, metric);
        let event = PeerEvent {
            event,
            time_ms: now,
            peer: peer.map(|peer| peer.identity.as_ref()),
            certificate_sha256: peer.map(|peer| hexadecimal::encode(&peer.certificate_sha256)),
        };
        self.write_event(host, metrics, now, &event);
    }

    /// Writes an event as JSON, within the same limit.
    pub(crate) fn write_event(
        &mut self,
        host: &impl Host,
        metrics: &Metrics,
        now: TimeMs,
        event: &impl Serialize,
    ) {
        // Plain data with text keys, as all of them are, cannot fail to become JSON.
        if let Ok(line) = serde_json::to_string(event) {
            self.write_line(host, metrics, now, &line);
        }
    }

    /// Writes a line of another kind, within the same limit.
    pub(crate) fn write_line(
        &mut self,
        host: &impl Host,
        metrics: &Metrics,
        now: TimeMs,
        line: &str,
    ) {
        self.turn_to(host, now);
        if !self.has_room(host, metrics) {
            return;
        }
        let _ = host.log(LogLevel::Warn, line);
    }

    /// Takes room for one line in this second, or counts that there is none left.
    fn has_room(&mut self, host: &impl Host, metrics: &Metrics) -> bool {
        if self.written >= MAXIMUM_PER_SECOND {
            metrics.increment(host, Metric::RecordSuppressed);
            return false;
        }
        self.written = self.written.saturating_add(1);
        true
    }

    /// Closes the second that is over, with a summary if records were suppressed in it.
    pub(crate) fn turn_to(&mut self, host: &impl Host, now: TimeMs) {
        let second = now.0 / 1000;
        if second == self.second {
            return;
        }
        self.second = second;
        self.written = 0;
        let suppressed = std::mem::take(&mut self.suppressed);
        if suppressed.is_empty() {
            return;
        }
        let counts: BTreeMap<&str, u64> = suppressed
            .iter()
            .map(|(reason, count)| (reason.code(), *count))
            .collect();
        let summary = Summary {
            suppressed_records: counts,
        };
        if let Ok(line) = serde_json::to_string(&summary) {
            let _ = host.log(LogLevel::Warn, &line);
        }
    }
}

/// Records in a second and worker.
const MAXIMUM_PER_SECOND: u32 = 10;
