//! What tools read, of any origin, is read without a panic; a key that is written is read again;
//! a certificate that others signed is not its own issuer's.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sallyport_credentials::jws::Jws;
use sallyport_credentials::report::{Certificate, HalfResult};
use sallyport_credentials::{document, jwk};
use sallyport_fuzz::{certificates, edited};

static KNOWN: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let sets = certificates().into_iter();
    sets.flat_map(|known| known.valid).collect()
});

fuzz_target!(|data: &[u8]| {
    if let Ok(documents) = document::read(data) {
        assert!(!documents.is_empty());
    }
    if let Ok(keys) = jwk::read(data) {
        for key in keys {
            let again = jwk::read(key.to_json().to_string().as_bytes()).unwrap();
            assert_eq!(again[0].thumbprint(), key.thumbprint());
        }
    }
    if let Ok(jws) = Jws::parse(data) {
        assert_ne!(
            jws.signed_text(None).is_ok(),
            jws.signed_text(Some(b"x")).is_ok()
        );
    }
    let Some((which, data)) = data.split_first() else {
        return;
    };
    let der = edited(&KNOWN[usize::from(*which) % KNOWN.len()], data);
    if let Ok(certificate) = Certificate::parse(&der) {
        let _ = certificate.describe();
        let report = certificate.verify(&certificate, None);
        assert_ne!(report.classical.result, HalfResult::Verified);
    }
});
