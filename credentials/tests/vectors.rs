//! Every case of the corpus: the committed one, and one that is made with fresh keys.
#![cfg(not(target_arch = "wasm32"))]

#[path = "support/corpus.rs"]
mod corpus;

const COMMITTED: &str = include_str!("vectors/credentials.json");

#[test]
fn committed_vectors_agree() {
    let corpus: corpus::Corpus = serde_json::from_str(COMMITTED).unwrap();
    assert!(
        corpus.cases.len() >= 50,
        "only {} cases",
        corpus.cases.len()
    );
    assert_eq!(corpus.disagreements(), Vec::<String>::new());
}
