//! A certificate that a pinned authority vouches for is one that it made, byte for byte.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sallyport_credentials::certificate;
use sallyport_engine::facts::PeerCertificate;
use sallyport_fuzz::{Known, certificates, edited};

static KNOWN: LazyLock<Known<Vec<u8>>> = LazyLock::new(certificates);

fuzz_target!(|data: &[u8]| {
    let Some((which, data)) = data.split_first() else {
        return;
    };
    let base = &KNOWN.valid[usize::from(*which) % KNOWN.valid.len()];
    let der = edited(base, data);
    let alternative = certificate::verify_alternative(&KNOWN.set, &der).is_ok();
    if let PeerCertificate::Read {
        credential: Ok(facts),
        ..
    } = certificate::read(&KNOWN.set, &der)
        && facts.authority.is_some()
    {
        assert!(KNOWN.valid.contains(&der), "a certificate was forged");
    }
    // Extension 74 does not cover the RSA signature, yet nothing can be longer or shorter.
    assert!(!alternative || KNOWN.valid.iter().any(|known| known.len() == der.len()));
});
