//! The cases of the corpus with keys that nobody saw before, and what holds for all of them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/corpus.rs"]
mod corpus;
#[path = "support/forge.rs"]
mod forge;

use std::collections::BTreeSet;

#[test]
fn fresh_cases_agree() {
    let corpus = cases::corpus();
    assert_eq!(corpus.disagreements(), Vec::<String>::new());
}
