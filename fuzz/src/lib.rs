//! What the targets share: the committed vectors, inputs that are small edits of valid ones, and
//! seeds.

mod proofs;
mod seeds;
mod slots;

use sallyport_credentials::{AuthoritySet, pem};
use serde_json::Value;

pub use proofs::{Proving, proving};
pub use seeds::Seeds;
pub use slots::Worker;

const VECTORS: &str = include_str!("../../credentials/tests/vectors/credentials.json");

/// The valid credentials of one set of pinned authorities.
pub struct Known<T> {
    /// The pinned authorities.
    pub set: AuthoritySet,
    /// What holds.
    pub valid: Vec<T>,
}

/// A valid token.
#[derive(PartialEq, Eq)]
pub struct Token {
    /// The JWT.
    pub token: Vec<u8>,
    /// The detached JWS.
    pub signature: Vec<u8>,
    /// What it is bound to.
    pub certificate_sha256: [u8; 32],
}

/// Certificates (DER) that hold, by what is pinned: authorities with RSA and with ECDSA keys, all
/// levels of ML-DSA, rotations, leaves that may be older than the duty to have both halves.
pub fn certificates() -> Vec<Known<Vec<u8>>> {
    let sets = ["certificates", "algorithms", "rotation", "required-later"];
    sets.map(|set| {
        known(set, |input| {
            pem::decode_certificate(input["pem"].as_str().unwrap().as_bytes()).unwrap()
        })
    })
    .into()
}

/// Tokens that hold.
pub fn tokens() -> Known<Token> {
    known("tokens", |input| {
        let text = |member: &str| input[member].as_str().unwrap();
        let digits = text("certificateSha256");
        let mut certificate_sha256 = [0; 32];
        for (at, byte) in certificate_sha256.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
        }
        Token {
            token: text("token").into(),
            signature: text("signature").into(),
            certificate_sha256,
        }
    })
}

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn known<T>(set: &str, read: impl Fn(&Value) -> T) -> Known<T> {
    let vectors = vectors();
    let authorities = serde_json::from_value(vectors["authorities"][set].clone()).unwrap();
    let valid: Vec<T> = vectors["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["authorities"] == set && case["expected"]["outcome"] == "credential")
        .map(|case| read(&case["input"]))
        .collect();
    assert!(!valid.is_empty());
    let set = AuthoritySet::new(Some(&authorities)).map_err(|faults| format!("{faults:?}"));
    Known {
        set: set.unwrap(),
        valid,
    }
}

/// Bytes as they are if the first byte is odd; else `base` with each further three bytes put in
/// place of the byte at an offset. Signatures cannot be found by chance, so edits of what holds
/// reach more code than noise does.
pub fn edited(base: &[u8], data: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = data.split_first() else {
        return base.to_vec();
    };
    if first & 1 == 1 {
        return rest.to_vec();
    }
    let mut bytes = base.to_vec();
    for edit in rest.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % bytes.len();
        bytes[at] = edit[2];
    }
    bytes
}
