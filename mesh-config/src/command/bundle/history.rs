//! `sallyport bundle history`.

use sallyport_mesh_config::bundle::{BundleHistory, Entry};
use sallyport_mesh_config::finding::Printable;

use crate::args::{BundleHistoryArgs, Output};
use crate::command::failure::Failure;
use crate::command::signing::pretty;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(args: &BundleHistoryArgs, output: Output) -> Result<Exit, Failure> {
    // A name that is mistyped is no empty history here.
    args.history
        .metadata()
        .map_err(Failure::unreadable(&args.history))?;
    let history =
        BundleHistory::read(&args.history).map_err(|finding| Failure::files(vec![finding]))?;
    let text = match output {
        Output::Json => pretty(&history)?,
        Output::Text => {
            let lines: Vec<String> = history.entries().iter().map(line).collect();
            lines.join("\n")
        }
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn line(entry: &Entry) -> String {
    let rollback = entry.rollback.as_ref().map(|back| {
        format!(
            "\n  back from version {}: {} (decided by {}, signed by {})",
            back.from, back.reason, back.by, back.authority
        )
    });
    let text = format!(
        "version {} since {}, signed by {} at {}, sha256 {}",
        entry.version, entry.accepted_at, entry.authority, entry.signed_at, entry.sha256,
    );
    let rollback = rollback.unwrap_or_default();
    let rollback: Vec<String> = rollback
        .split('\n')
        .map(|line| Printable(line).to_string())
        .collect();
    Printable(&text).to_string() + &rollback.join("\n")
}
