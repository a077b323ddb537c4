//! PEM (RFC 7468), strict: one document, nothing before or after it.

use std::borrow::Cow;

/// Why bytes are not one PEM document of the expected kind. One variant for each rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPem {
    /// More than [`MAXIMUM_BYTES`].
    #[error("longer than 32 KiB")]
    TooLong,
    /// A `%` that two hexadecimal digits do not follow.
    #[error("has a `%` without two hexadecimal digits")]
    PercentEncoding,
    /// The text does not start with the line `-----BEGIN <label>-----` of the expected label.
    #[error("does not start with the `BEGIN` line of `{expected}`")]
    Label {
        /// The label that must stand there.
        expected: &'static str,
    },
    /// Not base64 in lines of 64 characters, a broken end line, or more than one document.
    #[error("is not one PEM document with lines of 64 characters")]
    Document,
}

/// The longest PEM text, in bytes. A leaf with ML-DSA-87 parts needs about 17 KiB URL-encoded.
pub const MAXIMUM_BYTES: usize = 32 * 1024;

const CERTIFICATE: &str = "CERTIFICATE";

/// The DER of the one certificate in `bytes`: PEM, raw or URL-encoded, as Envoy's
/// `connection.peer_certificate` gives it (raw in Envoy 1.38 to 1.40, URL-encoded by its
/// documentation).
///
/// # Errors
///
/// [`InvalidPem`] for anything but one certificate, text before or after it included.
pub fn decode_certificate(bytes: &[u8]) -> Result<Vec<u8>, InvalidPem> {
    if bytes.len() > MAXIMUM_BYTES {
        return Err(InvalidPem::TooLong);
    }
    // The label has a space, so a URL-encoded document has its first `%` there; base64 has none.
    let text = if bytes.starts_with(b"-----BEGIN%20") {
        percent_decode(bytes)?
    } else {
        bytes.into()
    };
    decode(&text, CERTIFICATE)
}

/// The bytes of the one document in `text`, which must have this label. White space around the
/// document is a matter of the file that it stands in, so it does not count.
pub(crate) fn decode_material(text: &str, label: &'static str) -> Result<Vec<u8>, InvalidPem> {
    if text.len() > MAXIMUM_BYTES {
        return Err(InvalidPem::TooLong);
    }
    decode(text.trim_ascii().as_bytes(), label)
}

fn decode(text: &[u8], label: &'static str) -> Result<Vec<u8>, InvalidPem> {
    // The grammar of RFC 7468 lets text precede the document, which would hide bytes from a reader.
    let starts_with_label = text
        .strip_prefix(b"-----BEGIN ")
        .and_then(|rest| rest.strip_prefix(label.as_bytes()))
        .is_some_and(|rest| rest.starts_with(b"-----"));
    if !starts_with_label {
        return Err(InvalidPem::Label { expected: label });
    }
    let (_, der) = pem_rfc7468::decode_vec(text).map_err(|_| InvalidPem::Document)?;
    Ok(der)
}

/// RFC 3986, section 2.1.
fn percent_decode(bytes: &[u8]) -> Result<Cow<'_, [u8]>, InvalidPem> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            decoded.push(*first);
            rest = after;
            continue;
        }
        let [high, low, after @ ..] = after else {
            return Err(InvalidPem::PercentEncoding);
        };
        decoded.push(hexadecimal(*high)? << 4 | hexadecimal(*low)?);
        rest = after;
    }
    Ok(decoded.into())
}

const fn hexadecimal(digit: u8) -> Result<u8, InvalidPem> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(InvalidPem::PercentEncoding),
    }
}

#[cfg(test)]
mod tests;
