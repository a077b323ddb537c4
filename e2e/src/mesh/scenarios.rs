//! What must hold on a mesh, step by step. Each step leaves the mesh as the next one needs it.

mod bypass;
mod carriers;
mod change;
mod corpus;
mod load;
mod matrix;
mod operations;
mod policy;
mod postquantum;
mod rogue;
mod smoke;

use std::time::Duration;

use serde_json::Value;

use super::cluster::Cluster;
use super::deployment::{Deployment, Target};
use super::error::MeshError;
use super::netns::Mesh;
use super::report::{Notes, Report};

/// What the steps share.
#[derive(Debug)]
pub struct Stage {
    mesh: Mesh,
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
        "metrics stand at the port for Prometheus",
        carriers::metrics,
    ),
    (
        "the corpus gives the answers of the engine",
        corpus::gives_the_answers_of_the_engine,
    ),
    ("policies change under load", change::policies_under_load),
    (
        "a quarantine shuts a workload out, and in again",
        change::quarantine,
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
        "a missing module lets nothing pass, and heals",
        change::module_is_missing,
    ),
    (
        "sallyport status says what is there",
        operations::status_says_what_is_there,
    ),
    (
        "the commands of docs/operations.md do what it says",
        operations::commands_do_what_the_document_says,
    ),
];

/// Steps that others build on.
const NEEDED: &[&str] = &[ENFORCED, OLD_CONNECTIONS, TOKEN];
const ENFORCED: &str = "every sidecar enforces the policy";
const OLD_CONNECTIONS: &str = "connections from before the filter end";
const TOKEN: &str = "a token makes a workload hybrid";

impl Stage {
    /// Steps on a mesh.
    #[must_use]
    pub const fn new(mesh: Mesh) -> Self {
        Self {
            mesh,
            deployment: None,
            token: Vec::new(),
        }
    }

    /// Runs the steps whose name contains one of these texts, and those that others need; all,
    /// where there is no text. After a failure the others are run all the same.
    pub fn run(&mut self, only: &[String], report: &mut Report) {
        for (name, step) in STEPS {
            let wanted = only.is_empty() || only.iter().any(|text| name.contains(text));
            if wanted || NEEDED.contains(name) {
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

    fn deployment(&self) -> Result<&Deployment, MeshError> {
        let missing = || MeshError::Wrong("there is no policy in the mesh".to_owned());
        self.deployment.as_ref().ok_or_else(missing)
    }
}

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
