//! The half of the interoperability test that is ours; `e2e/interop/interop.py` is the other one.
//!
//! - `interop issue <folder>` writes one folder of credentials for each algorithm.
//! - `interop verify <folder>` judges all folders in it, and compares with what each expects.
//!
//! Files of such a folder: `authorities.json` (as in a policy), `leaf.pem`, `token`, `signature`;
//! `root.pem` where the pinned authority is an intermediate; and for `verify` also `expected.json`,
//! the outcome of certificate and token: an assurance or the name of a fault.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a tool that may stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sallyport_credentials::issue::{
    AuthorityKey, AuthorityOptions, HybridAuthority, LeafKey, LeafRequest, RsaBits, TokenIssuer,
    TokenIssuerOptions, TokenRequest,
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

/// What is issued: one folder each.
struct Kind {
    name: &'static str,
    authority: AuthorityKey,
    rsa_bits: RsaBits,
    certificates: AlternativeAlgorithm,
    leaf: LeafKey,
    /// Whether an authority between root and leaf is the pinned one.
    intermediate: bool,
    tokens: AlternativeTokenAlgorithm,
    classical: ClassicalTokenAlgorithm,
}

const KINDS: [Kind; 8] = {
    const USUAL: Kind = Kind {
        name: "ml-dsa-65-ps256",
        authority: AuthorityKey::Rsa,
        rsa_bits: RsaBits::Bits2048,
        certificates: AlternativeAlgorithm::MlDsa65,
        leaf: LeafKey::EcdsaP256,
        intermediate: false,
        tokens: AlternativeTokenAlgorithm::MlDsa65,
        classical: ClassicalTokenAlgorithm::PS256,
    };
    [
        USUAL,
        Kind {
            name: "ml-dsa-87-rs256",
            certificates: AlternativeAlgorithm::MlDsa87,
            tokens: AlternativeTokenAlgorithm::MlDsa87,
            classical: ClassicalTokenAlgorithm::RS256,
            ..USUAL
        },
        Kind {
            name: "ml-dsa-44-ps256-rsa-leaf",
            rsa_bits: RsaBits::Bits3072,
            certificates: AlternativeAlgorithm::MlDsa44,
            leaf: LeafKey::Rsa2048,
            tokens: AlternativeTokenAlgorithm::MlDsa44,
            ..USUAL
        },
        Kind {
            name: "p256-authority-p384-leaf",
            authority: AuthorityKey::EcdsaP256,
            leaf: LeafKey::EcdsaP384,
            ..USUAL
        },
        Kind {
            name: "p384-authority-ml-dsa-65-leaf",
            authority: AuthorityKey::EcdsaP384,
            certificates: AlternativeAlgorithm::MlDsa87,
            leaf: LeafKey::MlDsa65,
            ..USUAL
        },
        Kind {
            name: "rsa-intermediate-ml-dsa-44-leaf",
            leaf: LeafKey::MlDsa44,
            intermediate: true,
            ..USUAL
        },
        Kind {
            name: "p256-intermediate-ml-dsa-87-leaf",
            authority: AuthorityKey::EcdsaP256,
            certificates: AlternativeAlgorithm::MlDsa44,
            leaf: LeafKey::MlDsa87,
            intermediate: true,
            ..USUAL
        },
        Kind {
            name: "p384-intermediate-p256-leaf",
            authority: AuthorityKey::EcdsaP384,
            intermediate: true,
            ..USUAL
        },
    ]
};

fn issue_all(folder: &Path) {
    for kind in KINDS {
        let folder = folder.join(kind.name);
        fs::create_dir_all(&folder).unwrap();
        issue(&kind, &folder);
    }
}

fn issue(kind: &Kind, folder: &Path) {
    let write = |file: &str, text: &str| fs::write(folder.join(file), text).unwrap();
    let start = TimeMs::from_seconds(ISSUED_AT_SECONDS);
    let end = TimeMs::from_seconds(END_SECONDS);
    let options = AuthorityOptions {
        key: kind.authority,
        rsa_bits: kind.rsa_bits,
        algorithm: kind.certificates,
        intermediates: kind.intermediate.into(),
        ..AuthorityOptions::new(kind.name, start, end)
    };
    let mut authority = HybridAuthority::generate(&options).unwrap();
    if kind.intermediate {
        write("root.pem", authority.certificate_pem());
        let below = AuthorityOptions {
            common_name: format!("below {}", kind.name),
            intermediates: 0,
            ..options
        };
        authority = authority.issue_authority(&below).unwrap();
    }
    let issuer = TokenIssuer::generate(TokenIssuerOptions {
        name: "tokens".to_owned(),
        trust_domain: "cluster.local".to_owned(),
        issuer: "https://tokens.example".to_owned(),
        audience: "mesh".to_owned(),
        classical_algorithm: kind.classical,
        algorithm: kind.tokens,
        rsa_bits: RsaBits::Bits2048,
        maximum_lifetime_seconds: None,
    })
    .unwrap();
    let id = "spiffe://cluster.local/ns/shop/sa/cart";
    let leaf = LeafRequest {
        key: kind.leaf,
        ..LeafRequest::new(id.parse().unwrap(), start, end)
    };
    let leaf = authority.issue_leaf(&leaf).unwrap();
    let token = TokenRequest::new(id, leaf.sha256(), ISSUED_AT_SECONDS);
    let token = issuer.issue_token(&token).unwrap();
    let authorities = Authorities {
        certificates: Some(vec![
            authority.to_policy(kind.name, "cluster.local").unwrap(),
        ]),
        tokens: Some(vec![issuer.to_policy()]),
        ..Authorities::default()
    };
    write(
        "authorities.json",
        &serde_json::to_string_pretty(&authorities).unwrap(),
    );
    write("leaf.pem", &leaf.certificate_pem);
    write("token", &token.token);
    write("signature", &token.signature);
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
