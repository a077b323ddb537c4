//! The demonstration: the main decisions, on two real sidecars, for people to watch.
//!
//! What is shown is a scenario, `e2e/demo/demo.yaml`; this module plays it and reports.

mod report;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::HarnessError;
use crate::drivers::Driver;
use crate::drivers::sidecars::SidecarsDriver;
use crate::envoy::{Processes, Stage};
use crate::play::numbered;
use crate::scenario::{Scenario, Step};
use crate::settings::{Settings, project_root};
use crate::signals;
use crate::world::World;
use report::{Line, Report};

/// Runs the demonstration. Whether all steps came out as they should.
///
/// # Errors
/// When something around it fails, such as an Envoy that does not start.
pub fn run() -> Result<bool, HarnessError> {
    let settings = Settings::from_environment()?;
    let scenario = Scenario::load(&project_root().join("e2e/demo/demo.yaml"))?;
    let folder = make_folder()?;
    let processes = Processes::default();
    signals::end_on_signal(processes.clone())?;

    report::heading(&scenario.description);
    report::note("making authorities with RSA and ML-DSA keys, starting two Envoys ...");
    let world = World::new(TRUST_DOMAIN)?;
    let stage = Stage {
        settings: &settings,
        world: &world,
        folder: &folder,
        processes: &processes,
    };
    let mut driver = SidecarsDriver::start(stage, &scenario)?;
    report::note("Each line ends with the caller's trust and the time of the whole round trip.");
    let mut lines = Vec::new();
    for step in &scenario.steps {
        lines.push(show(&scenario, step, &mut driver)?);
    }
    drop(driver);
    let report = Report::new(lines);
    report.write(&folder.join("report.json"))?;
    report.conclude(&folder);
    Ok(report.passed())
}

/// Plays a step. What several requests alike have in common is one line, with the last one's score.
fn show(scenario: &Scenario, step: &Step, driver: &mut dyn Driver) -> Result<Line, HarnessError> {
    if let Some(patch) = &step.policy {
        driver.change_policy(scenario.policy.load_with(patch)?)?;
    }
    driver.wait_until(step.at_ms);
    let mut line = Line::new(step);
    for number in 1..=step.times {
        let request = numbered(step, number);
        let start = Instant::now();
        let observed = driver.request(&step.connection, &request)?;
        line.add(&observed, start.elapsed());
        line.print(&request);
    }
    line.print_differences();
    Ok(line)
}

fn make_folder() -> Result<PathBuf, HarnessError> {
    let folder = project_root().join("target/demo");
    fs::create_dir_all(&folder).map_err(|cause| HarnessError::file(&folder, cause))?;
    Ok(folder)
}

/// That of the example's policy.
const TRUST_DOMAIN: &str = "ai.example";
