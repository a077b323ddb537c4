//! What can go wrong on a mesh.

use std::fmt;
use std::time::Duration;

use crate::HarnessError;

/// A failure of the mesh, or a mesh that does not do what it should.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum MeshError {
    /// Something around a test failed.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// A program could not be started.
    #[error("`{program}` cannot be started: {cause}")]
    Start {
        /// The program.
        program: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A program failed.
    #[error("`{program}` failed ({status}): {stderr}")]
    Failed {
        /// The program with its arguments.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// Something did not happen in time.
    #[error("{what} took more than {} s: {last}", limit.as_secs())]
    Late {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
        /// How it was at the end.
        last: String,
    },
    /// A program's output is not what it should be.
    #[error("`{program}` printed what nobody can read: {problem}")]
    Output {
        /// The program.
        program: String,
        /// What is wrong.
        problem: String,
    },
    /// There is no pod of this name.
    #[error("the mesh has no pod `{0}`")]
    NoPod(String),
    /// The mesh does not do what it should.
    #[error("{0}")]
    Wrong(String),
}

/// The text for people, since a test that unwraps an error shows this form of it.
impl fmt::Debug for MeshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
