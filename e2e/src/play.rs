//! Playing a scenario on a driver.

use crate::HarnessError;
use crate::drivers::Driver;
use crate::exceptions::Exceptions;
use crate::scenario::{Request, Scenario, Step};

/// What came of a scenario.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Requests that were made.
    pub requests: usize,
    /// What differs from the expectations, as lines for people.
    pub differences: Vec<String>,
    /// The exceptions that applied.
    pub exceptions: Vec<String>,
}

/// Plays all steps of a scenario.
///
/// # Errors
/// When a request could not be made or its outcome not be seen. A wrong outcome is a difference.
pub fn play(
    scenario: &Scenario,
    driver: &mut dyn Driver,
    exceptions: &Exceptions,
) -> Result<Outcome, HarnessError> {
    let mut outcome = Outcome::default();
    for step in &scenario.steps {
        driver.wait_until(step.at_ms);
        if let Some(patch) = &step.policy {
            driver.change_policy(scenario.policy.load_with(patch)?)?;
        }
        let exception = exceptions.find(driver.kind(), &scenario.name, &step.name);
        let expected = exception.map_or(&step.expect, |exception| &exception.expect);
        outcome
            .exceptions
            .extend(exception.map(|exception| exception.id.clone()));
        for number in 1..=step.times {
            let observed = driver.request(&step.connection, &numbered(step, number))?;
            outcome.requests = outcome.requests.saturating_add(1);
            let place = match exception {
                None => format!("{} / {} ({number})", scenario.name, step.name),
                Some(known) => {
                    format!("{} / {} (exception {})", scenario.name, step.name, known.id)
                }
            };
            let differences = observed.differences(expected);
            outcome
                .differences
                .extend(differences.iter().map(|line| format!("{place}: {line}")));
        }
    }
    Ok(outcome)
}

/// The request of a step with its number put in.
pub(crate) fn numbered(step: &Step, number: u16) -> Request {
    let path = step.request.path.replace("{n}", &number.to_string());
    Request {
        path,
        ..step.request.clone()
    }
}
