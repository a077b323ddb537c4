//! Is it on? What live proxies say of the filter in them.

mod config_dump;
mod coverage;
mod metrics;

use std::collections::{BTreeMap, BTreeSet};

use sallyport_engine::policy::GrantPhase;
use sallyport_engine::policy::raw::Grant;
use sallyport_engine::time::TimeMs;
use serde::Serialize;
use serde_json::Value;

pub use config_dump::Configured;
pub use coverage::{Uncovered, uncovered};

use crate::grants::{self, GrantState};
use crate::policy_file::LoadedPolicy;
use crate::render::InvalidRendering;
use crate::render::slice::Slicer;
use config_dump::Plugin;
use metrics::{Samples, whole};

/// Whether the filter is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It refuses.
    OnEnforce,
    /// It reports.
    OnShadow,
    /// It is not there, or has no policy.
    Off,
    /// Its last configuration was rejected.
    Rejected,
}

/// What a proxy says.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Whether it is on.
    pub state: State,
    /// What the gauge `sallyport.policy_hash` shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_hash: Option<u64>,
    /// What that hash is of, where a policy was given; none if it is of another policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Whether a policy was given, and another one is in force.
    pub other_policy: bool,
    /// Requests that were denied.
    pub denied: u64,
    /// Requests that only shadow mode let pass.
    pub would_deny: u64,
    /// Times that a VM was loaded anew after it failed.
    pub vm_reloads: u64,
    /// Requests that passed unchecked, because there was no valid configuration.
    pub passed_unconfigured: u64,
    /// Whether a break-glass lasts.
    pub break_glass: bool,
    /// The filters in the proxy's configuration, where the admin port was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured: Option<Vec<Configured>>,
    /// The grants that are in force, where the admin port was asked and this version can read its
    /// policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<GrantState>>,
}

/// The hashes that a policy has on proxies: its own, and those of its slices.
#[derive(Debug)]
pub struct Expected(BTreeMap<u64, String>);

impl Expected {
    /// Computes them.
    ///
    /// # Errors
    /// When a slice cannot be cut.
    pub fn of(policy: &LoadedPolicy) -> Result<Self, InvalidRendering> {
        let mut hashes = BTreeMap::new();
        let slicer = Slicer::new(&policy.document);
        let segments = policy.document.spec.segments.iter();
        for namespace in segments.flat_map(|segment| &segment.namespaces) {
            if let Some(slice) = slicer.slice(namespace)? {
                let first = slice.sha256.iter().take(6);
                let hash = first.fold(0, |number, byte| (number << 8) | u64::from(*byte));
                hashes.insert(hash, format!("its slice for namespace {namespace}"));
            }
        }
        hashes.insert(policy.policy_hash(), "the whole policy".to_owned());
        Ok(Self(hashes))
    }
}

/// Reads a proxy's metrics (Prometheus text) and, from its admin port, its configuration.
#[must_use]
pub fn status(
    metrics: &str,
    dump: Option<&Value>,
    expected: Option<&Expected>,
    now: TimeMs,
) -> Status {
    let samples = Samples::read(metrics);
    let gauge = |name: &str| samples.get(name).map(whole);
    let plugins = dump.map(config_dump::plugins);
    let configured = plugins.as_deref().map(configured);
    let grants = plugins
        .as_deref()
        .and_then(|plugins| in_force(plugins, now));
    // Envoy goes on to show the gauges of a filter that was removed.
    let is_removed = configured.as_ref().is_some_and(Vec::is_empty);
    let hash = gauge("sallyport_policy_hash").filter(|hash| *hash != 0 && !is_removed);
    let state = match (
        gauge("sallyport_config_rejected"),
        gauge("sallyport_enforcing"),
        hash,
    ) {
        (_, _, _) if is_removed => State::Off,
        (Some(1..), _, _) => State::Rejected,
        (_, Some(1..), Some(_)) => State::OnEnforce,
        (_, Some(0), Some(_)) => State::OnShadow,
        (_, _, _) => State::Off,
    };
    let policy = match (expected, hash) {
        (Some(expected), Some(hash)) => expected.0.get(&hash).cloned(),
        (_, _) => None,
    };
    Status {
        state,
        policy_hash: hash,
        other_policy: expected.is_some() && hash.is_some() && policy.is_none(),
        policy,
        denied: samples.sum("sallyport_denied", ""),
        would_deny: samples.sum("sallyport_would_deny", ""),
        vm_reloads: samples.sum("wasm_", "_vm_reload_success"),
        passed_unconfigured: samples.sum("sallyport_passed_unconfigured", ""),
        break_glass: gauge("sallyport_break_glass").is_some_and(|value| value > 0),
        configured,
        grants,
    }
}

/// The modules of a proxy, each once.
fn configured(plugins: &[Plugin<'_>]) -> Vec<Configured> {
    let found: BTreeSet<Configured> = plugins.iter().map(Plugin::configured).collect();
    found.into_iter().collect()
}

/// The grants that a proxy lets requests in by, each once; none where some policy cannot be read.
fn in_force(plugins: &[Plugin<'_>], now: TimeMs) -> Option<Vec<GrantState>> {
    let grants: Option<Vec<Vec<Grant>>> = plugins.iter().map(Plugin::grants).collect();
    let mut states = grants::at(&grants?.concat(), now);
    states.retain(|grant| grant.state == GrantPhase::InForce);
    states.sort_by(|one, other| one.name.cmp(&other.name));
    states.dedup();
    Some(states)
}

impl State {
    /// In one or two words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnEnforce => "ON enforce",
            Self::OnShadow => "ON shadow",
            Self::Off => "OFF",
            Self::Rejected => "REJECTED",
        }
    }
}

#[cfg(test)]
mod tests;
