//! Two real sidecars, as in a mesh: the callers' one makes the mutual TLS connections, the called
//! workload's one decides. The demonstration runs on them.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use sallyport_engine::policy::raw::PolicyDocument;

use super::{Driver, DriverKind, observe};
use crate::HarnessError;
use crate::envoy::config::{Caller, Outbound};
use crate::envoy::{Envoy, Sidecar, Source, Stage, resource};
use crate::observed::Observed;
use crate::scenario::{Request, Scenario, Transport};
use crate::wire::{Connection, Dial, Layer, Redirection, loopback, request_text};
use crate::world::{Credentials, now_seconds};

/// Both sidecars, and a connection of each caller to its own.
pub struct SidecarsDriver<'a> {
    stage: Stage<'a>,
    inbound: Sidecar,
    _outbound: Envoy,
    credentials: Credentials,
    connections: BTreeMap<String, Connection>,
    start: Instant,
}

impl<'a> SidecarsDriver<'a> {
    /// Prepares a scenario: each of its connections becomes a calling workload.
    ///
    /// # Errors
    /// When a sidecar does not come up or a credential cannot be issued.
    pub fn start(stage: Stage<'a>, scenario: &Scenario) -> Result<Self, HarnessError> {
        let policy = stage.world.load_policy(scenario.policy.load()?)?;
        let source = Source::Discovered(resource(stage.settings, &policy)?);
        let inbound = Sidecar::start(stage, &scenario.workload, source)?;
        // Validities count from here.
        let credentials = Credentials::issue(stage.world, scenario, now_seconds())?;
        let outbound = start_outbound(stage, scenario, &credentials, inbound.port())?;
        let mut connections = BTreeMap::new();
        for (name, connection) in &scenario.connections {
            let redirection = Some(Redirection::of(connection));
            let dial = Dial {
                address: loopback(outbound.port(name)?),
                layer: Layer::Plain,
                redirection,
            };
            connections.insert(name.clone(), Connection::open(&dial)?);
        }
        let start = Instant::now();
        Ok(Self {
            stage,
            inbound,
            _outbound: outbound,
            credentials,
            connections,
            start,
        })
    }
}

impl Driver for SidecarsDriver<'_> {
    fn kind(&self) -> DriverKind {
        DriverKind::Envoy
    }

    fn wait_until(&mut self, at_ms: u64) {
        let elapsed = self.start.elapsed();
        thread::sleep(Duration::from_millis(at_ms).saturating_sub(elapsed));
    }

    fn change_policy(&mut self, document: PolicyDocument) -> Result<(), HarnessError> {
        let policy = self.stage.world.load_policy(document)?;
        self.inbound
            .replace(&resource(self.stage.settings, &policy)?)
            .map(|_| ())
    }

    fn request(&mut self, connection: &str, request: &Request) -> Result<Observed, HarnessError> {
        let headers = request.all_headers(&self.credentials)?;
        let text = request_text(&request.method, &request.path, &headers);
        let response = self
            .connections
            .get_mut(connection)
            .ok_or_else(|| HarnessError::no_connection(connection))?
            .exchange(&text)?;
        observe::answer(self.inbound.envoy(), &response)
    }
}

fn start_outbound(
    stage: Stage<'_>,
    scenario: &Scenario,
    credentials: &Credentials,
    inbound_port: u16,
) -> Result<Envoy, HarnessError> {
    let trusted_pem = stage.world.trusted_pem();
    let mut callers = Vec::new();
    for (name, connection) in &scenario.connections {
        let identity = match (connection.transport, &connection.certificate) {
            (Transport::Plaintext, _) | (_, None) => None,
            (Transport::MutualTls | Transport::LenientTls, Some(certificate)) => {
                Some(credentials.certificate(certificate)?)
            }
        };
        callers.push(Caller {
            name,
            identity,
            trusted_pem: &trusted_pem,
        });
    }
    let bootstrap = Outbound {
        callers,
        inbound_port,
    }
    .bootstrap();
    Envoy::start(
        stage.settings,
        stage.folder,
        "outbound",
        &bootstrap,
        stage.processes,
    )
}
