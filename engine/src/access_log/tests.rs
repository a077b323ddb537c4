use alloc::string::ToString;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::policy::Mode;
use crate::verdict::{DecisionId, Verdict};

const ID: DecisionId = DecisionId {
    vm: [0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77],
    counter: 1,
};

#[test]
fn what_is_not_known_is_a_dash() {
    let line = AccessLogLine(&Verdict::not_configured(Mode::Enforce, ID)).to_string();
    assert_eq!(
        line,
        "verdict=deny would_deny=false reason=not_configured flow=- grant=- source_segment=- \
         assurance=plaintext trust=- state=- lambda_mnat=- terms=- decision_id=0011223344556677-1"
    );
}

#[test]
fn what_only_shadow_let_pass_is_allowed_and_would_be_denied() {
    let line = AccessLogLine(&Verdict::not_configured(Mode::Shadow, ID)).to_string();
    assert!(line.starts_with("verdict=allow would_deny=true reason=not_configured "));
}

#[test]
fn the_three_terms_that_weigh_most_stand_there() {
    struct Heaviest;
    impl fmt::Display for Heaviest {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let terms = [
                (TermName::Prior, -4_600),
                (TermName::TlsVersion, -200),
                (TermName::CredentialAge, 0),
                (TermName::Denial, 9_000),
                (TermName::Novelty, 4_600),
            ];
            write_heaviest(f, terms)
        }
    }
    assert_eq!(
        Heaviest.to_string(),
        "denial:+9000,prior:-4600,novelty:+4600"
    );
}
