//! Every case of the corpus, made with fresh keys: credentials that hold, and for each fault the
//! ones that show it. What is expected is written here by hand, from the rules.

#[path = "cases/algorithms.rs"]
mod algorithms;
#[path = "cases/certificates.rs"]
mod certificates;
#[path = "cases/rotation.rs"]
mod rotation;
#[path = "cases/tokens.rs"]
mod tokens;

use std::collections::BTreeMap;

use sallyport_credentials::issue::{AuthorityOptions, RsaBits};
use sallyport_engine::policy::raw::{self, AlternativeAlgorithm};
use sallyport_engine::time::TimeMs;

use super::corpus::{Case, Corpus, Expected, Input};

pub(crate) const NOT_BEFORE_SECONDS: u64 = 1_790_000_000;
pub(crate) const NOT_AFTER_SECONDS: u64 = 1_790_086_400;
pub(crate) const TRUST_DOMAIN: &str = "cluster.local";
pub(crate) const SUBJECT: &str = "spiffe://cluster.local/ns/shop/sa/cart";

pub(crate) fn corpus() -> Corpus {
    let mut corpus = Corpus {
        authorities: BTreeMap::new(),
        cases: Vec::new(),
    };
    certificates::add(&mut corpus);
    algorithms::add(&mut corpus);
    rotation::add(&mut corpus);
    tokens::add(&mut corpus);
    corpus
}

pub(crate) fn options(common_name: &str, algorithm: AlternativeAlgorithm) -> AuthorityOptions {
    AuthorityOptions {
        rsa_bits: RsaBits::Bits2048,
        algorithm,
        ..AuthorityOptions::new(
            common_name,
            TimeMs::from_seconds(NOT_BEFORE_SECONDS),
            TimeMs::from_seconds(NOT_BEFORE_SECONDS + 400 * 86_400),
        )
    }
}

pub(crate) fn certificates_only(list: Vec<raw::CertificateAuthority>) -> raw::Authorities {
    raw::Authorities {
        certificates: Some(list),
        tokens: None,
        ..raw::Authorities::default()
    }
}

pub(crate) fn tokens_only(list: Vec<raw::TokenAuthority>) -> raw::Authorities {
    raw::Authorities {
        certificates: None,
        tokens: Some(list),
        ..raw::Authorities::default()
    }
}

fn fault(fault: &str) -> Expected {
    Expected::Fault {
        fault: fault.to_owned(),
        alternative_holds: false,
    }
}

/// A fault that is found after the ML-DSA half held.
fn later_fault(fault: &str) -> Expected {
    Expected::Fault {
        fault: fault.to_owned(),
        alternative_holds: true,
    }
}

fn case(name: &str, authorities: &str, input: Input, expected: Expected) -> Case {
    Case {
        name: name.to_owned(),
        authorities: authorities.to_owned(),
        input,
        expected,
    }
}
