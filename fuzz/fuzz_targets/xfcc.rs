//! What is found in `x-forwarded-client-cert` is one part of it, and ends where the part ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sallyport_credentials::pem;
use sallyport_engine::headers::{RequestHead, XFCC, Xfcc};
use sallyport_fuzz::Seeds;

fuzz_target!(init: Seeds::from_environment().xfcc(), |data: &[u8]| {
    let head = RequestHead::read([(XFCC.as_bytes(), data)]);
    let _ = head.forwarded_xfcc();
    if let Ok(Ok(Some(certificate))) = Xfcc::last(data).map(|last| last.certificate()) {
        let end = data.len() - certificate.len();
        assert!((0..=end).any(|at| data[at..].starts_with(certificate)));
        let _ = pem::decode_certificate(certificate);
    }
});
