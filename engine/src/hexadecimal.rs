//! Bytes as hexadecimal digits, and back.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// A text that is not pairs of hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidHexadecimal;

/// Lower-case digits.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads digits of either case.
///
/// # Errors
/// For an odd number of digits, and for other characters.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, InvalidHexadecimal> {
    let (pairs, []) = text.as_chunks::<2>() else {
        return Err(InvalidHexadecimal);
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(InvalidHexadecimal);
    let byte = |[high, low]: &[u8; 2]| {
        let value = (digit(*high)? << 4) | digit(*low)?;
        u8::try_from(value).map_err(|_| InvalidHexadecimal)
    };
    pairs.iter().map(byte).collect()
}

/// Reads a SHA-256 digest: 64 digits.
///
/// # Errors
/// For another number of digits, and for other characters.
pub fn decode_sha256(text: &[u8]) -> Result<[u8; 32], InvalidHexadecimal> {
    <[u8; 32]>::try_from(decode(text)?).map_err(|_| InvalidHexadecimal)
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = encode(&bytes);
        assert!(text.starts_with("000102") && text.ends_with("fdfeff"));
        assert_eq!(decode(text.as_bytes()), Ok(bytes.clone()));
        assert_eq!(decode(text.to_uppercase().as_bytes()), Ok(bytes));
        assert_eq!(decode(b""), Ok(Vec::new()));
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["0", "0g", "+1", " 1", "0x", "\u{fc}", "000"] {
            assert_eq!(decode(text.as_bytes()), Err(InvalidHexadecimal), "{text}");
        }
        for text in ["", "00", &"0".repeat(63), &"0".repeat(66)] {
            let digest = decode_sha256(text.as_bytes());
            assert_eq!(digest, Err(InvalidHexadecimal), "{text}");
        }
    }
}
