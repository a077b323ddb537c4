//! A policy that is read is the one that it would be written as, and compiles or says why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sallyport_credentials::AuthoritySet;
use sallyport_engine::policy::{compile, raw::PolicyDocument};
use sallyport_fuzz::Seeds;

fuzz_target!(init: Seeds::from_environment().policies(), |data: &[u8]| {
    let Ok(document) = serde_json::from_slice::<PolicyDocument>(data) else {
        return;
    };
    let written = serde_json::to_vec(&document).unwrap();
    let again: PolicyDocument = serde_json::from_slice(&written).unwrap();
    assert!(again == document);
    assert_eq!(compile(&again).is_ok(), compile(&document).is_ok());
    let _ = AuthoritySet::new(document.spec.authorities.as_ref());
});
