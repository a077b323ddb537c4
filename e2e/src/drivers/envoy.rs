//! The shipped module in a real Envoy, called over real connections. Time is real.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use sallyport_engine::policy::raw::PolicyDocument;
use tempfile::TempDir;

use super::{Driver, DriverKind, observe};
use crate::HarnessError;
use crate::envoy::{Processes, Sidecar, Source, Stage, resource};
use crate::observed::Observed;
use crate::scenario::{Request, Scenario};
use crate::settings::Settings;
use crate::wire::{Connection, Response, request_text};
use crate::world::{Credentials, World, now_seconds};

/// One sidecar with the module, an application behind it, and open connections to it.
pub struct EnvoyDriver<'a> {
    settings: &'a Settings,
    world: &'a World,
    scenario: Scenario,
    sidecar: Sidecar,
    credentials: Credentials,
    connections: BTreeMap<String, Connection>,
    start: Instant,
    /// The files of the proxy; deleted in the end.
    _folder: TempDir,
}

impl<'a> EnvoyDriver<'a> {
    /// Prepares a scenario: starts Envoy, issues the credentials, opens all connections.
    ///
    /// # Errors
    /// When any of that fails.
    pub fn start(
        settings: &'a Settings,
        world: &'a World,
        scenario: &Scenario,
    ) -> Result<Self, HarnessError> {
        let failed = |cause| HarnessError::Io {
            what: "making a temporary folder",
            cause,
        };
        let folder = tempfile::tempdir().map_err(failed)?;
        let policy = world.load_policy(scenario.policy.load()?)?;
        let source = Source::Discovered(resource(settings, &policy)?);
        let processes = Processes::default();
        let stage = Stage {
            settings,
            world,
            folder: folder.path(),
            processes: &processes,
        };
        let sidecar = Sidecar::start(stage, &scenario.workload, source)?;
        // Validities count from here, so that Envoy's start takes nothing from them.
        let credentials = Credentials::issue(world, scenario, now_seconds())?;
        let mut connections = BTreeMap::new();
        for (name, connection) in &scenario.connections {
            connections.insert(name.clone(), sidecar.connect(connection, &credentials)?);
        }
        let start = Instant::now();
        let scenario = scenario.clone();
        let _folder = folder;
        Ok(Self {
            settings,
            world,
            scenario,
            sidecar,
            credentials,
            connections,
            start,
            _folder,
        })
    }

    /// The sidecar, for what only a real one has.
    #[must_use]
    pub const fn sidecar(&self) -> &Sidecar {
        &self.sidecar
    }

    /// The credentials of the scenario.
    #[must_use]
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Makes a request and returns the answer as it is.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn exchange(
        &mut self,
        connection: &str,
        request: &Request,
    ) -> Result<Response, HarnessError> {
        let headers = request.all_headers(&self.credentials)?;
        let text = request_text(&request.method, &request.path, &headers);
        let unknown = || HarnessError::no_connection(connection);
        let open = self.connections.get_mut(connection).ok_or_else(unknown)?;
        let response = open.exchange(&text)?;
        if response.header("connection") == Some("close") {
            // Envoy closes after what it refuses itself; the scenario goes on with a new one.
            let description = self
                .scenario
                .connections
                .get(connection)
                .ok_or_else(unknown)?;
            *open = self.sidecar.connect(description, &self.credentials)?;
        }
        Ok(response)
    }
}

impl Driver for EnvoyDriver<'_> {
    fn kind(&self) -> DriverKind {
        DriverKind::Envoy
    }

    fn wait_until(&mut self, at_ms: u64) {
        let elapsed = self.start.elapsed();
        thread::sleep(Duration::from_millis(at_ms).saturating_sub(elapsed));
    }

    fn change_policy(&mut self, document: PolicyDocument) -> Result<(), HarnessError> {
        let policy = self.world.load_policy(document)?;
        self.sidecar
            .replace(&resource(self.settings, &policy)?)
            .map(|_| ())
    }

    fn request(&mut self, connection: &str, request: &Request) -> Result<Observed, HarnessError> {
        let response = self.exchange(connection, request)?;
        observe::answer(self.sidecar.envoy(), &response)
    }
}
