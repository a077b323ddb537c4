//! `sallyport`: check policies, explain decisions, make credentials, render proxy configuration.

mod args;
mod command;
mod duration;
mod exit;
mod terminal;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use sallyport_mesh_config::clock;

use crate::args::Cli;
use crate::command::failure::usage_as_json;
use crate::exit::Exit;

fn main() -> ExitCode {
    let exit = match parse(std::env::args_os()) {
        Ok(cli) => command::run(cli),
        Err(error) if error.use_stderr() && wants_json(std::env::args_os()) => {
            let message = error.render().to_string();
            terminal::complain(usage_as_json(message.trim()));
            Exit::Failure
        }
        Err(error) => {
            // Help and the version are answers, and go to standard output.
            let exit = if error.use_stderr() {
                Exit::Failure
            } else {
                Exit::Ok
            };
            match error.print() {
                Ok(()) => exit,
                Err(_) => Exit::Failure,
            }
        }
    };
    exit.into()
}

/// Reads the command line. Called as the plugin `kubectl-sallyport`, help says `kubectl sallyport`.
fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut arguments = arguments.peekable();
    let name = arguments.peek().map(PathBuf::from);
    let mut command = Cli::command();
    if name.is_some_and(|path| path.file_stem().is_some_and(|stem| stem == PLUGIN)) {
        command = command.bin_name("kubectl sallyport");
    }
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// The name by which kubectl finds the command.
const PLUGIN: &str = "kubectl-sallyport";

/// Whether `--output json` stands on a command line that could not be read.
fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let arguments: Vec<OsString> = arguments.collect();
    arguments.iter().any(|argument| argument == "--output=json")
        || arguments
            .windows(2)
            .any(|pair| matches!(pair, [flag, value] if flag == "--output" && value == "json"))
}
