//! What the environment gives: the programs under test.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

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

/// A version of Envoy, up to its second number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct EnvoyVersion {
    major: u32,
    minor: u32,
}

impl EnvoyVersion {
    /// That of a binary.
    ///
    /// # Errors
    /// When the binary does not say.
    pub fn of(binary: &Path) -> Result<Self, HarnessError> {
        let output = Command::new(binary)
            .arg("--version")
            .output()
            .map_err(|cause| HarnessError::file(binary, cause))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // envoy  version: <commit>/1.40.0/Distribution/RELEASE/BoringSSL
        let mut parts = text.split('/');
        let silent = || HarnessError::EnvoySilent(format!("its version: {text}"));
        parts.find_map(Self::read).ok_or_else(silent)
    }
}

impl EnvoyVersion {
    fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some(Self { major, minor }),
            (_, _) => None,
        }
    }

    /// Whether it shows the caller's certificate to filters; before, it comes in a header.
    #[must_use]
    pub const fn shows_certificate(self) -> bool {
        self.minor >= 38
    }

    /// Whether it can do TLS with ML-DSA keys.
    #[must_use]
    pub const fn knows_ml_dsa(self) -> bool {
        self.minor >= 39
    }

    /// The release of Istio that comes with it, of those that `sallyport render` knows.
    #[must_use]
    pub const fn istio(self) -> &'static str {
        match self.minor {
            0..=36 => "1.28",
            37 => "1.29",
            38 => "1.30",
            39.. => "1.31",
        }
    }
}

impl TryFrom<String> for EnvoyVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::read(&text).ok_or_else(|| format!("`{text}` is no version like `1.39`"))
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
