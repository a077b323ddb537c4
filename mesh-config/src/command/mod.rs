//! The verbs of the command line, one module each.

mod artifacts;
mod ask;
mod bundle;
mod certificate;
mod check;
mod completions;
mod cred;
mod diff;
mod docs;
mod explain;
pub(crate) mod failure;
mod fmt;
mod import;
mod inventory;
mod lines;
mod man;
mod mesh;
mod module;
mod policy;
mod render;
mod report;
mod schema;
mod signing;
mod simulate;
mod status;
mod test;
mod writing;

use crate::args::{Cli, Command, Format, Output};
use crate::exit::Exit;
use crate::terminal;

use failure::Failure;
use serde::Serialize;

/// Runs a command; what went wrong is said on standard error.
pub(crate) fn run(cli: Cli) -> Exit {
    terminal::choose_color(cli.color);
    // What went wrong is said as JSON to whoever asked for JSON, and as text to all others.
    let (output, sarif) = match cli.output {
        Format::Text => (Output::Text, false),
        Format::Json => (Output::Json, false),
        Format::Sarif => (Output::Text, true),
    };
    let result = match cli.command {
        Command::Check(args) => check::run(&args, cli.output),
        _ if sarif => Err(Failure::OnlyCheckWritesSarif),
        Command::Explain(args) => explain::run(*args, output),
        Command::Test(args) => test::run(&args, output),
        Command::Diff(args) => diff::run(&args, output),
        Command::Cred(command) => cred::run(command, output),
        Command::Import(args) => import::run(&args, output),
        Command::Simulate(args) => simulate::run(&args, output),
        Command::Mesh(command) => mesh::run(&command, output),
        Command::Render(args) => render::run(&args, output),
        Command::Artifacts(command) => artifacts::run(&command, output),
        Command::Bundle(command) => bundle::run(&command, output),
        Command::Module(command) => module::run(&command, output),
        Command::Schema { kind } => schema::run(kind),
        Command::Report(args) => report::run(&args, output),
        Command::Status(args) => status::run(&args, output),
        Command::Fmt(args) => fmt::run(&args, output),
        Command::Man(args) => man::run(&args),
        Command::Completions { shell } => completions::run(shell),
        Command::Docs { document } => docs::run(document),
    };
    result.unwrap_or_else(|failure: Failure| {
        terminal::complain(failure.text(output));
        failure.exit()
    })
}

/// A number of things: `1 flow`, `2 flows`.
fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// A value as YAML, the form in which people write proxy configuration and policies.
fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    serde_saphyr::to_string(value).map_err(|_| Failure::Encoding("YAML"))
}
