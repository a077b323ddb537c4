//! `sallyport simulate`: whom a policy would restrict or isolate, from a trace of requests.

mod compare;
mod input;
mod report;

use std::fs;
use std::io::{self, BufWriter, Write};

use sallyport_simulation::generate::{Generator, POLICY, Plan, Scenario};
use sallyport_simulation::replay::Replay;

use super::failure::Failure;
use super::policy;
use crate::args::{Output, SimulateArgs};
use crate::exit::Exit;
use crate::terminal;
use compare::Differences;
use input::Trace;

pub(super) fn run(args: &SimulateArgs, output: Output) -> Result<Exit, Failure> {
    if let Some(scenario) = args.generate {
        return generate(args, scenario);
    }
    let path = args.trace.as_deref().ok_or(Failure::FlagNeeded("TRACE"))?;
    let load = |path| policy::load(path, args.mesh.as_deref());
    let policy = args.policy.as_deref();
    let loaded = load(policy.ok_or(Failure::FlagNeeded("--policy"))?)?;
    let other = args.compare.as_deref().map(load).transpose()?;
    let mut trace = Trace::open(path, args.to.clone(), args.port)?;
    let mut replay = Replay::new(&loaded.policy, PEERS);
    let mut second = other
        .as_ref()
        .map(|other| (Replay::new(&other.policy, PEERS), Differences::default()));
    while let Some(event) = trace.next()? {
        let step = replay.step(&event);
        if let Some((replay, differences)) = &mut second {
            differences.add(&step, &replay.step(&event));
        }
    }
    trace.close();
    let accounts = replay.finish();
    let second = second.map(|(replay, differences)| (replay.finish(), differences));
    let second = second
        .as_ref()
        .map(|(accounts, differences)| (accounts, differences));
    let text = match output {
        Output::Text => report::text(&accounts, second),
        Output::Json => report::json(&accounts, second)?,
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn generate(args: &SimulateArgs, scenario: Scenario) -> Result<Exit, Failure> {
    if let Some(path) = &args.write_policy {
        fs::write(path, POLICY).map_err(Failure::unwritable(path))?;
    }
    let plan = Plan {
        scenario,
        seed: args.seed.ok_or(Failure::FlagNeeded("--seed"))?,
        peers: args.peers,
        days: args.days,
    };
    let mut output = BufWriter::new(io::stdout().lock());
    for event in Generator::new(&plan) {
        let line = event.line().map_err(|_| Failure::Encoding("JSON"))?;
        if let Err(error) = writeln!(output, "{line}") {
            return written(Err(error));
        }
    }
    written(output.flush())
}

/// A reader that has seen enough is no failure.
fn written(result: io::Result<()>) -> Result<Exit, Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(Exit::Ok),
    }
}

/// Peers that a worker of the filter keeps.
const PEERS: usize = 10_000;
