//! Every case of the corpus: the committed one, and one that is made with fresh keys.
#![cfg(not(target_arch = "wasm32"))]

#[path = "support/corpus.rs"]
mod corpus;

const COMMITTED: &str = include_str!("vectors/credentials.json");

#[test]
fn committed_vectors_agree() {
    let corpus = corpus::Corpus::parse(COMMITTED).unwrap();
    assert!(
        corpus.cases.len() >= 50,
        "only {} cases",
        corpus.cases.len()
    );
    assert_eq!(corpus.disagreements(), Vec::<String>::new());
}

#[cfg(not(feature = "legacy-dilithium"))]
#[test]
fn refuses_a_pin_of_dilithium5_where_its_code_is_left_out() {
    use sallyport_credentials::{AuthoritySet, InvalidAlternativeKey, InvalidAuthorityCause};

    let corpus: corpus::Corpus = serde_json::from_str(COMMITTED).unwrap();
    let faults = AuthoritySet::new(corpus.authorities.get("tokens"))
        .err()
        .unwrap();
    let unavailable = InvalidAuthorityCause::AlternativeKey(InvalidAlternativeKey::Unavailable);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].cause, unavailable);
}
