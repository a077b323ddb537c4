#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// The same by taking elements and parts apart.
fn apart(value: &[u8]) -> Result<bool, InvalidXfcc> {
    let mut found = false;
    for element in split(value, b',') {
        for part in split(element?, b';') {
            let (key, _) = pair(part?)?;
            found |= is_certificate(key);
        }
    }
    Ok(found)
}

#[test]
fn one_pass_finds_what_taking_apart_finds() {
    // All texts of up to six of these words.
    let words: [&[u8]; 7] = [b"=", b",", b";", b"\"", b"\\", b"Cert", b"a"];
    for length in 0..=6_u32 {
        for number in 0..7_usize.pow(length) {
            let mut rest = number;
            let mut value = Vec::new();
            for _ in 0..length {
                value.extend_from_slice(words[rest % 7]);
                rest /= 7;
            }
            let text = core::str::from_utf8(&value).unwrap();
            let (found, expected) = (holds_certificates(&value), apart(&value));
            assert_eq!(found.is_err(), expected.is_err(), "{text}");
            assert!(found.is_err() || found == expected, "{text}");
        }
    }
}

#[test]
fn the_longest_value_is_64_kib() {
    let value = |length: usize| [&b"a="[..], &alloc::vec![b'b'; length - 2]].concat();
    assert_eq!(holds_certificates(&value(65_536)), Ok(false));
    assert_eq!(
        holds_certificates(&value(65_537)),
        Err(InvalidXfcc::TooLong)
    );
}
