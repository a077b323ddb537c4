//! Writes the corpus of credentials with fresh keys: `make-vectors <file>`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a tool that may stop"
)]

#[path = "../tests/support/cases.rs"]
mod cases;
#[path = "../tests/support/corpus.rs"]
mod corpus;
#[path = "../tests/support/forge.rs"]
mod forge;

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let corpus = cases::corpus();
    let disagreements = corpus.disagreements();
    for line in &disagreements {
        eprintln!("{line}");
    }
    assert!(
        disagreements.is_empty(),
        "the corpus is not written: it disagrees with the library"
    );
    std::fs::write(path, serde_json::to_string_pretty(&corpus).unwrap() + "\n").unwrap();
    println!("{} cases", corpus.cases.len());
}
