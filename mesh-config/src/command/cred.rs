//! `sallyport cred`: credentials for development, demonstrations and tests, and what can be said
//! about credentials of any origin.
//!
//! Private keys go to files that only their owner may read, and nowhere else.

mod authority;
mod certificate;
mod identity;
mod inspect;
mod signer;
mod staging;
mod token;
mod verify;

use std::path::Path;

use serde::Serialize;

use super::failure::Failure;
use crate::args::{AuthorityCommand, CredCommand, IssueCommand, Output};
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(command: CredCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        CredCommand::Authority(AuthorityCommand::New(args)) => authority::make(&args, output),
        CredCommand::Authority(AuthorityCommand::Rotate(args)) => authority::rotate(&args, output),
        CredCommand::Authority(AuthorityCommand::Show(args)) => authority::show(&args, output),
        CredCommand::Issue(IssueCommand::Certificate(args)) => certificate::run(&args, output),
        CredCommand::Issue(IssueCommand::Token(args)) => token::run(&args, output),
        CredCommand::Issue(IssueCommand::Identity(args)) => identity::issue(&args, output),
        CredCommand::Prove(args) => identity::prove(&args, output),
        CredCommand::Signer(args) => signer::make(&args, output),
        CredCommand::Sign(args) => signer::sign(&args),
        CredCommand::Inspect(args) => inspect::run(&args, output),
        CredCommand::Verify(args) => return verify::run(&args, output),
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
            pretty(&written)?
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

fn pretty(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|_| Failure::Encoding("JSON"))
}

/// A result in the form that was asked for: YAML is JSON for people.
fn print(value: &impl Serialize, output: Output) -> Result<(), Failure> {
    let text = match output {
        Output::Text => super::yaml(value)?,
        Output::Json => pretty(value)?,
    };
    terminal::line(text.trim_end()).map_err(Failure::Output)
}
