//! Where a target starts. Noise does not become a certificate in PEM, a header of Envoy or a policy,
//! so each target begins with some, made anew from the vectors and the policies of the scenarios.

use std::fs;
use std::path::PathBuf;

use sallyport_credentials::jwk::{self, Jwk};
use sallyport_credentials::public_key::PublicKey;
use sallyport_credentials::{document, report};
use serde_json::{Value, json};

use crate::{Proving, Worker, vectors};

/// The folder of the environment's `FUZZ_SEEDS`; without it no seed is written.
pub struct Seeds(Option<PathBuf>);

const POLICIES: [&str; 3] = [
    include_str!("../../e2e/scenarios/policies/corpus.yaml"),
    include_str!("../../examples/istio/ai-pipeline/policy.yaml"),
    include_str!("../../examples/istio/jit-grant/policy.yaml"),
];

// === impl Seeds ===

impl Seeds {
    /// The folder is made if need be.
    pub fn from_environment() -> Self {
        let folder = std::env::var_os("FUZZ_SEEDS").map(PathBuf::from);
        if let Some(folder) = &folder {
            fs::create_dir_all(folder).unwrap();
        }
        Self(folder)
    }

    /// Each valid credential, unchanged: its number, and no edit.
    pub fn numbers(&self, count: usize) {
        for number in 0..count {
            let number = u8::try_from(number).unwrap();
            self.write(&format!("number-{number}"), &[number, 0]);
        }
    }

    /// The certificates of the vectors, as Envoy gives them.
    pub fn pem(&self) {
        for (name, pem) in pems() {
            self.write(&name, pem.as_bytes());
        }
    }

    /// The public keys of the vectors' authorities and certificates: each alone, and in one set.
    pub fn jwks(&self) {
        let mut texts: Vec<Vec<u8>> = pems().into_iter().map(|(_, pem)| pem.into()).collect();
        for set in vectors()["authorities"].as_object().unwrap().values() {
            let entries = ["certificates", "tokens"].map(|role| set[role].as_array().cloned());
            for entry in entries.into_iter().flatten().flatten() {
                for key in ["classicalKey", "alternativeKey"] {
                    texts.extend(entry[key]["publicKey"].as_str().map(Into::into));
                }
            }
        }
        let mut keys: Vec<Value> = Vec::new();
        for document in texts.iter().flat_map(|text| document::read(text)).flatten() {
            let certificate = report::Certificate::parse(&document.bytes);
            let spki = certificate
                .as_ref()
                .map_or(&document.bytes[..], |it| it.public_key());
            if let Ok(key) = PublicKey::from_spki(spki) {
                let akp = key.name().starts_with("ML-DSA").then(|| key.name());
                let key = Jwk::new(key, Some(format!("key-{}", keys.len())), akp);
                self.write(
                    &format!("key-{}", keys.len()),
                    key.to_json().to_string().as_bytes(),
                );
                keys.push(key.to_json());
            }
        }
        assert!(keys.len() > 3);
        keys.truncate(jwk::MAXIMUM_KEYS);
        self.write("set", json!({ "keys": keys }).to_string().as_bytes());
    }

    /// What holds, unchanged, by edits and as texts.
    pub fn proofs(&self) {
        self.write("tampered", &[0, 0]);
        let cases = [
            (1, "proof", Proving::PROOF_HEADER, Proving::proof_claims()),
            (
                2,
                "identity",
                Proving::IDENTITY_HEADER,
                Proving::identity_claims(),
            ),
        ];
        for (what, name, header, claims) in cases {
            self.write(&format!("{name}-edited"), &[what, 1, 0, 0]);
            let cut = u8::try_from(header.len() + 1).unwrap();
            let start = [what, cut, 1];
            let text = [&start[..], header.as_bytes(), &[1], claims.as_bytes()].concat();
            self.write(name, &text);
        }
    }

    /// Elements as Envoy writes them, with what it takes from the client in front.
    pub fn xfcc(&self) {
        const HASH: &str = "a3f1c0de00112233445566778899aabbccddeeff00112233445566778899aabb";
        const URI: &str = "URI=spiffe://cluster.local/ns/shop/sa/cart";
        let plain = format!("By=spiffe://cluster.local/ns/bank/sa/api;Hash={HASH};{URI}");
        let subject = format!("Hash={HASH};Subject=\"O=a\\\"b,C;D\";{URI};DNS=a.test;DNS=b.test");
        self.write("plain", plain.as_bytes());
        self.write("subject", subject.as_bytes());
        self.write("several", format!("{subject},{plain}").as_bytes());
        self.write("odd", b"hash=1;;Uri=;DNS=\"\";Chain=\"x\", ,By=");
        for (name, pem) in pems() {
            let cert = pem
                .replace('\n', "%0A")
                .replace(' ', "%20")
                .replace('+', "%2B");
            let element = format!("{plain},Hash={HASH};Cert=\"{cert}\";Subject=\"\";{URI}");
            self.write(&name, element.as_bytes());
        }
    }

    /// The policies of scenarios and examples, and the same with the vectors' authorities.
    pub fn policies(&self) {
        let authorities = vectors()["authorities"].take();
        let mut sets = vec![("none".to_owned(), Value::Null)];
        sets.extend(authorities.as_object().unwrap().clone());
        for (number, text) in POLICIES.into_iter().enumerate() {
            let policy: Value = serde_saphyr::from_str(text).unwrap();
            for (name, set) in &sets {
                let mut policy = policy.clone();
                policy["spec"]["authorities"] = match set {
                    Value::Null => json!({}),
                    set => set.clone(),
                };
                self.write(&format!("{number}-{name}"), policy.to_string().as_bytes());
            }
        }
    }

    /// What workers write about a peer that did more and more.
    pub fn slots(&self) {
        for refused in [1, 3, 6, 12] {
            let mut worker = Worker::after(refused);
            let first = worker.publish(None).unwrap();
            self.write(&format!("after-{refused}"), &first);
        }
        // What one peer runs: a version and one record.
        self.write("running", &[1; 41]);
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        if let Self(Some(folder)) = self {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

/// A certificate of each set of authorities, and all that are no certificates.
fn pems() -> Vec<(String, String)> {
    let mut pems: Vec<(String, String)> = Vec::new();
    let mut sets = Vec::new();
    for case in vectors()["cases"].as_array().unwrap() {
        let Some(pem) = case["input"]["pem"].as_str() else {
            continue;
        };
        let kind = (
            case["authorities"].clone(),
            case["expected"]["outcome"].clone(),
        );
        if !sets.contains(&kind) || kind.1 == "invalidPem" {
            sets.push(kind);
            pems.push((case["name"].as_str().unwrap().to_owned(), pem.to_owned()));
        }
    }
    pems
}
