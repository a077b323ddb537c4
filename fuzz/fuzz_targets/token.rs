//! A token that holds is one that was issued, byte for byte.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sallyport_credentials::token;
use sallyport_engine::headers::TokenHalves;
use sallyport_fuzz::{Known, Seeds, Token, edited, tokens};

static KNOWN: LazyLock<Known<Token>> = LazyLock::new(tokens);

fuzz_target!(init: Seeds::from_environment().numbers(KNOWN.valid.len()), |data: &[u8]| {
    let [which, cut, data @ ..] = data else {
        return;
    };
    let base = &KNOWN.valid[usize::from(*which) % KNOWN.valid.len()];
    let (first, second) = data.split_at(usize::from(*cut).min(data.len()));
    let found = Token {
        token: edited(&base.token, first),
        signature: edited(&base.signature, second),
        certificate_sha256: base.certificate_sha256,
    };
    let headers = TokenHalves {
        token: &found.token,
        signature: &found.signature,
    };
    if token::verify(&KNOWN.set, headers, &found.certificate_sha256).is_ok() {
        assert!(KNOWN.valid.contains(&found), "a token was forged");
    }
});
