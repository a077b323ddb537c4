//! The life of the plugin in one VM: configured, then asked about requests.

use std::time::Duration;

use sallyport_engine::effect::LocalReply;
use sallyport_engine::hexadecimal;
use sallyport_engine::metric::Metric;
use sallyport_engine::policy::Mode;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::verdict::DecisionId;

use crate::configuration::{self, Configuration};
use crate::host::{Host, HostError, LogLevel};
use crate::metrics::Metrics;
pub use crate::ongoing::{Body, Ongoing};
use crate::ongoing::{on_body, on_end};
pub use crate::request::Next;
use crate::request::on_request_headers;
use crate::successor::Successor;
use crate::worker::Worker;

/// The plugin in one VM. Without a configuration it denies everything.
#[derive(Default)]
pub struct Plugin {
    worker: Option<Worker>,
    begun: Option<Ongoing>,
    configurations: u64,
}

/// What Envoy is told about a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configured {
    /// It is in force: a policy, or denying all because there is none.
    InForce,
    /// It is refused; Envoy goes on with the one before.
    Refused,
}

impl Plugin {
    /// Takes a configuration. Each edit comes to a new plugin, which has no last good one of its
    /// own, so a key in shared data says whether one is serving anywhere in this proxy:
    ///
    /// - a valid configuration is taken and the key is set;
    /// - an invalid one is refused where one is serving, which then goes on;
    /// - an invalid one is taken where none is serving, and all requests are denied (or, where it
    ///   says `shadow`, pass and are counted): refusing it would end a proxy that just starts.
    pub fn configure(&mut self, host: &impl Host) -> Configured {
        match self.try_configure(host) {
            Ok(configured) => configured,
            Err(error) => {
                let _ = host.log(LogLevel::Error, &format!("configuration rejected: {error}"));
                self.worker = None;
                Configured::InForce
            }
        }
    }

    fn try_configure(&mut self, host: &impl Host) -> Result<Configured, HostError> {
        let metrics = Metrics::define(host)?;
        let bytes = host.plugin_configuration()?.unwrap_or_default();
        let configuration = match configuration::read(&bytes) {
            Ok(active) => {
                Successor::announce(host, &bytes)?;
                metrics.set(host, Metric::ConfigRejected, 0);
                metrics.set(host, Metric::PolicyHash, hash_prefix(&active.sha256));
                let name = active.policy.name();
                let (mode, hash) = (
                    active.policy.mode().as_str(),
                    hexadecimal::encode(&active.sha256),
                );
                let line = format!("policy {name} is in force: mode {mode}, sha256 {hash}");
                let _ = host.log(LogLevel::Info, &line);
                Configuration::Active(Box::new(active))
            }
            Err(error) => {
                metrics.set(host, Metric::ConfigRejected, 1);
                let is_serving = Successor::any(host)?;
                let mode = configuration::read_mode(&bytes);
                let effect = match (is_serving, mode) {
                    (true, _) => "the last good configuration goes on serving",
                    (false, Mode::Enforce) => "every request is denied",
                    (false, Mode::Shadow) => "every request passes unchecked (mode shadow)",
                };
                let line = format!("configuration rejected, {effect}: {error}");
                let _ = host.log(LogLevel::Error, &line);
                if is_serving {
                    return Ok(Configured::Refused);
                }
                Configuration::Rejected(mode)
            }
        };
        self.configurations = self.configurations.wrapping_add(1);
        self.retire(host);
        let mut worker = Worker::new(host, configuration, metrics, self.configurations)?;
        host.set_tick_period(TICK)?;
        worker.watch_break_glass(host, host.now()?);
        self.worker = Some(worker);
        Ok(Configured::InForce)
    }

    /// Decides the current request.
    pub fn on_request_headers(&mut self, host: &impl Host) -> Next {
        self.begun = None;
        match &mut self.worker {
            Some(worker) => {
                let (next, begun) = on_request_headers(host, worker);
                self.begun = begun;
                next
            }
            None => deny_unconfigured(host),
        }
    }

    /// The request that went on just now, to be given back with its bodies and at its end.
    pub fn take_begun(&mut self) -> Option<Ongoing> {
        self.begun.take()
    }

    /// Called for each part of a body, in either direction, with its length.
    pub fn on_body(
        &mut self,
        host: &impl Host,
        ongoing: &Ongoing,
        body: Body,
        bytes: usize,
    ) -> Next {
        ongoing.count(body, bytes);
        match &mut self.worker {
            Some(worker) => on_body(host, worker, ongoing),
            None => Next::Continue,
        }
    }

    /// Called when a request is over.
    pub fn on_end(&mut self, host: &impl Host, ongoing: &Ongoing) {
        if let Some(worker) = &mut self.worker {
            on_end(host, worker, ongoing);
        }
    }

    /// Called before the plugin ends, or serves another configuration.
    pub fn retire(&mut self, host: &impl Host) {
        // Envoy's timer of a plugin outlives it, and wakes the worker for nothing as long as the VM.
        let _ = host.set_tick_period(Duration::ZERO);
        if let Some(worker) = &mut self.worker {
            worker.retire(host);
        }
    }

    /// Called each [`TICK`].
    pub fn tick(&mut self, host: &impl Host) {
        if let (Some(worker), Ok(now)) = (&mut self.worker, host.now()) {
            worker.tick(host, now);
        }
    }
}

/// Not even the host's metrics or random numbers could be had. The decision has no number then.
fn deny_unconfigured(host: &impl Host) -> Next {
    let id = DecisionId {
        vm: [0; 8],
        counter: 0,
    };
    // Whether or not the host can send the reply, the request does not go on.
    let _ = host.reply(&LocalReply::without_decision(DenyReason::NotConfigured, id));
    Next::Stop
}

/// The first 6 bytes, which a metric can hold exactly.
fn hash_prefix(sha256: &[u8; 32]) -> u64 {
    sha256
        .iter()
        .take(6)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// How soon a worker hears of a peer that crossed elsewhere.
pub const TICK: Duration = Duration::from_millis(250);
