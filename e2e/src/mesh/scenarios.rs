//! What must hold on a mesh, step by step. Each step leaves the mesh as the next one needs it.

mod matrix;
mod policy;
mod smoke;

use super::cluster::Cluster;
use super::deployment::Deployment;
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
    ("every sidecar enforces the policy", policy::is_enforced),
    ("a token makes a workload hybrid", policy::token_is_issued),
    (
        "each pair of workloads gets the answer of the engine",
        policy::every_pair_is_decided,
    ),
];

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

    /// Runs all steps. After a failure the others are run all the same: each says what it needs.
    pub fn run(&mut self, report: &mut Report) {
        for (name, step) in STEPS {
            report.step(name, |notes| step(self, notes));
        }
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
