//! The checks that need no C code, as WebAssembly without an operating system: the ML-DSA halves of
//! the committed vectors. Runs under Node, without the default features.
#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]

#[path = "support/corpus.rs"]
mod corpus;

use wasm_bindgen_test::wasm_bindgen_test;

const COMMITTED: &str = include_str!("vectors/credentials.json");

#[wasm_bindgen_test]
fn committed_vectors_agree_on_their_ml_dsa_half() {
    let corpus = corpus::Corpus::parse(COMMITTED).unwrap();
    assert!(corpus.cases.len() >= 50);
    assert_eq!(corpus.disagreements(), Vec::<String>::new());
}
