//! `sallyport completions`: what a shell needs to complete the command line.

use clap::CommandFactory;
use clap_complete::Shell;

use super::failure::Failure;
use crate::args::Cli;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sallyport", &mut script);
    terminal::raw(&script).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}
