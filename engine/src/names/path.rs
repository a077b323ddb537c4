//! Request paths that can be read in one way only.
//!
//! A proxy and the application behind it must see the same path. Where a path is known to be read
//! differently by different servers, it is refused instead of guessed at: doubled slashes, encoded
//! slashes and null bytes, path parameters, dot segments and backslashes.

use core::fmt;

/// The path of a request without its query: absolute, unambiguous, at most 8192 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestPath<'a>(&'a str);

/// Why a path is refused. One variant for each rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// More than 8192 bytes, or more than 128 segments.
    #[error("is longer than 8192 bytes or 128 segments")]
    TooLong,
    /// It does not start with `/` (`*` of OPTIONS and the authority of CONNECT included).
    #[error("does not start with `/`")]
    NotAbsolute,
    /// A byte that RFC 3986 does not allow in a path, or a fragment.
    #[error("has a character that a path does not allow")]
    Character,
    /// `%` without two hexadecimal digits.
    #[error("has a `%` without two hexadecimal digits")]
    Encoding,
    /// `//`.
    #[error("has an empty segment (`//`)")]
    DoubledSlash,
    /// `.` or `..` as a segment, encoded or not.
    #[error("has a dot segment")]
    DotSegment,
    /// `%2f`, `%5c` or a backslash.
    #[error("has an encoded slash or a backslash")]
    HiddenSlash,
    /// `%00`.
    #[error("has an encoded null byte")]
    NullByte,
    /// `%25`, which may hide anything from a reader that decodes only once.
    #[error("has an encoded `%`")]
    DoubleEncoding,
    /// `;`, which some servers cut off and others do not.
    #[error("has a path parameter (`;`)")]
    Parameter,
}

impl<'a> RequestPath<'a> {
    /// Longest path, in bytes. Envoy's default limit for all headers together is 60 KiB.
    pub const MAXIMUM_BYTES: usize = 8192;
    /// Most segments of a path, which bounds the work of matching.
    pub const MAXIMUM_SEGMENTS: usize = 128;

    /// Reads the value of `:path`; the query is cut off and not looked at.
    ///
    /// # Errors
    /// When the path is not absolute, too long, or can be read in two ways.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, InvalidPath> {
        let path = bytes.split(|byte| *byte == b'?').next().unwrap_or_default();
        if path.len() > Self::MAXIMUM_BYTES {
            return Err(InvalidPath::TooLong);
        }
        let mut rest = path.strip_prefix(b"/").ok_or(InvalidPath::NotAbsolute)?;
        let mut segments = 1_usize;
        while let Some(end) = rest.iter().position(|byte| *byte == b'/') {
            let (segment, tail) = rest.split_at_checked(end).unwrap_or_default();
            segments = segments.saturating_add(1);
            if segments > Self::MAXIMUM_SEGMENTS {
                return Err(InvalidPath::TooLong);
            }
            if segment.is_empty() {
                return Err(InvalidPath::DoubledSlash);
            }
            check_segment(segment)?;
            rest = tail.strip_prefix(b"/").unwrap_or_default();
        }
        // An empty last segment is a slash at the end, which is allowed.
        if !rest.is_empty() {
            check_segment(rest)?;
        }
        core::str::from_utf8(path)
            .map(Self)
            .map_err(|_| InvalidPath::Character)
    }

    /// The path as text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The path without its first slash.
    pub(super) fn after_slash(self) -> &'a str {
        self.0.strip_prefix('/').unwrap_or_default()
    }

    /// The parts between the slashes; a slash at the end gives an empty last part.
    pub fn segments(self) -> impl Iterator<Item = &'a str> {
        self.0.split('/').skip(1)
    }
}

impl fmt::Display for RequestPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// `segment` is not empty.
fn check_segment(segment: &[u8]) -> Result<(), InvalidPath> {
    let mut characters = 0_usize;
    let mut dots_only = true;
    let mut bytes = segment.iter();
    while let Some(&byte) = bytes.next() {
        let decoded = match byte {
            _ if is_path_byte(byte) => byte,
            b'%' => {
                let decoded = decode_hex(bytes.next().copied(), bytes.next().copied())?;
                check_decoded(decoded)?;
                decoded
            }
            b'\\' => return Err(InvalidPath::HiddenSlash),
            b';' => return Err(InvalidPath::Parameter),
            _ => return Err(InvalidPath::Character),
        };
        characters = characters.saturating_add(1);
        dots_only &= decoded == b'.';
    }
    // Three and more dots are an ordinary name.
    if dots_only && characters <= 2 {
        Err(InvalidPath::DotSegment)
    } else {
        Ok(())
    }
}

/// Refuses what another reader may take for a separator, and an encoded `%`: behind it, everything
/// else could be encoded once more, for a server that decodes once too often.
const fn check_decoded(decoded: u8) -> Result<(), InvalidPath> {
    match decoded {
        b'/' | b'\\' => Err(InvalidPath::HiddenSlash),
        0 => Err(InvalidPath::NullByte),
        b'%' => Err(InvalidPath::DoubleEncoding),
        _ => Ok(()),
    }
}

fn decode_hex(high: Option<u8>, low: Option<u8>) -> Result<u8, InvalidPath> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    match (digit(high), digit(low)) {
        (Some(high), Some(low)) => u8::try_from(high.saturating_mul(16).saturating_add(low))
            .map_err(|_| InvalidPath::Encoding),
        (_, _) => Err(InvalidPath::Encoding),
    }
}

/// `pchar` of RFC 3986, section 3.3, without `%` and `;`, which are looked at on their own.
const fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
        )
}

#[cfg(test)]
mod tests;
