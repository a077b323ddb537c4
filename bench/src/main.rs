//! Measures cold verifications: `bench-credentials <file of make-credentials>`.
//!
//! Cold is what the filter does for a certificate or token that it has not seen: from the text to
//! the facts. Beside it stand the bare calls of the libraries on the same bytes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a tool that may stop")]

use std::hint::black_box;

use sallyport_bench::bare::{self, AlternativeKey};
use sallyport_bench::case::{Case, Input};
use sallyport_bench::time::{median, samples};
use sallyport_credentials::{AuthoritySet, certificate, pem, sha256, token};
use sallyport_engine::facts::PeerCertificate;
use sallyport_engine::headers::TokenHalves;

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    println!(
        "| credential | cold, us | classical alone | post-quantum alone | cold / both alone |"
    );
    println!("|---|---|---|---|---|");
    for case in cases {
        measure(&case);
    }
}

fn measure(case: &Case) {
    let set =
        AuthoritySet::new(Some(&case.authorities)).unwrap_or_else(|faults| panic!("{faults:?}"));
    let key = AlternativeKey::read(&case.alternative);
    let holds = || match &case.input {
        Input::Certificate(text) => read_certificate(&set, text),
        Input::Token {
            token,
            signature,
            certificate_sha256,
        } => {
            let headers = TokenHalves {
                token: token.as_bytes(),
                signature: signature.as_bytes(),
            };
            token::verify(&set, headers, certificate_sha256).is_ok()
        }
    };
    let name = &case.name;
    let verify_alternative = || key.verify(&case.alternative);
    let verify_classical = || bare::classical(&case.classical);
    let samples = samples([&holds, &verify_classical, &verify_alternative]);
    let cold = median(&samples, |[cold, ..]| *cold);
    let classical = median(&samples, |[_, classical, _]| *classical);
    let alternative = median(&samples, |[.., alternative]| *alternative);
    // Of each sample by itself: what slows a machine down slows neighbours in time alike.
    let ratio = median(&samples, |[cold, classical, alternative]| {
        cold / (classical + alternative)
    });
    println!("| {name} | {cold:.0} | {classical:.0} | {alternative:.0} | {ratio:.2} |");
}

/// As the filter does it: the digest is compared with Envoy's.
fn read_certificate(set: &AuthoritySet, text: &str) -> bool {
    let der = pem::decode_certificate(text.as_bytes()).unwrap();
    black_box(sha256(&der));
    matches!(
        certificate::read(set, &der),
        PeerCertificate::Read {
            credential: Ok(_),
            ..
        }
    )
}
