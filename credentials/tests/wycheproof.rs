//! The published vectors of Wycheproof. `examples/run-wycheproof.rs` runs the same as WebAssembly.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/wycheproof.rs"]
mod support;

#[test]
fn published_vectors_agree_but_for_listed_exceptions() {
    let report = support::run();
    println!("{} cases, {} accepted", report.cases, report.accepted);
    assert_eq!(report.disagreements, Vec::<String>::new());
    assert!(report.cases >= 20_000, "only {} cases", report.cases);
    assert!(report.accepted >= 1300, "only {} accepted", report.accepted);
}
