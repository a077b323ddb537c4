//! Memory over millions of requests, while callers come and go and the policy is pushed anew.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sallyport_e2e::HarnessError;
use sallyport_e2e::envoy::config::to_json;
use sallyport_e2e::envoy::{Envoy, Processes, write_moved};
use sallyport_mesh_config::render::{FailStrategy, envoy as render};
use serde::{Deserialize, Serialize};

use crate::configuration::{INBOUND, Outbound, inbound};
use crate::credentials::{Authorities, Peer};
use crate::error::BenchError;
use crate::filters::Filters;
use crate::load::{Load, Pace};
use crate::measurement::Rounds;
use crate::plan::{Application, Protocol};
use crate::policy::{Callers, Mesh};
use crate::prelude::try_call;
use crate::stand::{Programs, cpus};
use crate::usage;

/// One look at the called Envoy.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Since the load began.
    pub(crate) second: u64,
    /// Its resident memory.
    pub(crate) resident_kib: u64,
    /// Requests that it answered.
    pub(crate) requests: u64,
    /// Those of them that it refused.
    pub(crate) refused: u64,
    /// Configurations that it took.
    pub(crate) configurations: u64,
    /// Callers in the filter's table.
    pub(crate) peers: u64,
    /// Callers that come and go, all in all.
    pub(crate) callers: usize,
}

/// How much of what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Requests, of the callers that take turns.
    pub(crate) requests: u32,
    /// Requests each second.
    pub(crate) rate: u32,
    /// Callers that come with a connection for one request each, and come again.
    pub(crate) callers: usize,
}

/// The file of its results.
pub(crate) const GROWTH: &str = "growth";

/// Measures once, unless that was done.
pub(crate) fn measure(
    programs: &Programs,
    store: &mut Rounds<Sample>,
    size: Size,
    processes: &Processes,
) -> Result<(), BenchError> {
    if !store.rows.is_empty() {
        return Ok(());
    }
    let seconds = size.requests.div_ceil(size.rate.max(1));
    anstream::println!(
        "{GROWTH}: {} certificates, then {seconds} s of load",
        size.callers
    );
    let run = Run::start(programs, size, processes)?;
    let is_over = AtomicBool::new(false);
    let (load, samples, called) = thread::scope(|scope| {
        let load = scope.spawn(|| {
            let done = run.load(programs, size.rate, seconds);
            is_over.store(true, Ordering::Relaxed);
            done
        });
        let called = scope.spawn(|| run.call_in_turn(&is_over));
        let samples = run.watch(&is_over);
        is_over.store(true, Ordering::Relaxed);
        (load.join(), samples, called.join())
    });
    let ended = |_| BenchError::invalid(GROWTH, "a thread ended");
    load.map_err(ended)??;
    called.map_err(ended)??;
    store.add_all(samples?)
}

struct Run {
    inbound: Envoy,
    _outbound: Envoy,
    outbound_port: u16,
    inbound_port: u16,
    server: sallyport_e2e::world::Identity,
    callers: Vec<Peer>,
    resources: [serde_json::Value; 2],
    folder: tempfile::TempDir,
}

impl Run {
    fn start(programs: &Programs, size: Size, processes: &Processes) -> Result<Self, BenchError> {
        let folder = tempfile::tempdir().map_err(BenchError::file(Path::new("/tmp")))?;
        let authorities = Authorities::new()?;
        let end = ACTIVE.saturating_add(size.callers);
        let active = authorities.hybrid_peers(0..ACTIVE)?;
        let callers = authorities.hybrid_peers(ACTIVE..end)?;
        // They differ in size only, which is what Envoy must see as a change.
        let resource = |flows| -> Result<serde_json::Value, BenchError> {
            let policy = Mesh::new(flows, end).load(&authorities, Callers::Workloads)?;
            let module = programs.settings.wasm.display().to_string();
            let resource = render::ecds_resource(&policy, &module, FailStrategy::Reload)
                .map_err(HarnessError::from)?;
            Ok(to_json(&resource)?)
        };
        let resources = [resource(FLOWS)?, resource(FLOWS.saturating_add(1))?];
        let path = folder.path().join(RESOURCE);
        let [first, _] = &resources;
        write_moved(&path, first)?;
        let filters = Filters {
            filters: vec![to_json(&render::ecds_filter(&path.display().to_string()))?],
            clusters: Vec::new(),
        };
        let (trusted, server) = (authorities.trusted_pem(), authorities.server()?);
        let start = |name: &str, bootstrap: &serde_json::Value| {
            Envoy::start(
                &programs.settings,
                folder.path(),
                name,
                bootstrap,
                processes,
            )
        };
        let bootstrap = inbound(&server, &trusted, filters, Application::Direct, 0);
        let inbound = start("inbound", &bootstrap)?;
        let inbound_port = inbound.port(INBOUND)?;
        let mut outbound = Outbound::new(&trusted, Protocol::Http1);
        outbound.add(GROWTH, inbound_port, &active);
        let outbound = start("outbound", &outbound.bootstrap())?;
        usage::pin(inbound.id(), cpus::CALLED)?;
        usage::pin(outbound.id(), cpus::CALLERS)?;
        Ok(Self {
            outbound_port: outbound.port(GROWTH)?,
            inbound,
            _outbound: outbound,
            inbound_port,
            server,
            callers,
            resources,
            folder,
        })
    }

