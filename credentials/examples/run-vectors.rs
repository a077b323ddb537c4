//! Runs a corpus of credentials: `run-vectors <file>`. One line for each case that disagrees.
//!
//! It needs no feature, so it also runs as WebAssembly; without `classical` it checks the ML-DSA
//! halves only.

#[path = "../tests/support/corpus.rs"]
mod corpus;

use std::process::ExitCode;

use corpus::Corpus;

fn main() -> ExitCode {
    match std::env::args().nth(1).map(|path| read(&path)) {
        Some(Ok(corpus)) => report(&corpus),
        Some(Err(message)) => {
            eprintln!("{message}");
            ExitCode::from(3)
        }
        None => {
            eprintln!("usage: run-vectors <file>");
            ExitCode::from(3)
        }
    }
}

fn read(path: &str) -> Result<Corpus, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("`{path}` cannot be read: {error}"))?;
    Corpus::parse(&text).map_err(|error| format!("`{path}` is no corpus: {error}"))
}

fn report(corpus: &Corpus) -> ExitCode {
    let disagreements = corpus.disagreements();
    for line in &disagreements {
        println!("{line}");
    }
    println!(
        "{} vectors agree",
        corpus.cases.len().saturating_sub(disagreements.len())
    );
    if disagreements.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
