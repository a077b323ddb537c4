//! What must hold on a mesh, step by step. Each step leaves the mesh as the next one needs it.

mod bypass;
mod carriers;
mod change;
mod corpus;
mod credentials;
mod glass;
mod grants;
mod injection;
mod load;
mod matrix;
mod model;
mod module;
mod operations;
mod pods;
mod policy;
mod postquantum;
mod probes;
mod quarantine;
mod rogue;
mod rollback;
mod smoke;
mod telemetry;
mod versions;
mod view;

use std::time::Duration;

use serde_json::Value;

use super::cluster::Cluster;
use super::deployment::{self, Deployment, Target};
use super::error::MeshError;
use super::netns::Mesh;
use super::profile::Profile;
use super::report::{Notes, Report};

/// What the steps share.
#[derive(Debug)]
pub struct Stage {
    mesh: Box<dyn Cluster>,
    profile: Profile,
    /// What is in force.
    deployment: Option<Deployment>,
    /// The token that makes `validation` hybrid.
    token: Vec<(String, String)>,
}

/// A step of a run.
type Step = fn(&mut Stage, &mut Notes) -> Result<(), MeshError>;

/// All steps, in their order.
const STEPS: &[(&str, Step)] = &[
    (
        "every workload reaches every other one",
        smoke::everybody_is_reached,
    ),
    ("STRICT refuses plaintext", smoke::strict_refuses_plaintext),
    (
        "the API server and istioctl accept what render prints",
        policy::is_accepted,
    ),
    (
        "the injector and the API server accept the pods for kind",
        injection::of_kind,
    ),
    (ENFORCED, policy::is_enforced),
    (
        "istioctl analyze finds nothing wrong with it",
        policy::is_analysed,
    ),
    (OLD_CONNECTIONS, policy::old_connections_end),
    (TOKEN, policy::token_is_issued),
    (
        "each pair of workloads gets the answer of the engine",
        policy::every_pair_is_decided,
    ),
    (
        "RSA alone is denied under postQuantumAuth",
        postquantum::rsa_only_is_denied,
    ),
    (
        "RSA alone is reported under postQuantumAuth in shadow",
        postquantum::rsa_only_is_reported,
    ),
    (
        "plaintext meets the filter where the mesh lets it pass",
        bypass::plaintext_meets_the_filter,
    ),
    (
        "mutual TLS without a sidecar reaches no port that it may not",
        bypass::mutual_tls_to_any_port,
    ),
    (
        "HTTP/2, gRPC and WebSocket are decided",
        carriers::protocols,
    ),
    (
        "Prometheus scrapes what docs/metrics.md says",
        telemetry::metrics,
    ),
    (
        "access logs say what was decided, and why",
        telemetry::access_logs,
    ),
    ("probes of a kubelet", probes::of_a_kubelet),
    (
        "Istio's own view shows the filter, and a policy that was rejected",
        view::of_istio,
    ),
    (
        "a slice of another release: a newer one is refused, an older one works",
        versions::slices,
    ),
    ("replicas come and go under load", pods::come_and_go),
    (
        "an address goes from one identity to another",
        pods::address_of_another,
    ),
    (CORPUS, corpus::gives_the_answers_of_the_engine),
    ("policies change under load", change::policies_under_load),
    (
        "a rollback under load brings back the objects of before",
        rollback::under_load,
    ),
    (
        "a quarantine shuts a workload out of every sidecar, and in again",
        quarantine::reaches_every_sidecar,
    ),
    (
        "a quarantine of a model denies its replicas, without their tokens too",
        model::is_quarantined,
    ),
    (
        "certificates are replaced under load",
        credentials::are_replaced,
    ),
    (
        "certificates end after they are replaced",
        credentials::end_after_they_are_replaced,
    ),
    (
        "a certificate and a token expire on connections that stay open",
        credentials::expire,
    ),
    (
        "a certificate is revoked on a connection and a stream that stay open",
        credentials::are_revoked,
    ),
    (
        "a break-glass ends by itself, without istiod too",
        glass::ends_by_itself,
    ),
    (
        "a grant opens and closes on an open connection, without a push",
        grants::open_and_close,
    ),
    (
        "a replica that scans is isolated, its sibling is not",
        rogue::scanning_replica,
    ),
    (
        "a bad policy over a good one changes nothing",
        change::bad_policy_over_a_good_one,
    ),
    (
        "WasmPlugin, TrafficExtension and EnvoyFilter take over from each other",
        carriers::one_after_the_other,
    ),
    ("istiod is killed, and comes back", change::istiod_is_killed),
    (
        "a bad policy on a fresh sidecar lets nothing pass, and heals",
        change::bad_policy_on_a_fresh_pod,
    ),
    (
        "a broken module under a running one changes nothing",
        module::under_a_running_one,
    ),
    (
        "a broken module on a fresh sidecar lets nothing pass, and heals",
        module::on_a_fresh_pod,
    ),
    (STATUS, operations::status_says_what_is_there),
    (OPERATIONS, operations::commands_do_what_the_document_says),
];

