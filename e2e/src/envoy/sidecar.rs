//! The sidecar of a called workload, with the module in it and an application behind it.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use sallyport_mesh_config::policy_file::LoadedPolicy;
use sallyport_mesh_config::render::{FailStrategy, envoy as render};
use serde_json::Value;

use super::config::{INBOUND, Inbound, LENIENT_TLS_NAME, MUTUAL_TLS_NAME, to_json};
use super::process::{Envoy, Processes, number};
use crate::HarnessError;
use crate::scenario::{Connection, Transport};
use crate::settings::Settings;
use crate::upstream::Upstream;
use crate::wire::{self, Dial, Layer, Redirection, TlsLayer};
use crate::world::{Credentials, Identity, World};

/// What sidecars need to run.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    /// The programs under test.
    pub settings: &'a Settings,
    /// The authorities.
    pub world: &'a World,
    /// Where the files of the proxies go.
    pub folder: &'a Path,
    /// Where the processes are listed.
    pub processes: &'a Processes,
}

/// How the filter gets its configuration.
#[derive(Debug)]
pub enum Source {
    /// It stands in the bootstrap: an entry of `http_filters`.
    Static(Value),
    /// Envoy takes it from a file, of which this is the first content.
    Discovered(Value),
}

/// A running sidecar.
#[derive(Debug)]
pub struct Sidecar {
    envoy: Envoy,
    identity: Identity,
    port: u16,
    /// The file of a discovered configuration.
    resource: PathBuf,
}

/// What Envoy made of a new configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// It is in force.
    Taken,
    /// It was rejected; the one before stays.
    Rejected,
}

/// The configuration of the filter for [`Source::Discovered`].
///
/// # Errors
/// When the policy cannot be rendered.
pub fn resource(settings: &Settings, policy: &LoadedPolicy) -> Result<Value, HarnessError> {
    let module = settings.wasm.display().to_string();
    to_json(&render::ecds_resource(
        policy,
        &module,
        FailStrategy::Reload,
    )?)
}

impl Sidecar {
    /// Starts the sidecar of a workload.
    ///
    /// # Errors
    /// When Envoy does not come up.
    pub fn start(stage: Stage<'_>, workload: &str, source: Source) -> Result<Self, HarnessError> {
        let identity = stage.world.server(workload)?;
        let resource = stage.folder.join("filter.json");
        let filter = match source {
            Source::Static(filter) => filter,
            Source::Discovered(content) => {
                write_moved(&resource, &content)?;
                to_json(&render::ecds_filter(&resource.display().to_string()))?
            }
        };
        let bootstrap = Inbound {
            identity: &identity,
            trusted_pem: &stage.world.trusted_pem(),
            filter,
            upstream_port: Upstream::start()?.port(),
            maximum_headers: MAXIMUM_HEADERS,
        }
        .bootstrap();
        let envoy = Envoy::start(
            stage.settings,
            stage.folder,
            "inbound",
            &bootstrap,
            stage.processes,
        )?;
        let port = envoy.port(INBOUND)?;
        Ok(Self {
            envoy,
            identity,
            port,
            resource,
        })
    }

    /// The same identity and listener in another proxy.
    ///
    /// # Errors
    /// When that proxy has no such listener.
    pub fn with_envoy(self, envoy: Envoy) -> Result<Self, HarnessError> {
        Ok(Self {
            port: envoy.port(INBOUND)?,
            envoy,
            ..self
        })
    }

    /// The proxy.
    #[must_use]
    pub const fn envoy(&self) -> &Envoy {
        &self.envoy
    }

    /// The port of its listener.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Opens a connection as a scenario describes it.
    ///
    /// # Errors
    /// When it is refused, or its certificate does not exist.
    pub fn connect(
        &self,
        connection: &Connection,
        credentials: &Credentials,
    ) -> Result<wire::Connection, HarnessError> {
        let client = match &connection.certificate {
            Some(name) => Some(&credentials.certificate(name)?.client),
            None => None,
        };
        let tls = |server_name| {
            Layer::Tls(TlsLayer {
                server_name,
                protocols: &[],
                version: connection.tls_version,
                client,
                server: Some(&self.identity.client.certificate),
            })
        };
        let layer = match connection.transport {
            Transport::MutualTls => tls(MUTUAL_TLS_NAME),
            Transport::LenientTls => tls(LENIENT_TLS_NAME),
            Transport::Plaintext => Layer::Plain,
        };
        let redirection = Some(Redirection::of(connection));
        wire::Connection::open(&Dial {
            address: wire::loopback(self.port),
            layer,
            redirection,
        })
    }

    /// Replaces a discovered configuration, and waits until Envoy has taken or rejected it.
    ///
    /// # Errors
    /// When Envoy does neither.
    pub fn replace(&self, content: &Value) -> Result<Replaced, HarnessError> {
        let (taken, rejected) = (self.count("config_reload")?, self.count("config_fail")?);
        write_moved(&self.resource, content)?;
        let now = Instant::now();
        let end = now.checked_add(REPLACE_TIMEOUT).unwrap_or(now);
        while Instant::now() < end {
            if self.count("config_fail")? > rejected {
                return Ok(Replaced::Rejected);
            }
            if self.count("config_reload")? > taken {
                // The main thread counts; the worker takes it a moment later.
                thread::sleep(SETTLE);
                return Ok(Replaced::Taken);
            }
            thread::sleep(POLL);
        }
        Err(HarnessError::EnvoySilent(
            "what it made of a new configuration".to_owned(),
        ))
    }

    /// A counter of Envoy for the configuration of the filter, in whichever listener.
    fn count(&self, name: &str) -> Result<u64, HarnessError> {
        let name = format!("extension_config_discovery.http_filter.sallyport.{name}");
        let mut sum = 0_u64;
        for (name, value) in self.envoy.stats_with(&name)? {
            sum = sum.saturating_add(number(&name, &value)?);
        }
        Ok(sum)
    }
}

/// Writes a file that Envoy watches: it sees files that are moved into place, not ones that are
/// written to.
///
/// # Errors
/// When the file cannot be written.
pub fn write_moved(path: &Path, content: &Value) -> Result<(), HarnessError> {
    let draft = path.with_extension("draft");
    fs::write(&draft, content.to_string()).map_err(|cause| HarnessError::file(&draft, cause))?;
    fs::rename(&draft, path).map_err(|cause| HarnessError::file(path, cause))
}

/// So many that the filter, not Envoy, meets the requests with the most headers.
const MAXIMUM_HEADERS: u32 = 4000;
const REPLACE_TIMEOUT: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_millis(200);
const POLL: Duration = Duration::from_millis(20);
