//! `sallyport cred verify`.

mod certificate;
mod jws;
mod token;

use serde::Serialize;

use crate::args::{Output, VerifyArgs};
use crate::command::failure::Failure;
use crate::exit::Exit;
use crate::terminal::{self, Tone, toned};

pub(super) fn run(args: &VerifyArgs, output: Output) -> Result<Exit, Failure> {
    match args {
        VerifyArgs {
            token: Some(token), ..
        } => token::run(args, token, output),
        VerifyArgs { jws: Some(jws), .. } => jws::run(args, jws, output),
        VerifyArgs {
            certificate: Some(certificate),
            ..
        } => certificate::run(args, certificate, output),
        VerifyArgs { .. } => Err(Failure::FlagNeeded("--certificate")),
    }
}

/// Says a verdict, and makes it the exit code.
fn conclude(
    report: &impl Serialize,
    text: &str,
    holds: bool,
    output: Output,
) -> Result<Exit, Failure> {
    let text = match output {
        Output::Text => text.to_owned(),
        Output::Json => super::pretty(report)?,
    };
    terminal::line(text.trim_end()).map_err(Failure::Output)?;
    Ok(if holds { Exit::Ok } else { Exit::Findings })
}

/// A result in its tone.
fn toned_result(result: &str) -> String {
    let tone = match result {
        "verified" | "valid" => Tone::Good,
        "failed" | "none" => Tone::Bad,
        _ => Tone::Warning,
    };
    toned(tone, result)
}
