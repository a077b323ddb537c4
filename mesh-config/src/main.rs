//! `sallyport`: check policies, explain decisions, make credentials, render proxy configuration.

mod args;
mod clock;
mod command;
mod duration;
mod exit;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::command::failure::usage_as_json;
use crate::exit::Exit;

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
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

/// Whether `--output json` stands on a command line that could not be read.
fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let arguments: Vec<OsString> = arguments.collect();
    arguments.iter().any(|argument| argument == "--output=json")
        || arguments
            .windows(2)
            .any(|pair| matches!(pair, [flag, value] if flag == "--output" && value == "json"))
}
