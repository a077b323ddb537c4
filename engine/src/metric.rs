//! The metrics of the filter: one table, from which docs/metrics.md is generated.
//!
//! Labels are reason codes, states and the segments of the policy, which are closed lists; nothing of
//! a request ever becomes a label.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::reason::DenyReason;
use crate::trust::Behaviour;

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Requests that a flow allowed.
    Allowed,
    /// Requests that a grant allowed.
    GrantAllowed,
    /// Requests that passed as health probes.
    ProbeAllowed,
    /// Requests that were denied.
    Denied(DenyReason),
    /// Requests that only shadow mode let pass.
    WouldDeny(DenyReason),
    /// Signature verifications that no cache could answer.
    ColdVerification,
    /// Decision records that were counted and not logged.
    RecordSuppressed,
    /// Whether the last configuration was rejected.
    ConfigRejected,
    /// Requests that passed because the configuration is invalid and its mode is shadow.
    PassedUnconfigured,
    /// The first 6 bytes of the hash of the policy in force.
    PolicyHash,
    /// 1 in enforce, 0 in shadow.
    Enforcing,
    /// Peers that are kept, in this state.
    Peers(Behaviour),
    /// Times that a peer came into this state.
    PeerChange(Behaviour),
    /// Times that all certificates of an identity were isolated.
    IdentityIsolated,
    /// Times that an aggregator would have been restricted.
    AggregatorAlarm,
    /// Times that the fleet guard spared callers.
    FleetGuarded,
    /// Notes of other workers that are not in form, or could not be read.
    TrustSlotInvalid,
    /// Connections whose TLS group is known not to be a hybrid post-quantum one.
    KeyExchangeNotPostQuantum,
    /// Whether a break-glass lasts.
    BreakGlass,
    /// Streams that were ended because of what happened after they began.
    StreamEnded,
}

/// How a metric is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It has a value.
    Gauge,
    /// It has many values, of which a proxy shows the distribution.
    Histogram,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricRow {
    /// The name, without the label's value.
    pub name: &'static str,
    /// What is told apart by the last part of the name, if anything.
    pub label: Option<&'static str>,
    /// How it is counted.
    pub kind: MetricKind,
    /// What it says, and what to do about it.
    pub help: &'static str,
}

impl Metric {
    /// The metrics without a reason.
    pub const PLAIN: [Self; 22] = [
        Self::Allowed,
        Self::GrantAllowed,
        Self::ProbeAllowed,
        Self::ColdVerification,
        Self::RecordSuppressed,
        Self::ConfigRejected,
        Self::PassedUnconfigured,
        Self::PolicyHash,
        Self::Enforcing,
        Self::Peers(Behaviour::Trusted),
        Self::Peers(Behaviour::Restricted),
        Self::Peers(Behaviour::Isolated),
        Self::PeerChange(Behaviour::Trusted),
        Self::PeerChange(Behaviour::Restricted),
        Self::PeerChange(Behaviour::Isolated),
        Self::IdentityIsolated,
        Self::AggregatorAlarm,
        Self::FleetGuarded,
        Self::TrustSlotInvalid,
        Self::KeyExchangeNotPostQuantum,
        Self::BreakGlass,
        Self::StreamEnded,
    ];

    /// The rows of the table, each once.
    #[must_use]
    pub fn rows() -> Vec<MetricRow> {
        // Any reason stands for its family.
        let reason = DenyReason::NotConfigured;
        let families = [Self::Denied(reason).row(), Self::WouldDeny(reason).row()];
        let plain = Self::PLAIN.into_iter().map(Self::row);
        let mut rows: Vec<MetricRow> = plain.chain(families).chain([MetricRow::TRUST]).collect();
        rows.dedup();
        rows
    }

    /// The full name: the value of the label, if there is one, is the last part, so that Envoy's
    /// tag extraction can make a label of it.
    #[must_use]
    pub fn name(self) -> String {
        let row = self.row();
        match self.label_value() {
            Some(value) => row.name_with(value),
            None => row.name.to_string(),
        }
    }

