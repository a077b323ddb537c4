//! What can go wrong in a measurement.

use std::path::{Path, PathBuf};

use sallyport_e2e::HarnessError;

/// A measurement that could not be made, or that would prove nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BenchError {
    /// The harness around the Envoys failed.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// A file could not be read or written.
    #[error("`{}`: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A program did not run, or said what it should not.
    #[error("`{program}`: {problem}")]
    Tool {
        /// The program.
        program: String,
        /// What happened.
        problem: String,
    },
    /// There is no place for what was measured.
    #[error("docs/performance.md lacks the marks between which it is written")]
    NoMarks,
    /// Something was measured that is not what the cell names.
    #[error("{cell}: {problem}; its figures would prove nothing")]
    Invalid {
        /// The cell.
        cell: String,
        /// What differs.
        problem: String,
    },
    /// JSON that is not in form.
    #[error("{what}: {cause}")]
    Json {
        /// What it is.
        what: String,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// A credential could not be made.
    #[error("a credential cannot be made: {0}")]
    Credential(String),
    /// A figure could not be drawn.
    #[error("the figure `{}` cannot be drawn: {problem}", path.display())]
    Figure {
        /// Its file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

impl BenchError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |cause| Self::File { path, cause }
    }

    pub(crate) fn json(what: impl Into<String>) -> impl FnOnce(serde_json::Error) -> Self {
        let what = what.into();
        move |cause| Self::Json { what, cause }
    }

    pub(crate) fn tool(program: &str, problem: impl Into<String>) -> Self {
        Self::Tool {
            program: program.to_owned(),
            problem: problem.into(),
        }
    }

    pub(crate) fn invalid(cell: &str, problem: impl Into<String>) -> Self {
        Self::Invalid {
            cell: cell.to_owned(),
            problem: problem.into(),
        }
    }
}
