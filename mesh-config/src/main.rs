//! `sallyport`: check policies, explain decisions, make credentials, render proxy configuration.

mod args;
mod clock;
mod command;
mod duration;
mod exit;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::exit::Exit;

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => command::run(cli),
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
