//! The half of the interoperability test that is ours; `e2e/interop/interop.py` is the other one.
//!
//! - `interop issue <folder>` writes one folder of credentials for each algorithm.
//! - `interop verify <folder>` judges all folders in it, and compares with what each expects.
//!
//! Files of such a folder: `authorities.json` (as in a policy), `leaf.pem`, `token`, `signature`,
//! and for `verify` also `expected.json`, the outcome of certificate and token: `hybrid` or the
//! name of a fault.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a tool that may stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sallyport_credentials::issue::{
    AuthorityOptions, HybridAuthority, LeafRequest, RsaBits, TokenIssuer, TokenIssuerOptions,
    TokenRequest,
};
use sallyport_credentials::{AuthoritySet, certificate, pem, sha256, token};
use sallyport_engine::facts::{CredentialFacts, CredentialFault, PeerCertificate};
use sallyport_engine::headers::TokenHalves;
use sallyport_engine::policy::raw::{
    AlternativeAlgorithm, AlternativeTokenAlgorithm, Authorities, ClassicalTokenAlgorithm,
};
use sallyport_engine::time::TimeMs;
use serde::Deserialize;

const ISSUED_AT_SECONDS: u64 = 1_790_000_000;
const END_SECONDS: u64 = 1_790_086_400;

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    certificate: String,
    token: String,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [verb, folder] if verb == "issue" => {
            issue_all(Path::new(folder));
            ExitCode::SUCCESS
        }
        [verb, folder] if verb == "verify" => verify_all(Path::new(folder)),
        [..] => {
            eprintln!("usage: interop issue|verify <folder>");
            ExitCode::from(3)
        }
    }
}

fn issue_all(folder: &Path) {
    for (name, certificates, tokens, classical) in [
        (
            "ml-dsa-65-ps256",
            AlternativeAlgorithm::MlDsa65,
            AlternativeTokenAlgorithm::MlDsa65,
            ClassicalTokenAlgorithm::PS256,
        ),
        (
            "ml-dsa-87-rs256",
            AlternativeAlgorithm::MlDsa87,
            AlternativeTokenAlgorithm::MlDsa87,
            ClassicalTokenAlgorithm::RS256,
        ),
    ] {
        let start = TimeMs::from_seconds(ISSUED_AT_SECONDS);
        let end = TimeMs::from_seconds(END_SECONDS);
        let authority = HybridAuthority::generate(&AuthorityOptions {
            rsa_bits: RsaBits::Bits2048,
            algorithm: certificates,
            ..AuthorityOptions::new(name, start, end)
        })
        .unwrap();
        let issuer = TokenIssuer::generate(TokenIssuerOptions {
            name: "tokens".to_owned(),
            trust_domain: "cluster.local".to_owned(),
            issuer: "https://tokens.example".to_owned(),
            audience: "mesh".to_owned(),
            classical_algorithm: classical,
            algorithm: tokens,
            rsa_bits: RsaBits::Bits2048,
            maximum_lifetime_seconds: None,
        })
        .unwrap();
        let id = "spiffe://cluster.local/ns/shop/sa/cart";
        let leaf = LeafRequest::new(id.parse().unwrap(), start, end);
        let leaf = authority.issue_leaf(&leaf).unwrap();
        let token = TokenRequest::new(id, leaf.sha256(), ISSUED_AT_SECONDS);
        let token = issuer.issue_token(&token).unwrap();
        let authorities = Authorities {
            certificates: Some(vec![authority.to_policy(name, "cluster.local").unwrap()]),
            tokens: Some(vec![issuer.to_policy()]),
            ..Authorities::default()
        };
        let folder = folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        let authorities = serde_json::to_string_pretty(&authorities).unwrap();
        for (file, text) in [
            ("authorities.json", &authorities),
            ("leaf.pem", &leaf.certificate_pem),
            ("token", &token.token),
            ("signature", &token.signature),
        ] {
            fs::write(folder.join(file), text).unwrap();
        }
    }
}

fn verify_all(folder: &Path) -> ExitCode {
    let mut folders: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    let mut agreed = 0_usize;
    for folder in &folders {
        let expected = fs::read_to_string(folder.join("expected.json")).unwrap();
        let expected: Expected = serde_json::from_str(&expected).unwrap();
        let found = verify(folder);
        if found == expected {
            agreed += 1;
        } else {
            println!(
                "{}: expected {expected:?}, found {found:?}",
                folder.display()
            );
        }
    }
    println!("{agreed} of {} folders agree", folders.len());
    if agreed == folders.len() && agreed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn verify(folder: &Path) -> Expected {
    let read = |file| fs::read(folder.join(file)).unwrap();
    let authorities: Authorities = serde_json::from_slice(&read("authorities.json")).unwrap();
    let set = AuthoritySet::new(Some(&authorities))
        .unwrap_or_else(|faults| panic!("{}: {faults:?}", folder.display()));
    let der = pem::decode_certificate(&read("leaf.pem")).unwrap();
    let certificate = match certificate::read(&set, &der) {
        PeerCertificate::Read { credential, .. } => outcome(credential),
        PeerCertificate::Unreadable => "unreadable".to_owned(),
        PeerCertificate::Unavailable => "unavailable".to_owned(),
    };
    let headers = TokenHalves {
        token: &read("token"),
        signature: &read("signature"),
    };
    Expected {
        certificate,
        token: outcome(token::verify(&set, headers, &sha256(&der))),
    }
}

fn outcome(credential: Result<CredentialFacts, CredentialFault>) -> String {
    match credential {
        Ok(facts) => facts.assurance.to_string(),
        Err(fault) => format!("{fault:?}"),
    }
}
