//! One case, to be counted by Valgrind: `count-instructions [CASE]`; without a case it lists them.
//!
//! A case is one call after a setup that is not counted and, where there is something to warm up, a
//! first call. Credentials and keys are the fixed ones of `credentials/tests/vectors`.
//! `scripts/bench-counts` runs all of them and compares with `bench/instructions.json`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a measurement, not part of a program"
)]

use std::collections::BTreeMap;
use std::hint::black_box;

use sallyport_bench::mesh::{ALLOWED, Caller, DENIED, Layout, Shape, Stand, headers};
use sallyport_credentials::{AuthoritySet, certificate, pem, sha256, token};
use sallyport_engine::facts::PeerCertificate;
use sallyport_engine::headers::TokenHalves;
use sallyport_engine::hexadecimal;
use sallyport_engine::policy::compile;
use sallyport_engine::policy::raw::{Authorities, PolicyDocument};
use serde::Deserialize;

/// What is counted: all that happens in this function. Valgrind finds it by its name.
#[inline(never)]
fn measured<T>(call: impl FnOnce() -> T) -> T {
    black_box(call())
}

type Case = (&'static str, fn());

const CASES: [Case; 18] = [
    ("allow, 10 flows", || allow(10, 1)),
    ("allow, 100 flows", || allow(100, 1)),
    ("allow, 1000 flows", || allow(1_000, 1)),
    ("allow, 10000 flows", || allow(10_000, 1)),
    ("allow, 100 flows, 100 peers", || allow(100, 100)),
    ("allow, 100 flows, 10000 peers", || allow(100, 10_000)),
    ("allow, 1 flow between two segments", || parallel(1)),
    ("allow, 16 flows between two segments", || parallel(16)),
    ("allow, 256 flows between two segments", || parallel(256)),
    ("deny, 10 flows", || deny(10, 1)),
    ("deny, 10000 flows", || deny(10_000, 1)),
    ("deny, 100 flows, 10000 peers", || deny(100, 10_000)),
    ("response, 10000 peers", response),
    ("configuration, 100 flows", || configuration(100)),
    ("configuration, 10000 flows", || configuration(10_000)),
    ("certificate, RSA-2048 and ML-DSA-65", || {
        cold("certificate_hybrid");
    }),
    ("certificate, P-256 and ML-DSA-65", || {
        cold("certificate_hybrid_of_p256_authority");
    }),
    ("token, PS256 and ML-DSA-65", || {
        cold("token_ps256_ml_dsa_65");
    }),
];

fn main() {
    let Some(wanted) = std::env::args().nth(1) else {
        CASES.iter().for_each(|(name, _)| println!("{name}"));
        return;
    };
    let case = CASES.iter().find(|(name, _)| *name == wanted);
    let (_, run) = case.unwrap_or_else(|| panic!("there is no case `{wanted}`"));
    run();
}

fn allow(flows: usize, callers: u64) {
    ask(Shape::of(flows), callers, ALLOWED, true);
}

fn deny(flows: usize, callers: u64) {
    ask(Shape::of(flows), callers, DENIED, false);
}

/// The last of the flows covers the request.
fn parallel(flows: usize) {
    let layout = Layout::Parallel;
    let path = format!("/v1/area-{}/items/7", flows - 1);
    ask(
        Shape {
            layout,
            ..Shape::of(flows)
        },
        1,
        &path,
        true,
    );
}

fn ask(shape: Shape, callers: u64, path: &str, expected: bool) {
    let (mut stand, caller) = stand(shape, callers);
    let headers = headers(path);
    stand.ask(&caller, &headers);
    // The caller is not the one that asked last.
    stand.ask(&Caller::new(callers), &headers);
    let verdict = measured(|| stand.ask(&caller, &headers));
    assert_eq!(verdict.is_allowed(), expected);
}

fn stand(shape: Shape, callers: u64) -> (Stand, Caller) {
    let stand = Stand::new(shape.policy(), callers);
    (stand, Caller::new(callers / 2))
}

fn response() {
    let (mut stand, caller) = stand(Shape::of(100), 10_000);
    stand.ask(&caller, &headers(ALLOWED));
    stand.ask(&Caller::new(0), &headers(ALLOWED));
    measured(|| stand.respond(&caller));
}

fn configuration(flows: usize) {
    let text = Shape::of(flows).text();
    let policy = measured(|| {
        let document: PolicyDocument = serde_json::from_str(&text).expect("a document");
        compile(&document).unwrap_or_else(|errors| panic!("{errors:?}"))
    });
    assert_eq!(policy.flows().len(), flows);
}

fn cold(name: &str) {
    let (set, input) = credential(name);
    let holds = measured(|| match &input {
        Input::Certificate { pem } => {
            let der = pem::decode_certificate(pem.as_bytes()).expect("PEM");
            black_box(sha256(&der));
            let read = certificate::read(&set, &der);
            matches!(
                read,
                PeerCertificate::Read {
                    credential: Ok(_),
                    ..
                }
            )
        }
        Input::Token {
            token,
            signature,
            certificate_sha256,
        } => {
            let digest = hexadecimal::decode_sha256(certificate_sha256.as_bytes()).expect("hex");
            let halves = TokenHalves {
                token: token.as_bytes(),
                signature: signature.as_bytes(),
            };
            token::verify(&set, halves, &digest).is_ok()
        }
    });
    assert!(holds);
}

/// A vector, as far as it is needed.
#[derive(Deserialize)]
struct Vectors {
    authorities: BTreeMap<String, Authorities>,
    cases: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    authorities: String,
    input: Input,
}

#[derive(Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum Input {
    Certificate {
        pem: String,
    },
    Token {
        token: String,
        signature: String,
        certificate_sha256: String,
    },
}

fn credential(name: &str) -> (AuthoritySet, Input) {
    let text = include_str!("../../../credentials/tests/vectors/credentials.json");
    let mut vectors: Vectors = serde_json::from_str(text).expect("vectors");
    let case = vectors.cases.into_iter().find(|case| case.name == name);
    let case = case.expect("a case");
    let authorities = vectors.authorities.remove(&case.authorities);
    let set = AuthoritySet::new(authorities.as_ref());
    (
        set.unwrap_or_else(|errors| panic!("{errors:?}")),
        case.input,
    )
}
