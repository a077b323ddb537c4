//! The processes of a group: an Envoy for the callers, one called Envoy for each cell, and helpers.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sallyport_e2e::envoy::{Envoy, Processes};
use sallyport_e2e::settings::Settings;
use sallyport_e2e::wire::{Connection, Dial, Layer, Response, loopback, request_text};
use sallyport_e2e::world::Identity;
use tempfile::TempDir;

use crate::configuration::{APPLICATION, INBOUND, Outbound, application, inbound};
use crate::credentials::{Authorities, Peer};
use crate::error::BenchError;
use crate::filters::Parts;
use crate::plan::{Application, Cell, Group, Variant};
use crate::policy::Mesh;
use crate::prelude;
use crate::usage;

/// The programs that are measured and used.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    /// Envoy and the filter.
    pub(crate) settings: Settings,
    /// The module that does nothing.
    pub(crate) noop: PathBuf,
    /// The module that makes the filter's host calls.
    pub(crate) calls: PathBuf,
    /// The server with OPA's library.
    pub(crate) opa: PathBuf,
    /// The load generator.
    pub(crate) oha: PathBuf,
}

/// Running processes.
pub(crate) struct Stand {
    /// One for each cell of the group, in its order.
    pub(crate) places: Vec<Place>,
    /// Sent with each request, whatever the cell.
    pub(crate) headers: Vec<(String, String)>,
    /// What each called workload presents.
    pub(crate) server: Identity,
    opa: Option<Server>,
    _outbound: Envoy,
    _application: Option<Envoy>,
    _folder: TempDir,
}

/// A called workload.
pub(crate) struct Place {
    /// What it is an example of.
    pub(crate) cell: Cell,
    /// Its Envoy.
    pub(crate) inbound: Envoy,
    /// Where callers ask for it.
    pub(crate) outbound_port: u16,
    /// Where it listens itself.
    pub(crate) inbound_port: u16,
    /// From the start of its Envoy until it served.
    pub(crate) started: Duration,
    /// The file of a caller's certificate.
    pub(crate) certificate: PathBuf,
    /// The file of that caller's key.
    pub(crate) key: PathBuf,
    /// The headers of that caller's token.
    pub(crate) token: Vec<(String, String)>,
}

/// A helper.
struct Server {
    processes: Processes,
    id: u32,
    port: u16,
}

/// Where processes run.
pub(crate) mod cpus {
    /// The load generator, the callers' Envoy and the application.
    pub(crate) const CALLERS: &str = "0";
    /// The called workload's Envoy.
    pub(crate) const CALLED: &str = "1";
    /// OPA may use all.
    pub(crate) const HELPERS: &str = "0,1";
}

impl Stand {
    /// Starts everything, and checks that each cell answers as it should. `callers` have hybrid
    /// certificates; there are at least as many as a cell of the group has peers.
    pub(crate) fn start(
        programs: &Programs,
        group: &Group,
        (authorities, callers): (&Authorities, &[Peer]),
        processes: &Processes,
    ) -> Result<Self, BenchError> {
        let folder = tempfile::tempdir().map_err(BenchError::file(Path::new("/tmp")))?;
        let settings = &programs.settings;
        let envoy = |name: &str, bootstrap: &serde_json::Value| {
            Envoy::start(settings, folder.path(), name, bootstrap, processes)
        };
        let application = match group.application {
            Application::Direct => None,
            Application::Upstream => Some(envoy(APPLICATION, &application())?),
        };
        let application_port = match &application {
            None => 0,
            Some(envoy) => envoy.port(APPLICATION)?,
        };
        let opa = match group.cells.iter().find(|cell| cell.variant == Variant::Opa) {
            None => None,
            Some(cell) => Some(Server::start(programs, folder.path(), cell, processes)?),
        };
        let parts = Parts {
            module: &settings.wasm,
            noop: &programs.noop,
            calls: &programs.calls,
            authorities,
            opa_port: opa.as_ref().map(|server| server.port),
        };
        let trusted = authorities.trusted_pem();
        let server = authorities.server()?;
        let mut outbound = Outbound::new(&trusted, group.protocol);
        let mut places = Vec::new();
        for cell in &group.cells {
            let name = cell.name();
            let filters = parts.filters(cell)?;
            let bootstrap = inbound(
                &server,
                &trusted,
                filters,
                group.application,
                application_port,
            );
            let start = Instant::now();
            let inbound = envoy(&name, &bootstrap)?;
            let started = start.elapsed();
            let inbound_port = inbound.port(INBOUND)?;
            let active = callers.get(..cell.active_peers()).unwrap_or(callers);
            let with_tokens = with_tokens(authorities, cell)?;
            let peers = with_tokens.as_deref().unwrap_or(active);
            outbound.add(&name, inbound_port, peers);
            let first = peers.first();
            let file = |extension: &str| folder.path().join(format!("{name}.{extension}"));
            let (certificate, key) = (file("crt"), file("key"));
            if let Some(Peer { identity, .. }) = first {
                fs::write(&certificate, &identity.certificate_pem)
                    .map_err(BenchError::file(&certificate))?;
                fs::write(&key, &identity.key_pem).map_err(BenchError::file(&key))?;
            }
            let token = first.map(|peer| peer.token.as_slice()).unwrap_or_default();
            places.push(Place {
                cell: *cell,
                inbound,
                outbound_port: 0,
                inbound_port,
                started,
                certificate,
                key,
                token: token
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect(),
            });
        }
        let outbound = envoy("outbound", &outbound.bootstrap())?;
        for place in &mut places {
            place.outbound_port = outbound.port(&place.cell.name())?;
            usage::pin(place.inbound.id(), cpus::CALLED)?;
        }
        let on_callers_side = [Some(&outbound), application.as_ref()];
        for envoy in on_callers_side.into_iter().flatten() {
            usage::pin(envoy.id(), cpus::CALLERS)?;
        }
        let headers = vec![(
            "authorization".to_owned(),
            format!("Bearer {}", authorities.jwt()?),
        )];
        let stand = Self {
            places,
            headers,
            server,
            opa,
            _outbound: outbound,
            _application: application,
            _folder: folder,
        };
        for place in &stand.places {
            if group.meets_all {
                prelude::meet(place, callers, &stand.server)?;
            }
            place.check(&stand.headers)?;
        }
        Ok(stand)
    }

