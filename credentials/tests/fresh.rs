//! The cases of the corpus with keys that nobody saw before.
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

use corpus::Expected;

/// Every fault that a certificate or a token can have. Two headers at once are the filter's affair.
const FAULTS: [&str; 9] = [
    "AlgorithmRefused",
    "AuthorityUnknown",
    "BindingMismatch",
    "ClaimsInvalid",
    "ClassicalSignatureInvalid",
    "HybridSignatureInvalid",
    "HybridSignatureMissing",
    "Malformed",
    "TrustDomainForeign",
];

#[test]
fn fresh_cases_agree_and_show_every_fault() {
    let text = serde_json::to_string(&cases::corpus()).unwrap();
    let corpus = corpus::Corpus::parse(&text).unwrap();
    assert_eq!(corpus.disagreements(), Vec::<String>::new());

    let names: BTreeSet<&str> = corpus.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), corpus.cases.len(), "a name stands twice");

    let shown: BTreeSet<&str> = corpus
        .cases
        .iter()
        .filter_map(|case| match &case.expected {
            Expected::Fault { fault, .. } => Some(fault.as_str()),
            Expected::Credential { .. } | Expected::Unreadable | Expected::InvalidPem => None,
        })
        .collect();
    assert_eq!(shown, BTreeSet::from(FAULTS));
}
