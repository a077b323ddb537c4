//! Labelled traces from a seed: a mesh at work ([`benign`]), and attacks on it ([`attack`]).
//!
//! All calls go to one workload under the policy [`POLICY`]. Traces are made minute by minute, so
//! they take no memory however long they are.

pub mod attack;
pub mod benign;
mod peer;
mod scenario;

use std::sync::Arc;

use sallyport_engine::time::TimeMs;

pub use scenario::{InvalidScenario, Scenario};

use crate::random::Random;
use crate::trace::Event;
use attack::Attack;
use benign::Mesh;

/// The policy that generated traces are about, as JSON.
pub const POLICY: &str = include_str!("../../mesh.json");
/// The workload that generated traces call.
pub const CALLED: &str = "spiffe://mesh.example/ns/orders/sa/orders";
/// When generated traces begin.
pub const START_MS: u64 = 1_800_000_000_000;
pub(crate) const MINUTE_MS: u64 = 60_000;

/// What to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What happens.
    pub scenario: Scenario,
    /// What else decides on each number.
    pub seed: u64,
    /// How many replicas call; attacks take part of them for theirs.
    pub peers: u32,
    /// Days of a benign trace. Attacks have lengths of their own.
    pub days: u32,
}

/// A trace in the making: the requests in the order of their arrival.
#[derive(Debug)]
pub struct Generator {
    mesh: Mesh,
    attack: Option<Attack>,
    scenario: Scenario,
    minute: u64,
    minutes: u64,
    /// Requests of this minute, the last first.
    ready: Vec<Event>,
}

impl Generator {
    /// A trace by a plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let mut random = Random::new(plan.seed);
        let mesh = Mesh::new(plan, random.fork(1));
        let attack = Attack::new(plan.scenario, &mesh, random.fork(2));
        let minutes = match &attack {
            Some(attack) => attack.end(),
            None => match plan.scenario.incident_minutes() {
                Some(minutes) => minutes,
                None => u64::from(plan.days) * 1_440,
            },
        };
        Self {
            mesh,
            attack,
            scenario: plan.scenario,
            minute: 0,
            minutes,
            ready: Vec::new(),
        }
    }

    /// The length of the trace in minutes.
    #[must_use]
    pub const fn minutes(&self) -> u64 {
        self.minutes
    }

    /// The minute that is generated.
    #[must_use]
    pub const fn minute(&self) -> u64 {
        self.minute
    }

    fn fill(&mut self) {
        self.mesh.minute(self.minute, &mut self.ready);
        if let Some(attack) = &mut self.attack {
            attack.minute(self.minute, &self.mesh, &mut self.ready);
        }
        // A stable sort: equal times keep the order in which they were made.
        self.ready.sort_by_key(|event| event.at);
        let skew = self
            .attack
            .as_ref()
            .map_or(0, |attack| attack.skew(self.minute));
        for event in &mut self.ready {
            event.at = TimeMs(event.at.0.saturating_add_signed(skew));
        }
        self.ready.reverse();
        self.minute += 1;
    }

    /// What the trace is about.
    #[must_use]
    pub const fn scenario(&self) -> Scenario {
        self.scenario
    }
}

impl Iterator for Generator {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        while self.ready.is_empty() && self.minute < self.minutes {
            self.fill();
        }
        self.ready.pop()
    }
}

/// The label of a scenario's own requests.
pub(crate) fn label(scenario: Scenario) -> Arc<str> {
    Arc::from(scenario.as_str())
}

#[cfg(test)]
mod tests;
