//! A certificate that a pinned authority vouches for is one that it made, byte for byte.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sallyport_credentials::certificate;
use sallyport_engine::facts::PeerCertificate;
use sallyport_fuzz::{Known, Seeds, certificates, edited};

static KNOWN: LazyLock<Vec<Known<Vec<u8>>>> = LazyLock::new(certificates);

fuzz_target!(
    init: Seeds::from_environment().numbers(KNOWN.iter().map(|known| known.valid.len()).sum()),
    |data: &[u8]| {
        let Some((which, data)) = data.split_first() else {
            return;
        };
        let bases = KNOWN
            .iter()
            .flat_map(|known| known.valid.iter().map(move |base| (known, base)));
        let Some((known, base)) = bases.cycle().nth(usize::from(*which)) else {
            return;
        };
        let der = edited(base, data);
        let alternative = certificate::verify_alternative(&known.set, &der).is_ok();
        if let PeerCertificate::Read {
            credential: Ok(facts),
            ..
        } = certificate::read(&known.set, &der)
            && facts.authority.is_some()
        {
            assert!(known.valid.contains(&der), "a certificate was forged");
        }
        // Extension 74 does not cover the classical signature, yet an RSA one can be neither longer
        // nor shorter, and one of ECDSA by a few bytes only.
        let is_near = |valid: &Vec<u8>| valid.len().abs_diff(der.len()) <= ECDSA_LENGTHS;
        assert!(!alternative || known.valid.iter().any(is_near));
    }
);

/// DER leaves out leading zeros of both numbers, which noise may write.
const ECDSA_LENGTHS: usize = 128;