    const fn label_value(self) -> Option<&'static str> {
        match self {
            Self::Denied(reason) | Self::WouldDeny(reason) => Some(reason.code()),
            Self::Peers(state) | Self::PeerChange(state) => Some(match state {
                Behaviour::Trusted => "trusted",
                Behaviour::Restricted => "restricted",
                Behaviour::Isolated => "isolated",
            }),
            Self::Allowed
            | Self::GrantAllowed
            | Self::ProbeAllowed
            | Self::ColdVerification
            | Self::RecordSuppressed
            | Self::ConfigRejected
            | Self::PassedUnconfigured
            | Self::PolicyHash
            | Self::Enforcing
            | Self::IdentityIsolated
            | Self::AggregatorAlarm
            | Self::FleetGuarded
            | Self::TrustSlotInvalid
            | Self::KeyExchangeNotPostQuantum
            | Self::BreakGlass
            | Self::StreamEnded => None,
        }
    }

    /// The row of the table. Inlined for the reason for which [`DenyReason::row`] is.
    #[must_use]
    #[inline(always)]
    pub const fn row(self) -> MetricRow {
        match self {
            Self::Allowed => counter("sallyport.allowed", "Requests that a flow allowed."),
            Self::GrantAllowed => counter(
                "sallyport.grant_allowed",
                "Requests that a grant allowed, where no flow covers them.",
            ),
            Self::ProbeAllowed => counter(
                "sallyport.probe_allowed",
                "Requests that passed as health probes of the policy.",
            ),
            Self::Denied(_) => {
                counter("sallyport.denied", "Requests that were denied, by reason.").by("reason")
            }
            Self::WouldDeny(_) => counter(
                "sallyport.would_deny",
                "Requests that only shadow mode let pass, by the reason for which enforce would deny them.",
            )
            .by("reason"),
            Self::ColdVerification => counter(
                "sallyport.cold_verification",
                "Credentials that were verified because no cache held the answer. High at steady load: too many distinct credentials.",
            ),
            Self::RecordSuppressed => counter(
                "sallyport.record_suppressed",
                "Decision records beyond the log limit of 10 a second and worker, counted instead of logged.",
            ),
            Self::ConfigRejected => gauge(
                "sallyport.config_rejected",
                "1 when the last configuration was rejected. Alert on it.",
            ),
            Self::PassedUnconfigured => counter(
                "sallyport.passed_unconfigured",
                "Requests that passed unchecked because the configuration is invalid and its mode is shadow. Alert on it.",
            ),
            Self::PolicyHash => gauge(
                "sallyport.policy_hash",
                "The first 6 bytes of the SHA-256 of the policy in force, as a number: equal on all proxies that run the same policy.",
            ),
            Self::Enforcing => gauge(
                "sallyport.enforcing",
                "1 when the mode of the policy in force is enforce; 0 in shadow, and while a break-glass for all segments lasts.",
            ),
            Self::Peers(_) => gauge(
                "sallyport.peers",
                "Peers that the workers keep, by state; one that reached several workers counts in each. A peer that went silent is counted until its evidence is forgotten.",
            )
            .by("state"),
            Self::PeerChange(_) => counter(
                "sallyport.peer_changes",
                "Times that a peer came into a state. Alert on `isolated`.",
            )
            .by("state"),
            Self::IdentityIsolated => counter(
                "sallyport.identity_isolated",
                "Times that three certificates of one identity were isolated within an hour, so that all of them are. Alert on it.",
            ),
            Self::AggregatorAlarm => counter(
                "sallyport.aggregator_alarm",
                "Times that a caller which speaks for many would have been restricted if it spoke for itself.",
            ),
            Self::FleetGuarded => counter(
                "sallyport.fleet_guarded",
                "Times that so many callers crossed at once that isolation was lowered to restriction. Alert on it: a mistake is likelier than an attack.",
            ),
            Self::TrustSlotInvalid => counter(
                "sallyport.trust_slot_invalid",
                "Notes about peers in shared data that are not in form or could not be read. Above 0: another plugin writes there, or two versions of this one run.",
            ),
            Self::KeyExchangeNotPostQuantum => counter(
                "sallyport.key_exchange_not_post_quantum",
                "Connections whose TLS group is known not to be a hybrid post-quantum one, where `postQuantumAuth` does not ignore it.",
            ),
            Self::BreakGlass => gauge(
                "sallyport.break_glass",
                "1 while a break-glass of the policy lasts, for all segments or some. Alert on it.",
            ),
            Self::StreamEnded => counter(
                "sallyport.stream_ended",
                "Open streams that were ended because their caller was isolated, its credential no longer counts, or their grant is over.",
            ),
        }
    }
}

impl MetricRow {
    /// The trust scores of callers, by the segment that they are in.
    pub const TRUST: Self = row(
        "sallyport.trust",
        MetricKind::Histogram,
        "Trust scores of callers, 0 to 99, one for each decision about a caller, by its segment. Callers in no segment are not in it.",
    )
    .by("segment");

    /// The name for one value of the label.
    #[must_use]
    pub fn name_with(&self, value: &str) -> String {
        format!("{}.{value}", self.name)
    }

    const fn by(self, label: &'static str) -> Self {
        Self {
            label: Some(label),
            ..self
        }
    }
}

const fn counter(name: &'static str, help: &'static str) -> MetricRow {
    row(name, MetricKind::Counter, help)
}

const fn gauge(name: &'static str, help: &'static str) -> MetricRow {
    row(name, MetricKind::Gauge, help)
}

const fn row(name: &'static str, kind: MetricKind, help: &'static str) -> MetricRow {
    MetricRow {
        name,
        label: None,
        kind,
        help,
    }
}
