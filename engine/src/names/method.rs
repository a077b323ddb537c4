//! HTTP methods (RFC 9110, section 9).

use core::fmt;

/// An HTTP method: 1 to 32 characters of RFC 9110 `token`. Case matters, as in the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method<'a>(&'a str);

/// Why bytes are no HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMethod {
    /// No bytes at all.
    #[error("is empty")]
    Empty,
    /// More than 32 bytes.
    #[error("is longer than 32 bytes")]
    TooLong,
    /// A byte that is no `tchar`.
    #[error("has a character that HTTP methods do not allow")]
    Character,
}

impl<'a> Method<'a> {
    const MAXIMUM_BYTES: usize = 32;

    /// Reads a method.
    ///
    /// # Errors
    /// When the bytes are no `token` of 1 to 32 characters.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, InvalidMethod> {
        match bytes.len() {
            0 => return Err(InvalidMethod::Empty),
            1..=Self::MAXIMUM_BYTES => {}
            _ => return Err(InvalidMethod::TooLong),
        }
        if !bytes.iter().copied().all(is_token_byte) {
            return Err(InvalidMethod::Character);
        }
        core::str::from_utf8(bytes)
            .map(Self)
            .map_err(|_| InvalidMethod::Character)
    }

    /// The method as text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// `tchar` of RFC 9110, section 5.6.2.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn keeps_case() {
        assert_eq!(Method::parse(b"get").map(Method::as_str), Ok("get"));
        assert_ne!(Method::parse(b"get"), Method::parse(b"GET"));
    }

    #[test]
    fn refuses_what_is_no_token() {
        assert_eq!(Method::parse(b""), Err(InvalidMethod::Empty));
        assert_eq!(Method::parse(&[b'A'; 33]), Err(InvalidMethod::TooLong));
        for bytes in [
            &b"GE T"[..],
            b"GET\r\n",
            b"G\0",
            b"\xff\xfe",
            b"G/T",
            b"(GET)",
        ] {
            assert_eq!(
                Method::parse(bytes),
                Err(InvalidMethod::Character),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn allows_exactly_the_token_characters() {
        let allowed = (0..=255_u8)
            .filter(|byte| Method::parse(&[*byte]).is_ok())
            .count();
        assert_eq!(allowed, 26 + 26 + 10 + 15);
    }
}
