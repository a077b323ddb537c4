//! The `x-forwarded-client-cert` header, as Envoy writes it.
//!
//! Elements are separated by commas, their `Key=value` pairs by semicolons; a value may be quoted,
//! and then holds both. A client can write elements in front of ours, so only the last element is
//! ever used, and only its certificate, whose digest is compared with the one that Envoy computed.

use alloc::vec::Vec;

/// The last element of a header value: the one that our own proxy wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Xfcc<'a> {
    element: &'a [u8],
}

/// Why a header value is not in Envoy's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidXfcc {
    /// More than 64 KiB.
    #[error("is longer than 64 KiB")]
    TooLong,
    /// A quote that is not closed.
    #[error("has a quote that is not closed")]
    Quote,
    /// A part without `=`.
    #[error("has a part without `=`")]
    Pair,
    /// `Cert` twice in the last element.
    #[error("has `Cert` twice in its last element")]
    Doubled,
}

impl<'a> Xfcc<'a> {
    /// Finds the last element.
    ///
    /// # Errors
    /// When the value is not in Envoy's form.
    pub fn last(value: &'a [u8]) -> Result<Self, InvalidXfcc> {
        let mut last: &[u8] = b"";
        for element in split(value, b',') {
            last = element?;
        }
        Ok(Self { element: last })
    }

    /// The URL-encoded PEM of the peer's certificate, if the element has one.
    ///
    /// # Errors
    /// When the element is not in Envoy's form or names two certificates.
    pub fn certificate(&self) -> Result<Option<&'a [u8]>, InvalidXfcc> {
        let mut found = None;
        for part in split(self.element, b';') {
            let (key, value) = pair(part?)?;
            if key.eq_ignore_ascii_case(b"cert") {
                if found.is_some() {
                    return Err(InvalidXfcc::Doubled);
                }
                found = Some(unquoted(value));
            }
        }
        Ok(found)
    }
}

/// Whether a value that is in Envoy's form throughout, and not only in its last element, holds
/// certificates.
///
/// Each request through a mesh has this header, so it is looked at in one pass, that stops at the few
/// bytes which mean something; taking elements and parts apart with [`split`] comes to the same.
///
/// # Errors
/// When the value is not in Envoy's form.
pub(super) fn holds_certificates(value: &[u8]) -> Result<bool, InvalidXfcc> {
    if value.len() > MAXIMUM_BYTES {
        return Err(InvalidXfcc::TooLong);
    }
    let mut found = false;
    let mut quoted = false;
    // The place of the byte that a backslash takes its meaning from.
    let mut escaped = None;
    // Where the part began, and whether its key is over.
    let (mut start, mut in_value) = (0, false);
    for (place, byte) in value.iter().enumerate() {
        match byte {
            b'=' if !in_value => {
                found |= is_certificate(value.get(start..place).unwrap_or_default());
                in_value = true;
            }
            b'\\' | b'"' | b',' | b';' if escaped == Some(place) => {}
            b'\\' if quoted => escaped = Some(place.saturating_add(1)),
            b'"' => quoted = !quoted,
            b',' | b';' if !quoted => {
                if !in_value {
                    return Err(InvalidXfcc::Pair);
                }
                (start, in_value) = (place.saturating_add(1), false);
            }
            _ => {}
        }
    }
    match (quoted, in_value) {
        (true, _) => Err(InvalidXfcc::Quote),
        (false, false) => Err(InvalidXfcc::Pair),
        (false, true) => Ok(found),
    }
}

/// Whether a value that is not in Envoy's form looks as if it held certificates.
pub(super) fn mentions_certificate(value: &[u8]) -> bool {
    let mentions = |key: &[u8]| {
        value
            .windows(key.len())
            .any(|window| window.eq_ignore_ascii_case(key))
    };
    mentions(b"cert") || mentions(b"chain")
}

/// Whether the value of this key is a certificate or several.
fn is_certificate(key: &[u8]) -> bool {
    let key = key.trim_ascii();
    key.eq_ignore_ascii_case(b"cert") || key.eq_ignore_ascii_case(b"chain")
}

/// The value without the parts that hold certificates, in all elements; an element that has nothing
/// else is left out, so the value may be empty.
#[inline(never)]
pub(super) fn without_certificates(value: &[u8]) -> Result<Vec<u8>, InvalidXfcc> {
    let mut kept = Vec::with_capacity(value.len());
    for element in split(value, b',') {
        let mut separator = b',';
        for part in split(element?, b';') {
            let part = part?;
            let (key, _) = pair(part)?;
            if is_certificate(key) {
                continue;
            }
            if !kept.is_empty() {
                kept.push(separator);
            }
            separator = b';';
            kept.extend_from_slice(part);
        }
    }
    Ok(kept)
}

fn pair(part: &[u8]) -> Result<(&[u8], &[u8]), InvalidXfcc> {
    let mut halves = part.splitn(2, |byte| *byte == b'=');
    match (halves.next(), halves.next()) {
        (Some(key), Some(value)) => Ok((key.trim_ascii(), value)),
        (_, _) => Err(InvalidXfcc::Pair),
    }
}

fn unquoted(value: &[u8]) -> &[u8] {
    value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(value)
}

/// Splits at a separator that stands outside quotes. A backslash in quotes escapes one byte.
fn split(value: &[u8], separator: u8) -> impl Iterator<Item = Result<&[u8], InvalidXfcc>> {
    let mut rest = Some(value);
    core::iter::from_fn(move || {
        let current = rest.take()?;
        if current.len() > MAXIMUM_BYTES {
            return Some(Err(InvalidXfcc::TooLong));
        }
        let Some(end) = end_of_part(current, separator) else {
            return Some(Err(InvalidXfcc::Quote));
        };
        let (part, tail) = current.split_at_checked(end).unwrap_or((current, b""));
        rest = tail.split_first().map(|(_, tail)| tail);
        Some(Ok(part))
    })
}

/// Where the first part ends; none when a quote is not closed.
fn end_of_part(value: &[u8], separator: u8) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (place, byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if *byte == separator && !quoted => return Some(place),
            _ => {}
        }
    }
    (!quoted).then_some(value.len())
}

const MAXIMUM_BYTES: usize = 65_536;

#[cfg(test)]
mod tests;
