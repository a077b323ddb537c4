//! The corpus of scenarios that the engine and a single Envoy play too.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout};
use std::thread;
use std::time::Duration;

use super::{Stage, check};
use crate::HarnessError;
use crate::app::{Order, Outcome};
use crate::drivers::DriverKind;
use crate::drivers::mesh::{MeshDriver, Place};
use crate::envoy::Journal;
use crate::exceptions::Exceptions;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::{Target, WORKLOAD_KINDS, hashes, rendered, shows};
use crate::mesh::error::MeshError;
use crate::mesh::layout::PORT;
use crate::mesh::netns::{CORPUS_NAMESPACE, CORPUS_POD, Mesh, corpus_trust_domain};
use crate::mesh::report::Notes;
use crate::mesh::until;
use crate::play::play;
use crate::scenario::{Names, Scenario};
use crate::settings::{EnvoyVersion, Settings};
use crate::world::{Identity, World};

/// Every scenario gives the verdicts and reasons that it gives without a mesh.
pub(super) fn gives_the_answers_of_the_engine(
    stage: &mut Stage,
    notes: &mut Notes,
) -> Result<(), MeshError> {
    let mut corpus = Vec::new();
    for (number, path) in Scenario::corpus()?.iter().enumerate() {
        let trust_domain = corpus_trust_domain(number);
        let names = Names::other(&trust_domain, CORPUS_NAMESPACE);
        corpus.push((trust_domain, Scenario::load_with(path, &names)?));
    }
    let connections = corpus
        .iter()
        .flat_map(|(_, scenario)| scenario.connections.values());
    let callers: BTreeSet<Ipv4Addr> = connections.map(|connection| connection.source_ip).collect();
    let mut world = World::new("corpus.example")?;
    let mesh = stage.netns()?;
    mesh.start_corpus(&world.trusted_pem(), &callers)?;
    let played = play_all(mesh, &mut world, &corpus, notes);
    mesh.end_corpus()?;
    let differences = played?;
    check(differences.is_empty(), || differences.join("\n"))
}

fn play_all(
    mesh: &Mesh,
    world: &mut World,
    corpus: &[(String, Scenario)],
    notes: &mut Notes,
) -> Result<Vec<String>, MeshError> {
    let version = EnvoyVersion::of(&Settings::from_environment()?.envoy)?;
    let exceptions = Exceptions::load()?.with_envoy(version);
    let place = Pod::new(mesh)?;
    let (mut requests, mut used, mut differences) = (0_usize, Vec::new(), Vec::new());
    if let Some((trust_domain, first)) = corpus.first() {
        world.move_to(trust_domain);
        place.enforce(&world.policy_text(first.policy.load()?)?)?;
        place.has_the_filter()?;
    }
    for (trust_domain, scenario) in corpus {
        world.move_to(trust_domain);
        let outcome = MeshDriver::start(&place, world, scenario)
            .and_then(|mut driver| play(scenario, &mut driver, &exceptions));
        match outcome {
            Ok(outcome) => {
                requests = requests.saturating_add(outcome.requests);
                used.extend(outcome.exceptions);
                differences.extend(outcome.differences);
            }
            Err(error) => differences.push(format!("{}: {error}", scenario.name)),
        }
    }
    let stale = exceptions.stale(DriverKind::Mesh, &used).into_iter();
    differences.extend(stale.map(|id| format!("stale exception: {id}")));
    notes.add("scenarios", corpus.len());
    notes.add("requests", requests);
    notes.add("exceptions", used.len());
    Ok(differences)
}

/// The pod of the corpus, and a client in the pod without a sidecar.
struct Pod<'a> {
    mesh: &'a Mesh,
    client: RefCell<Client>,
    /// What `sallyport render` is told of the cluster.
    objects: String,
    policy: PathBuf,
}

struct Client {
    child: Child,
    orders: ChildStdin,
    outcomes: BufReader<ChildStdout>,
}

impl<'a> Pod<'a> {
    fn new(mesh: &'a Mesh) -> Result<Self, MeshError> {
        let objects = ["get", WORKLOAD_KINDS, "-n", CORPUS_NAMESPACE, "-o", "yaml"];
        Ok(Self {
            mesh,
            client: RefCell::new(Client::start(mesh)?),
            objects: mesh.kubectl(&objects).run()?,
            policy: mesh.authorities().folder().join("corpus.yaml"),
        })
    }

    /// The first policy brings the filter; connections from before do not meet it.
    fn has_the_filter(&self) -> Result<(), MeshError> {
        let url = format!("http://{}/", self.address(PORT));
        let caller = Caller::new("bare-0", &url);
        until("the filter", ARRIVAL, || match caller.once(self.mesh) {
            Ok(outcome) if outcome.reason() == Some("peer_plaintext") => Ok(()),
            Ok(outcome) => Err(format!("{outcome:?}")),
            Err(error) => Err(error.to_string()),
        })
    }
}

impl Journal for Pod<'_> {
    fn text(&self) -> Result<String, HarnessError> {
        let log = self.mesh.log(CORPUS_POD);
        log.map_err(|error| HarnessError::Mesh(error.to_string()))
    }
}

impl Place for Pod<'_> {
    fn present(&self, identity: &Identity) -> Result<(), MeshError> {
        self.mesh.present(identity)
    }

    fn enforce(&self, policy: &str) -> Result<(), MeshError> {
        let file = &self.policy;
        fs::write(file, policy).map_err(|cause| HarnessError::file(file, cause))?;
        let objects = self.objects.clone();
        // Plaintext has to reach the filter.
        let permissive = ["--without", "peer-authentication"];
        let target = Target::WasmPlugin;
        let manifests = rendered(self.mesh, file, objects, target, &permissive)?;
        self.mesh.apply(&manifests)?;
        for hash in hashes(&manifests)?.into_values() {
            until("a policy's way into a sidecar", ARRIVAL, || {
                shows(self.mesh, CORPUS_POD, hash)
            })?;
        }
        // The main thread shows it; the worker takes it a moment later.
        thread::sleep(SETTLE);
        Ok(())
    }

    fn address(&self, port: u16) -> SocketAddr {
        let address = self.mesh.pod_address(CORPUS_POD);
        SocketAddr::from((address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port))
    }

    fn order(&self, order: &Order) -> Result<Outcome, MeshError> {
        self.client.borrow_mut().order(order)
    }
}

impl Client {
    fn start(mesh: &Mesh) -> Result<Self, MeshError> {
        let mut child = mesh.in_pod("bare-0", &["dial".to_owned()])?.start()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(orders), Some(outcomes)) => Ok(Self {
                child,
                orders,
                outcomes: BufReader::new(outcomes),
            }),
            (_, _) => Err(failed(&"it has no standard input or output")),
        }
    }

    fn order(&mut self, order: &Order) -> Result<Outcome, MeshError> {
        let mut line = serde_json::to_string(order).map_err(|cause| failed(&cause))?;
        line.push('\n');
        let sent = self.orders.write_all(line.as_bytes());
        sent.map_err(|cause| failed(&cause))?;
        let mut answer = String::new();
        let read = self.outcomes.read_line(&mut answer);
        read.map_err(|cause| failed(&cause))?;
        serde_json::from_str(&answer).map_err(|cause| failed(&cause))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Both fail only for a program that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failed(problem: &dyn std::fmt::Display) -> MeshError {
    MeshError::Output {
        program: "mesh-app dial".to_owned(),
        problem: problem.to_string(),
    }
}

const SETTLE: Duration = Duration::from_millis(200);
const ARRIVAL: Duration = Duration::from_secs(120);