/// Steps that only a mesh of network namespaces has; on others they are left out, by name.
const OF_NETNS: &[&str] = &[CORPUS, STATUS, OPERATIONS];
/// Steps that others build on.
const NEEDED: &[&str] = &[ENFORCED, OLD_CONNECTIONS, TOKEN];
const ENFORCED: &str = "every sidecar enforces the policy";
const OLD_CONNECTIONS: &str = "connections from before the filter end";
const CORPUS: &str = "the corpus gives the answers of the engine";
const STATUS: &str = "sallyport status says what is there";
const OPERATIONS: &str = "the commands of docs/operations.md do what it says";
const TOKEN: &str = "a token makes a workload hybrid";

impl Stage {
    /// Steps on a mesh.
    #[must_use]
    pub const fn new(mesh: Box<dyn Cluster>, profile: Profile) -> Self {
        Self {
            mesh,
            profile,
            deployment: None,
            token: Vec::new(),
        }
    }

    /// Runs the steps whose name contains one of these texts, and those that others need; all,
    /// where there is no text. After a failure the others are run all the same.
    pub fn run(&mut self, only: &[String], report: &mut Report) {
        for (name, step) in STEPS {
            let wanted = only.is_empty() || only.iter().any(|text| name.contains(text));
            if !wanted && !NEEDED.contains(name) {
                continue;
            }
            if OF_NETNS.contains(name) && self.mesh.netns().is_none() {
                report.leave_out(name);
            } else {
                report.step(name, |notes| step(self, notes));
            }
        }
    }

    /// Puts the example's policy in force, changed by a patch.
    fn deploy(&mut self, patch: &Value) -> Result<Duration, MeshError> {
        let deployment = self.rendered(patch)?;
        let took = deployment.apply(&self.mesh)?;
        self.deployment = Some(deployment);
        Ok(took)
    }

    /// Puts in force again what was last, whatever became of it in the cluster.
    fn redeploy(&self) -> Result<(), MeshError> {
        self.deployment()?.apply(&self.mesh).map(|_| ())
    }

    fn rendered(&self, patch: &Value) -> Result<Deployment, MeshError> {
        let folder = self.mesh.authorities().folder();
        Deployment::render(&self.mesh, folder, patch, Target::WasmPlugin)
    }

    /// The flows of the example's policy.
    fn flows(&self) -> Result<Vec<Value>, MeshError> {
        let document = deployment::document(self.mesh.authorities().folder())?;
        let flows = document.pointer("/spec/flows").and_then(Value::as_array);
        flows
            .cloned()
            .ok_or_else(|| MeshError::Wrong("the policy has no flows".to_owned()))
    }

    /// See [`OF_NETNS`].
    fn netns(&mut self) -> Result<&mut Mesh, MeshError> {
        let other = || MeshError::Wrong("it needs a mesh of network namespaces".to_owned());
        self.mesh.netns().ok_or_else(other)
    }

    fn deployment(&self) -> Result<&Deployment, MeshError> {
        let missing = || MeshError::Wrong("there is no policy in the mesh".to_owned());
        self.deployment.as_ref().ok_or_else(missing)
    }
}

/// Long enough for a push, on a busy machine.
const SETTLED: Duration = Duration::from_secs(120);

/// A check of a scenario.
fn check(holds: bool, problem: impl FnOnce() -> String) -> Result<(), MeshError> {
    if holds {
        Ok(())
    } else {
        Err(MeshError::Wrong(problem()))
    }
}

/// The URL of a path of a workload's service.
fn url(cluster: &dyn Cluster, workload: &str, path: &str) -> String {
    format!(
        "http://{}:{}{path}",
        cluster.address(workload),
        super::layout::PORT
    )
}
