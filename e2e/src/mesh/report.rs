//! The steps of a run, as lines for people and as a file for programs.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::MeshError;
use super::profile::Profile;
use crate::HarnessError;

/// What came of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    profile: Profile,
    steps: Vec<Step>,
    /// Steps that this kind of mesh cannot take.
    left_out: Vec<String>,
}

/// What came of a step.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    name: String,
    passed: bool,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    notes: Map<String, Value>,
}

/// What a step measured.
#[derive(Debug, Default)]
pub struct Notes(Map<String, Value>);

impl Report {
    /// That of a run that has not begun.
    #[must_use]
    pub const fn new(profile: Profile) -> Self {
        Self {
            profile,
            steps: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Runs a step, and says at once what came of it.
    pub fn step(&mut self, name: &str, run: impl FnOnce(&mut Notes) -> Result<(), MeshError>) {
        let start = Instant::now();
        let mut notes = Notes::default();
        let problem = run(&mut notes).err().map(|error| error.to_string());
        let seconds = start.elapsed().as_secs_f64();
        let word = if problem.is_some() { "FAILED" } else { "ok" };
        anstream::println!("{word:<6} {seconds:6.1} s  {name}{}", notes.text());
        if let Some(problem) = &problem {
            anstream::println!("       {}", problem.replace('\n', "\n       "));
        }
        self.steps.push(Step {
            name: name.to_owned(),
            passed: problem.is_none(),
            seconds: (seconds * 10.0).round() / 10.0,
            problem,
            notes: notes.0,
        });
    }

    /// Says that a step is left out.
    pub fn leave_out(&mut self, name: &str) {
        anstream::println!("{:<6} {:>8}  {name}", "left", "out");
        self.left_out.push(name.to_owned());
    }

    /// How many steps passed, and how many did not.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let passed = self.steps.iter().filter(|step| step.passed).count();
        (passed, self.steps.len().saturating_sub(passed))
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), HarnessError> {
        let text = serde_json::to_string_pretty(self).map_err(|cause| HarnessError::Json {
            what: "the report",
            cause,
        })?;
        fs::write(path, text).map_err(|cause| HarnessError::file(path, cause))
    }
}

impl Notes {
    /// Notes something that was measured.
    pub fn add(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn text(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{name} {value}"));
        let text = pairs.collect::<Vec<_>>().join(", ");
        if text.is_empty() {
            text
        } else {
            format!(" ({text})")
        }
    }
}