    fn load(&self, programs: &Programs, rate: u32, seconds: u32) -> Result<(), BenchError> {
        let load = Load {
            oha: programs.oha.clone(),
            cpus: cpus::CALLERS,
            headers: Vec::new(),
        };
        let url = format!("http://127.0.0.1:{}/v1/items/7", self.outbound_port);
        let outcome = load.run(&url, Pace::EachSecond(rate), seconds, None)?;
        let passed = outcome.statuses.get("200").copied().unwrap_or(0);
        let all: u64 = outcome.statuses.values().sum();
        if passed.saturating_mul(100) < all.saturating_mul(99) {
            let problem = format!("it answered {:?}", outcome.statuses);
            return Err(BenchError::invalid(GROWTH, problem));
        }
        Ok(())
    }

    /// New connections, as many as a worker may verify certificates for.
    fn call_in_turn(&self, is_over: &AtomicBool) -> Result<(), BenchError> {
        for peer in self.callers.iter().cycle() {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            let response = try_call(self.inbound_port, peer, &self.server)?;
            if ![200, 503].contains(&response.status) {
                let problem = format!("a caller got {}: {}", response.status, response.text());
                return Err(BenchError::invalid(GROWTH, problem));
            }
            thread::sleep(CALL_PAUSE);
        }
        Ok(())
    }

    /// Looks each second, and pushes a configuration every ten.
    fn watch(&self, is_over: &AtomicBool) -> Result<Vec<Sample>, BenchError> {
        let start = Instant::now();
        let mut samples = Vec::new();
        let mut configurations = 0_u64;
        let mut pushes = self.resources.iter().rev().cycle();
        while !is_over.load(Ordering::Relaxed) {
            let second = start.elapsed().as_secs();
            if second / PUSH_SECONDS > configurations {
                if let Some(resource) = pushes.next() {
                    write_moved(&self.folder.path().join(RESOURCE), resource)?;
                }
                configurations = configurations.saturating_add(1);
            }
            let stat = |name: &str| self.inbound.stat(name).map(Option::unwrap_or_default);
            let states = ["trusted", "restricted", "isolated"];
            let mut peers = 0_u64;
            for state in states {
                let count = stat(&format!("wasmcustom.sallyport.peers.{state}"))?;
                peers = peers.saturating_add(count);
            }
            let sample = Sample {
                second,
                resident_kib: usage::resident_kib(self.inbound.id())?,
                requests: stat("http.inbound.downstream_rq_completed")?,
                refused: stat("http.inbound.downstream_rq_5xx")?,
                configurations: self.taken()?,
                peers,
                callers: self.callers.len(),
            };
            if second.is_multiple_of(REPORT_SECONDS) {
                anstream::println!(
                    "  {second:>5} s: {} requests, {} configurations, {peers} peers, {} MiB",
                    sample.requests,
                    sample.configurations,
                    sample.resident_kib / 1024
                );
            }
            samples.push(sample);
            thread::sleep(Duration::from_secs(1));
        }
        let taken = samples.last().map_or(0, |sample| sample.configurations);
        if taken < configurations {
            let problem = format!("of {configurations} configurations it took {taken}");
            return Err(BenchError::invalid(GROWTH, problem));
        }
        Ok(samples)
    }

    /// Configurations of the filter that Envoy took.
    fn taken(&self) -> Result<u64, BenchError> {
        let stats = self.inbound.stats_with(RELOADS)?;
        let values = stats
            .iter()
            .map(|(_, value)| value.parse::<u64>().unwrap_or_default());
        Ok(values.sum())
    }
}

const RESOURCE: &str = "filter.json";
const RELOADS: &str = "http_filter.sallyport.config_reload";
const ACTIVE: usize = 100;
const FLOWS: usize = 100;
const PUSH_SECONDS: u64 = 10;
const REPORT_SECONDS: u64 = 30;
/// About 200 callers a second: a worker verifies 250 new certificates a second in the long run.
const CALL_PAUSE: Duration = Duration::from_millis(3);