    /// The processor time of the helpers of a cell, in nanoseconds.
    pub(crate) fn helpers_cpu_ns(&self, cell: &Cell) -> Result<u64, BenchError> {
        match (&self.opa, cell.variant) {
            (Some(opa), Variant::Opa) => usage::cpu_ns(opa.id),
            (_, _) => Ok(0),
        }
    }

    /// The memory of the helpers of a cell, in KiB.
    pub(crate) fn helpers_kib(&self, cell: &Cell) -> Result<u64, BenchError> {
        match (&self.opa, cell.variant) {
            (Some(opa), Variant::Opa) => usage::resident_kib(opa.id),
            (_, _) => Ok(0),
        }
    }
}

impl Place {
    /// Asks as the callers do, and compares the answer with what the cell stands for.
    fn check(&self, headers: &[(String, String)]) -> Result<(), BenchError> {
        let response = self.ask(headers)?;
        let expected = self.cell.variant.status();
        let (status, text) = (response.status, response.text());
        if status != expected {
            let problem = format!("it answers {status} instead of {expected}: {text}");
            return Err(self.invalid(problem));
        }
        if self.cell.variant == Variant::Deny && !text.contains("operation_not_allowed") {
            return Err(self.invalid(format!("it denies for another reason: {text}")));
        }
        // A filter that decides at all refuses what it must.
        let refused = match self.cell.variant {
            Variant::Jwt | Variant::JwtCached | Variant::JwtRbac => self.ask(&[])?.status == 401,
            Variant::Opa | Variant::Certificate | Variant::Token => {
                let connection = self.connect()?;
                exchange(connection, "/v1/secrets/7", headers)?.status == 403
            }
            Variant::NoFilter
            | Variant::NoOp
            | Variant::NoOpTokens
            | Variant::Calls
            | Variant::Rbac
            | Variant::Deny => true,
        };
        if refused {
            Ok(())
        } else {
            Err(self.invalid("it lets pass what it must refuse"))
        }
    }

    fn ask(&self, headers: &[(String, String)]) -> Result<Response, BenchError> {
        exchange(self.connect()?, self.cell.variant.path(), headers)
    }

    fn connect(&self) -> Result<Connection, BenchError> {
        Ok(Connection::open(&Dial {
            address: loopback(self.outbound_port),
            layer: Layer::Plain,
            redirection: None,
        })?)
    }

    /// The counters that each request raises by one.
    pub(crate) fn counters(&self) -> Result<Vec<u64>, BenchError> {
        let own = self.cell.variant.counters().iter();
        let names = ["http.inbound.downstream_rq_completed"]
            .into_iter()
            .chain(own.copied());
        let values = names.map(|name| self.inbound.stat(name).map(|value| value.unwrap_or(0)));
        Ok(values.collect::<Result<_, _>>()?)
    }

    pub(crate) fn invalid(&self, problem: impl Into<String>) -> BenchError {
        BenchError::invalid(self.cell.variant.title(), problem)
    }
}

fn exchange(
    mut connection: Connection,
    path: &str,
    headers: &[(String, String)],
) -> Result<Response, BenchError> {
    Ok(connection.exchange(&request_text("GET", path, headers))?)
}

/// The callers of a cell that is about tokens.
fn with_tokens(authorities: &Authorities, cell: &Cell) -> Result<Option<Vec<Peer>>, BenchError> {
    if !cell.variant.has_tokens() {
        return Ok(None);
    }
    let numbers = 0..cell.active_peers();
    let peers = numbers.map(|number| authorities.token_peer(number));
    peers.collect::<Result<_, _>>().map(Some)
}

// === impl Server ===

impl Server {
    fn start(
        programs: &Programs,
        folder: &Path,
        cell: &Cell,
        processes: &Processes,
    ) -> Result<Self, BenchError> {
        let data = folder.join("data.json");
        let policy = sallyport_e2e::settings::project_root().join("bench/opa/policy.rego");
        let text = Mesh::new(cell.flows, cell.peers).rego_data().to_string();
        fs::write(&data, text).map_err(BenchError::file(&data))?;
        let program = programs.opa.display().to_string();
        let mut child = Command::new("taskset")
            .args(["--cpu-list", cpus::HELPERS])
            .arg(&programs.opa)
            .arg("-policy")
            .arg(policy)
            .arg("-data")
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(BenchError::file(&programs.opa))?;
        let (id, output) = (child.id(), child.stdout.take());
        processes.add(child);
        let mut line = String::new();
        if let Some(output) = output {
            BufReader::new(output)
                .read_line(&mut line)
                .map_err(BenchError::file(&programs.opa))?;
        }
        let port = line.trim().rsplit(':').next().map(str::parse);
        let Some(Ok(port)) = port else {
            return Err(BenchError::tool(
                &program,
                "it does not say where it listens",
            ));
        };
        Ok(Self {
            processes: processes.clone(),
            id,
            port,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.processes.end(self.id);
    }
}
