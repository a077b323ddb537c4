//! `sallyport fmt`: the canonical layout of policy files.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use sallyport_mesh_config::bounded;
use sallyport_mesh_config::finding::Printable;
use sallyport_mesh_config::format;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::failure::Failure;
use crate::args::{FmtArgs, Output};
use crate::exit::Exit;
use crate::terminal::{self, Tone, toned};

/// What came of a file.
#[derive(Serialize)]
struct Formatted {
    file: String,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It was as it should be.
    Unchanged,
    /// It was written anew.
    Formatted,
    /// It should be written anew.
    NotFormatted,
}

pub(super) fn run(args: &FmtArgs, output: Output) -> Result<Exit, Failure> {
    let mut exit = Exit::Ok;
    for path in &args.files {
        let text = bounded::file(path, MAXIMUM_MEBIBYTES).map_err(Failure::unreadable(path))?;
        let formatted = format::format(&text).map_err(|cause| Failure::Unformattable {
            path: path.clone(),
            cause,
        })?;
        let state = match (formatted == text, args.check) {
            (true, _) => State::Unchanged,
            (false, true) => State::NotFormatted,
            (false, false) => State::Formatted,
        };
        if state == State::NotFormatted {
            exit = Exit::Findings;
        }
        if path == Path::new("-") && !args.check {
            terminal::raw(formatted.as_bytes()).map_err(Failure::Output)?;
            continue;
        }
        if state == State::Formatted {
            replace(path, &formatted).map_err(Failure::unwritable(path))?;
        }
        say(path, state, output)?;
    }
    Ok(exit)
}

fn say(path: &Path, state: State, output: Output) -> Result<(), Failure> {
    let file = path.display().to_string();
    let text = match output {
        Output::Json => serde_json::to_string(&Formatted { file, state })
            .map_err(|_| Failure::Encoding("JSON"))?,
        Output::Text => match state {
            State::Unchanged => return Ok(()),
            State::Formatted => format!("{}: {}", Printable(&file), toned(Tone::Good, "formatted")),
            State::NotFormatted => {
                format!(
                    "{}: {}",
                    Printable(&file),
                    toned(Tone::Bad, "not formatted")
                )
            }
        },
    };
    terminal::line(text).map_err(Failure::Output)
}

/// Replaces a file as a whole, with the permissions that it has. A link stays a link.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file()
        .set_permissions(fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// As much as a policy may have.
const MAXIMUM_MEBIBYTES: u32 = 8;
