//! Runs a corpus of credentials: `run-vectors <file>`. One line for each case that disagrees.
//!
//! It needs no feature, so it also runs as WebAssembly; without `classical` it checks the ML-DSA
//! halves only.

#[path = "../tests/support/corpus.rs"]
mod corpus;

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: run-vectors <file>");
        return ExitCode::from(3);
    };
    let corpus: corpus::Corpus =
        match std::fs::read(&path).map(|text| serde_json::from_slice(&text)) {
            Ok(Ok(corpus)) => corpus,
            Ok(Err(error)) => {
                eprintln!("`{path}` is no corpus: {error}");
                return ExitCode::from(3);
            }
            Err(error) => {
                eprintln!("`{path}` cannot be read: {error}");
                return ExitCode::from(3);
            }
        };
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
