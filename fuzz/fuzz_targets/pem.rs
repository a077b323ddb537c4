//! A PEM text that is read is the one that its bytes would be written as, but for line ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sallyport_credentials::pem;
use sallyport_fuzz::Seeds;

fuzz_target!(init: Seeds::from_environment().pem(), |data: &[u8]| {
    let Ok(der) = pem::decode_certificate(data) else {
        return;
    };
    let written = pem_rfc7468::encode_string("CERTIFICATE", pem_rfc7468::LineEnding::LF, &der);
    let written = written.unwrap();
    assert_eq!(pem::decode_certificate(written.as_bytes()), Ok(der));
    if !data.contains(&b'%') {
        let without_ends = |text: &[u8]| -> Vec<u8> {
            let is_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
            text.iter().filter(|byte| !is_end(byte)).copied().collect()
        };
        assert_eq!(without_ends(data), without_ends(written.as_bytes()));
    }
});
