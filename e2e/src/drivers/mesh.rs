//! The shipped module in a sidecar of a real Istio mesh. Time is real.
//!
//! The policy takes an operator's way: `sallyport render`, the API server, istiod. Callers are
//! connections from a pod without a sidecar, which send what no sidecar would.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use sallyport_engine::policy::raw::PolicyDocument;

use super::{Driver, DriverKind, observe};
use crate::HarnessError;
use crate::app::{Dialled, Order, Outcome};
use crate::envoy::Journal;
use crate::mesh::MeshError;
use crate::observed::{Observed, Seen};
use crate::scenario::{Connection, Request, Scenario, Transport, Verdict};
use crate::wire::{Response, request_text};
use crate::world::{Credentials, Identity, World, now_seconds};

/// The reason that is observed where there is no connection to ask on.
pub const REFUSED_IN_HANDSHAKE: &str = "refused_in_handshake";

/// What the driver needs of a mesh: a pod with a sidecar whose credentials and policy it can change,
/// and another pod to call from.
pub trait Place: Journal {
    /// Gives the sidecar an identity, and waits until it has it.
    ///
    /// # Errors
    /// When that fails.
    fn present(&self, identity: &Identity) -> Result<(), MeshError>;

    /// Puts a policy in force, and waits until the sidecar has it.
    ///
    /// # Errors
    /// When it cannot be rendered, or does not arrive.
    fn enforce(&self, policy: &str) -> Result<(), MeshError>;

    /// The address and port of the workload.
    fn address(&self, port: u16) -> std::net::SocketAddr;

    /// Has the client do something; returns what came of it.
    ///
    /// # Errors
    /// When the client ended.
    fn order(&self, order: &Order) -> Result<Outcome, MeshError>;
}

/// A sidecar of a mesh, and open connections to it.
pub struct MeshDriver<'a, P> {
    place: &'a P,
    world: &'a World,
    scenario: Scenario,
    credentials: Credentials,
    /// Connections on which there was an answer.
    answered: BTreeSet<String>,
    start: Instant,
}

impl<'a, P: Place> MeshDriver<'a, P> {
    /// Prepares a scenario: identity and policy of the sidecar, credentials, connections.
    ///
    /// # Errors
    /// When any of that fails.
    pub fn start(
        place: &'a P,
        world: &'a World,
        scenario: &Scenario,
    ) -> Result<Self, HarnessError> {
        place
            .present(&world.server(&scenario.workload)?)
            .map_err(|error| failed(&error))?;
        let policy = world.policy_text(scenario.policy.load()?)?;
        place.enforce(&policy).map_err(|error| failed(&error))?;
        // Validities count from here.
        let credentials = Credentials::issue(world, scenario, now_seconds())?;
        let mut driver = Self {
            place,
            world,
            scenario: scenario.clone(),
            credentials,
            answered: BTreeSet::new(),
            start: Instant::now(),
        };
        for (name, connection) in &scenario.connections {
            driver.open(name, connection)?;
        }
        driver.start = Instant::now();
        Ok(driver)
    }

    fn open(&mut self, name: &str, connection: &Connection) -> Result<(), HarnessError> {
        self.answered.remove(name);
        let client = match &connection.certificate {
            Some(name) => {
                let identity = self.credentials.certificate(name)?;
                let Identity {
                    certificate_pem,
                    key_pem,
                    ..
                } = identity;
                Some((certificate_pem.clone(), key_pem.clone()))
            }
            None => None,
        };
        let tls = Dialled {
            version: connection.tls_version,
            // Where the mesh lets plaintext pass, a sidecar knows TLS of the mesh by this.
            protocols: vec!["istio-http/1.1".to_owned()],
            client,
        };
        let order = Order::Open {
            connection: name.to_owned(),
            address: self.place.address(connection.port),
            source: connection.source_ip,
            tls: match connection.transport {
                Transport::MutualTls | Transport::LenientTls => Some(tls),
                Transport::Plaintext => None,
            },
        };
        let outcome = self.place.order(&order).map_err(|error| failed(&error))?;
        match outcome.error {
            None => Ok(()),
            Some(error) => Err(HarnessError::EnvoySilent(format!(
                "a listener for connection `{name}`: {error}"
            ))),
        }
    }
}

impl<P: Place> Driver for MeshDriver<'_, P> {
    fn kind(&self) -> DriverKind {
        DriverKind::Mesh
    }

    fn wait_until(&mut self, at_ms: u64) {
        let elapsed = self.start.elapsed();
        thread::sleep(Duration::from_millis(at_ms).saturating_sub(elapsed));
    }

    fn change_policy(&mut self, document: PolicyDocument) -> Result<(), HarnessError> {
        let policy = self.world.policy_text(document)?;
        self.place.enforce(&policy).map_err(|error| failed(&error))
    }

    fn request(&mut self, connection: &str, request: &Request) -> Result<Observed, HarnessError> {
        let headers = request.all_headers(&self.credentials)?;
        let text = request_text(&request.method, &request.path, &headers);
        let order = Order::Exchange {
            connection: connection.to_owned(),
            request: String::from_utf8_lossy(&text).into_owned(),
        };
        let outcome = self.place.order(&order).map_err(|error| failed(&error))?;
        let Some(status) = outcome.status else {
            // With TLS 1.3 a client learns with the first answer only that it was refused.
            if self.answered.contains(connection) {
                let error = outcome.error.unwrap_or_default();
                return Err(HarnessError::EnvoySilent(format!("an answer: {error}")));
            }
            return Ok(refused_in_handshake());
        };
        self.answered.insert(connection.to_owned());
        let response = Response {
            status,
            headers: outcome.headers,
            body: outcome.body.into_bytes(),
        };
        let observed = observe::answer(self.place, &response);
        if response.header("connection") == Some("close") {
            // As in a single Envoy.
            let connections: BTreeMap<_, _> = self.scenario.connections.clone();
            if let Some(description) = connections.get(connection) {
                self.open(connection, description)?;
            }
        }
        observed
    }
}

fn refused_in_handshake() -> Observed {
    Observed {
        verdict: Verdict::Deny,
        would_deny: false,
        reason: Some(REFUSED_IN_HANDSHAKE.to_owned()),
        flow: Seen::NotTold,
        grant: Seen::NotTold,
        assurance: String::new(),
        trust: None,
        status: 0,
    }
}

fn failed(error: &MeshError) -> HarnessError {
    HarnessError::Mesh(error.to_string())
}
