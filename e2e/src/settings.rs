//! What the environment gives: the programs under test.

use std::path::{Path, PathBuf};

use crate::HarnessError;

/// Names the Envoy binary.
pub const ENVOY: &str = "ENVOY";
/// Names the built module.
pub const WASM: &str = "SALLYPORT_WASM";
/// Lets tests pass that cannot run here.
pub const ALLOW_SKIP: &str = "ALLOW_SKIP";

/// The programs under test.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Envoy binary.
    pub envoy: PathBuf,
    /// The built module.
    pub wasm: PathBuf,
    /// Worker threads of each Envoy.
    pub workers: u8,
}

impl Settings {
    /// Reads them from the environment.
    ///
    /// # Errors
    /// When a variable is not set, or names no file.
    pub fn from_environment() -> Result<Self, HarnessError> {
        Ok(Self {
            envoy: existing(ENVOY)?,
            wasm: existing(WASM)?,
            workers: 1,
        })
    }

    /// The same for tests: without them a test fails, unless skipping is allowed explicitly; then
    /// it says so and has nothing to do.
    ///
    /// # Errors
    /// See [`Settings::from_environment`].
    pub fn for_test(name: &str) -> Result<Option<Self>, HarnessError> {
        match Self::from_environment() {
            Ok(settings) => Ok(Some(settings)),
            Err(error) if std::env::var_os(ALLOW_SKIP).is_some_and(|value| value == "1") => {
                anstream::eprintln!("SKIPPED {name}: {error}");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// The root of the project, where examples and `target` are.
#[must_use]
pub fn project_root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.parent().unwrap_or(crate_folder).to_owned()
}

fn existing(variable: &'static str) -> Result<PathBuf, HarnessError> {
    let value = std::env::var_os(variable).filter(|value| !value.is_empty());
    let path = PathBuf::from(value.ok_or(HarnessError::NotSet(variable))?);
    // Cargo runs tests in the folder of their crate, people start programs in the project's.
    let path = if path.is_relative() && !path.exists() {
        project_root().join(path)
    } else {
        path
    };
    if path.is_file() {
        Ok(path)
    } else {
        Err(HarnessError::Missing { variable, path })
    }
}
