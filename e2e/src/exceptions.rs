//! Known differences between a driver and the corpus: `e2e/exceptions.yaml`.
//!
//! An exception says what the driver gives instead. When it gives anything else, the expected
//! result included, the exception is wrong and the test fails.

use std::fs;

use serde::Deserialize;

use crate::HarnessError;
use crate::drivers::DriverKind;
use crate::scenario::Expectation;
use crate::settings::{EnvoyVersion, project_root};

/// All exceptions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    exceptions: Vec<Exception>,
}

/// A step for which a driver gives another result.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exception {
    /// Identifies the exception; unique.
    pub id: String,
    /// The drivers.
    pub drivers: Vec<DriverKind>,
    /// It applies only to Envoys before this version.
    pub before: Option<EnvoyVersion>,
    /// The scenario.
    pub scenario: String,
    /// The step.
    pub step: String,
    /// Why the results differ, and why that is acceptable.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// What the driver gives.
    pub expect: Expectation,
}

impl Exceptions {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, is not in this format, or has an id twice.
    pub fn load() -> Result<Self, HarnessError> {
        let path = project_root().join("e2e/exceptions.yaml");
        let text = fs::read_to_string(&path).map_err(|cause| HarnessError::file(&path, cause))?;
        let all: Self =
            serde_saphyr::from_str(&text).map_err(|cause| HarnessError::format(&path, cause))?;
        for (number, exception) in all.exceptions.iter().enumerate() {
            if all
                .exceptions
                .iter()
                .skip(number.saturating_add(1))
                .any(|o| o.id == exception.id)
            {
                let problem = format!("the id `{}` is used twice", exception.id);
                return Err(HarnessError::inconsistent(&path, problem));
            }
        }
        Ok(all)
    }

    /// The exception for a step on a driver.
    #[must_use]
    pub fn find(&self, driver: DriverKind, scenario: &str, step: &str) -> Option<&Exception> {
        self.of(driver)
            .find(|known| known.scenario == scenario && known.step == step)
    }

    /// The ids of a driver's exceptions that are not among these: they name steps that do not exist.
    #[must_use]
    pub fn stale(&self, driver: DriverKind, used: &[String]) -> Vec<&str> {
        self.of(driver)
            .map(|known| known.id.as_str())
            .filter(|id| !used.iter().any(|u| u == id))
            .collect()
    }

    /// Those that apply to a version of Envoy.
    #[must_use]
    pub fn with_envoy(mut self, version: EnvoyVersion) -> Self {
        let applies = |known: &Exception| known.before.is_none_or(|before| version < before);
        self.exceptions.retain(applies);
        self
    }

    fn of(&self, driver: DriverKind) -> impl Iterator<Item = &Exception> {
        self.exceptions
            .iter()
            .filter(move |exception| exception.drivers.contains(&driver))
    }
}
