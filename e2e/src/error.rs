//! What can go wrong around a test, as opposed to in it.

use std::fmt;
use std::path::{Path, PathBuf};

use sallyport_mesh_config::render::InvalidRendering;

/// A failure of the harness or its surroundings. A wrong decision is no such failure.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// An environment variable that names a needed file is not set.
    #[error("{0} is not set: run `make demo` or `make test`, which build and set it")]
    NotSet(&'static str),
    /// An environment variable names a file that does not exist.
    #[error("{variable} names `{}`, which does not exist: run `make demo` or `make test`", path.display())]
    Missing {
        /// The variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
    },
    /// A file could not be read, written or deleted.
    #[error("`{}`: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A file is not in its format.
    #[error("`{}`: {cause}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: Box<serde_saphyr::Error>,
    },
    /// A file contradicts itself.
    #[error("`{}`: {problem}", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// What contradicts what.
        problem: String,
    },
    /// JSON text is not what it should be.
    #[error("{what}: {cause}")]
    Json {
        /// What the text is.
        what: &'static str,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// A policy does not compile.
    #[error("the policy is not valid: {0}")]
    Policy(String),
    /// A policy cannot be rendered for Envoy.
    #[error("the policy cannot be rendered: {0}")]
    Rendering(#[from] InvalidRendering),
    /// A certificate or token could not be issued.
    #[error("`{what}` cannot be issued: {cause}")]
    Issue {
        /// What was to be issued.
        what: String,
        /// Why not.
        cause: String,
    },
    /// A connection failed.
    #[error("{what}: {cause}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the system says.
        cause: std::io::Error,
    },
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// An answer is not HTTP/1.1, or not complete.
    #[error("the answer is not HTTP/1.1: {0}")]
    Http(&'static str),
    /// Envoy did not come up.
    #[error("Envoy did not start: {problem}; the end of `{}` is:\n{log}", path.display())]
    EnvoyStart {
        /// What happened instead.
        problem: &'static str,
        /// Its log file.
        path: PathBuf,
        /// The end of its log.
        log: String,
    },
    /// A mesh does not do what it should.
    #[error("the mesh: {0}")]
    Mesh(String),
    /// Envoy does not tell what it should.
    #[error("Envoy does not show {0}")]
    EnvoySilent(String),
}

/// The text for people, since a test that unwraps an error shows this form of it.
impl fmt::Debug for HarnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl HarnessError {
    /// An error at a file.
    pub(crate) fn file(path: &Path, cause: std::io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            cause,
        }
    }

    /// A connection that the scenario does not have.
    pub(crate) fn no_connection(name: &str) -> Self {
        Self::EnvoySilent(format!(
            "a connection `{name}`, which the scenario does not have"
        ))
    }

    /// A file that is not in its format.
    pub(crate) fn format(path: &Path, cause: serde_saphyr::Error) -> Self {
        Self::Format {
            path: path.to_owned(),
            cause: Box::new(cause),
        }
    }

    /// A contradiction in a file.
    pub(crate) fn inconsistent(path: &Path, problem: impl Into<String>) -> Self {
        Self::Inconsistent {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }
}
