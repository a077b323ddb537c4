//! One sidecar with the policy and the credentials of a scenario, for tests that go beyond steps.

use std::path::Path;

use sallyport_mesh_config::policy_file::LoadedPolicy;
use serde_json::Value;
use tempfile::TempDir;

use super::process::Processes;
use super::sidecar::{Sidecar, Source, Stage, resource};
use crate::HarnessError;
use crate::scenario::Scenario;
use crate::settings::Settings;
use crate::wire::Connection;
use crate::world::{Credentials, TRUST_DOMAIN, World, now_seconds};

/// What a sidecar needs to run.
pub struct Rig {
    /// The programs under test.
    pub settings: Settings,
    /// The scenario, whose steps are not played.
    pub scenario: Scenario,
    world: World,
    credentials: Credentials,
    folder: TempDir,
}

impl Rig {
    /// Makes the authorities and credentials of a scenario, whose file is relative to the folder of
    /// this crate.
    ///
    /// # Errors
    /// When the scenario cannot be read or a credential not be issued.
    pub fn new(settings: Settings, scenario: &str) -> Result<Self, HarnessError> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(scenario);
        let scenario = Scenario::load(&path)?;
        let world = World::new(TRUST_DOMAIN)?;
        let credentials = Credentials::issue(&world, &scenario, now_seconds())?;
        let folder = tempfile::tempdir().map_err(|cause| HarnessError::file(&path, cause))?;
        Ok(Self {
            settings,
            scenario,
            world,
            credentials,
            folder,
        })
    }

    /// Where the sidecar's files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The policy of the scenario, with a patch.
    ///
    /// # Errors
    /// When it is not valid.
    pub fn policy(&self, patch: &Value) -> Result<LoadedPolicy, HarnessError> {
        self.world
            .load_policy(self.scenario.policy.load_with(patch)?)
    }

    /// The configuration of the filter with that policy, for [`Source::Discovered`].
    ///
    /// # Errors
    /// When the policy is not valid.
    pub fn resource(&self, patch: &Value) -> Result<Value, HarnessError> {
        resource(&self.settings, &self.policy(patch)?)
    }

    /// Starts the sidecar of the called workload.
    ///
    /// # Errors
    /// When Envoy does not come up.
    pub fn start(&self, source: Source) -> Result<Sidecar, HarnessError> {
        let processes = Processes::default();
        let stage = Stage {
            settings: &self.settings,
            world: &self.world,
            folder: self.folder(),
            processes: &processes,
        };
        Sidecar::start(stage, &self.scenario.workload, source)
    }

    /// Opens one of the scenario's connections.
    ///
    /// # Errors
    /// When the scenario has none of this name, or it is refused.
    pub fn connect(&self, sidecar: &Sidecar, name: &str) -> Result<Connection, HarnessError> {
        let connection = self
            .scenario
            .connections
            .get(name)
            .ok_or_else(|| HarnessError::no_connection(name))?;
        sidecar.connect(connection, &self.credentials)
    }
}
