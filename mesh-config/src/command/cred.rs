//! `sallyport cred`: credentials for development, demonstrations and tests.
//!
//! Private keys go to files that only their owner may read, and nowhere else.

mod authority;
mod leaf;
mod show;
mod staging;
mod token;

use std::path::Path;

use serde::Serialize;

use super::failure::Failure;
use crate::args::{AuthorityCommand, CredCommand, Output};
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(command: CredCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        CredCommand::Authority(AuthorityCommand::New(args)) => authority::run(&args, output),
        CredCommand::Certificate(args) => leaf::run(&args, output),
        CredCommand::Token(args) => token::run(&args, output),
        CredCommand::Show(args) => show::run(&args, output),
    }?;
    Ok(Exit::Ok)
}

/// What was written.
#[derive(Serialize)]
struct Written<'a, T: Serialize> {
    directory: String,
    files: &'a [String],
    #[serde(flatten)]
    details: T,
}

/// Says which files were written, and what to know about them.
fn report<T: Serialize>(
    directory: &Path,
    files: &[String],
    details: T,
    text: &str,
    output: Output,
) -> Result<(), Failure> {
    let written = match output {
        Output::Json => {
            let written = Written {
                directory: directory.display().to_string(),
                files,
                details,
            };
            serde_json::to_string_pretty(&written).map_err(|_| Failure::Encoding("JSON"))?
        }
        Output::Text => {
            format!(
                "wrote {} in {}\n{text}",
                files.join(", "),
                directory.display()
            )
        }
    };
    terminal::line(written.trim_end()).map_err(Failure::Output)
}
