//! Writes a corpus of credentials with fresh keys: `make-vectors <file>`.
//!
//! Signatures make cases large, so it keeps each credential that holds and [`KEPT_EACH`] cases of
//! each fault; the tests also run all of them with fresh keys.
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

use std::collections::BTreeMap;

use corpus::{Expected, Input};

const KEPT_EACH: usize = 3;

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let mut corpus = cases::corpus();
    let disagreements = corpus.disagreements();
    for line in &disagreements {
        eprintln!("{line}");
    }
    assert!(
        disagreements.is_empty(),
        "nothing is written: the library disagrees"
    );

    let mut kept = BTreeMap::<String, usize>::new();
    corpus.cases.retain(|case| {
        let is_token = matches!(case.input, Input::Token { .. });
        let key = match &case.expected {
            Expected::Credential { .. } => return true,
            Expected::Fault { .. } | Expected::Unreadable | Expected::InvalidPem => {
                format!("{is_token} {} {:?}", case.authorities, case.expected)
            }
        };
        let count = kept.entry(key).or_default();
        *count += 1;
        *count <= KEPT_EACH
    });
    let text = serde_json::to_string_pretty(&corpus).unwrap() + "\n";
    let reread = corpus::Corpus::parse(&text).unwrap();
    assert_eq!(reread.disagreements(), Vec::<String>::new());
    std::fs::write(path, text).unwrap();
    println!("{} cases", corpus.cases.len());
}
