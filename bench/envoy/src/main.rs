//! `bench-envoy`: measures what the filter costs in real Envoys, beside what people would use
//! instead, and writes docs/performance.md. Started by `scripts/bench`.

mod cold;
mod configuration;
mod credentials;
mod document;
mod error;
mod figures;
mod filters;
mod growth;
mod load;
mod machine;
mod measurement;
mod plan;
mod policy;
mod prelude;
mod results;
mod run;
mod stand;
mod statistics;
mod targets;
mod usage;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use sallyport_e2e::envoy::Processes;
use sallyport_e2e::settings::{Settings, project_root};
use sallyport_e2e::signals::end_on_signal;

use crate::cold::COLD;
use crate::error::BenchError;
use crate::growth::{GROWTH, Size};
use crate::machine::Environment;
use crate::measurement::Rounds;
use crate::results::Results;
use crate::stand::Programs;

/// Measures what the filter costs in real Envoys.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure groups of cells; goes on where it was ended.
    Run(RunArguments),
    /// Write docs/performance.md and its figures from what was measured.
    Report(ReportArguments),
}

#[derive(Debug, Args)]
struct ReportArguments {
    /// Where results are kept.
    #[arg(long, default_value = "target/bench")]
    results: PathBuf,
    /// The folder of the documents.
    #[arg(long, default_value = "docs")]
    docs: PathBuf,
}

#[derive(Debug, Args)]
struct RunArguments {
    /// Measure this group instead of all.
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// Rounds of each group.
    #[arg(long, default_value_t = 8)]
    rounds: usize,
    /// Measure at most so many times two rounds now.
    #[arg(long, default_value_t = usize::MAX)]
    blocks: usize,
    /// Requests each second, where the rate is constant.
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Seconds of a turn at the constant rate.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Seconds of a turn at saturation; 0 for none.
    #[arg(long, default_value_t = 4)]
    saturated_seconds: u32,
    /// Requests of the long run.
    #[arg(long, default_value_t = 2_000_000)]
    growth_requests: u32,
    /// Requests each second of the long run.
    #[arg(long, default_value_t = 2_500)]
    growth_rate: u32,
    /// Callers of the long run that come and go.
    #[arg(long, default_value_t = 10_000)]
    growth_callers: usize,
    /// Where results are kept.
    #[arg(long, default_value = "target/bench")]
    results: PathBuf,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(arguments) => measure(&arguments),
        Command::Report(arguments) => report(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::from(TROUBLE)
        }
    }
}

fn measure(arguments: &RunArguments) -> Result<(), BenchError> {
    let programs = programs()?;
    let processes = Processes::default();
    end_on_signal(processes.clone())?;
    let RunArguments {
        rate,
        seconds,
        saturated_seconds,
        rounds,
        blocks,
        ..
    } = arguments;
    let environment = Environment::find(&programs, [*rate, *seconds, *saturated_seconds])?;
    let results = project_root().join(&arguments.results);
    let is_wanted = |name: &str| {
        arguments.group.is_empty() || arguments.group.iter().any(|group| group == name)
    };
    let limits = [*rounds, *blocks];
    for group in plan::groups() {
        if is_wanted(group.name) {
            let mut store = Rounds::open(&results, group.name, &environment)?;
            run::measure(&programs, &group, &mut store, limits, &processes)?;
        }
    }
    if is_wanted(COLD) {
        let mut store = Rounds::open(&results, COLD, &environment)?;
        cold::measure(&programs, &mut store, limits, &processes)?;
    }
    if is_wanted(GROWTH) {
        let mut store = Rounds::open(&results, GROWTH, &environment)?;
        let size = Size {
            requests: arguments.growth_requests,
            rate: arguments.growth_rate,
            callers: arguments.growth_callers,
        };
        growth::measure(&programs, &mut store, size, &processes)?;
    }
    Ok(())
}

fn report(arguments: &ReportArguments) -> Result<(), BenchError> {
    let root = project_root();
    let results = Results::read(&root.join(&arguments.results))?;
    let docs = root.join(&arguments.docs);
    let figures = docs.join("performance");
    fs::create_dir_all(&figures).map_err(BenchError::file(&figures))?;
    figures::draw(&results, &figures)?;
    let path = docs.join("performance.md");
    let page = fs::read_to_string(&path).map_err(BenchError::file(&path))?;
    let page = document::insert(&page, &results).ok_or(BenchError::NoMarks)?;
    fs::write(&path, page).map_err(BenchError::file(&path))?;
    anstream::println!("wrote {}", path.display());
    Ok(())
}

fn programs() -> Result<Programs, BenchError> {
    let tools = project_root().join(".tools/bin");
    Ok(Programs {
        settings: Settings::from_environment()?,
        noop: project_root().join("target/wasm/noop.wasm"),
        calls: project_root().join("target/wasm/calls.wasm"),
        opa: tools.join("bench-opa"),
        oha: tools.join("oha"),
    })
}

/// Wrong usage, or something around the measurement failed.
const TROUBLE: u8 = 3;
