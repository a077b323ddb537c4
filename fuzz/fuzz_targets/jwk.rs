//! A JWK or JWK Set that is read is public, has one meaning, and is the one that it would be written
//! as.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sallyport_credentials::jwk::{self, Jwk};
use sallyport_credentials::public_key::PublicKey;
use sallyport_fuzz::Seeds;
use serde_json::{Value, json};

fuzz_target!(init: Seeds::from_environment().jwks(), |data: &[u8]| {
    let Ok(keys) = jwk::read(data) else {
        return;
    };
    let text: Value = serde_json::from_slice(data).unwrap();
    let given = match text.get("keys") {
        Some(set) => set.as_array().unwrap().clone(),
        None => vec![text],
    };
    assert!((1..=jwk::MAXIMUM_KEYS).contains(&keys.len()));
    assert_eq!(given.len(), keys.len());
    for (given, key) in given.iter().zip(&keys) {
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
            assert!(given.get(name).is_none(), "a private key was read");
        }
        for (name, value) in key.to_json().as_object().unwrap() {
            let is_default = name == "use";
            assert!(given.get(name).map_or(is_default, |given| given == value), "{name} changed");
        }
        let again = PublicKey::from_spki(key.key().spki()).unwrap();
        assert_eq!(jwk::thumbprint(&again), key.thumbprint());
    }
    let written: Vec<Value> = keys.iter().map(Jwk::to_json).collect();
    let again = jwk::read(json!({ "keys": written }).to_string().as_bytes()).unwrap();
    let again: Vec<Value> = again.iter().map(Jwk::to_json).collect();
    assert_eq!(again, written);
});
