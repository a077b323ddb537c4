//! Strict DER (X.690, section 10), as far as certificates need it.
//!
//! `x509-parser` reads the meaning of a certificate. This module does what it does not: it hands
//! out the exact bytes of each part, so that the signed bytes are cut out and never encoded again,
//! and it refuses the encodings that BER allows beside DER, so that one certificate is one string
//! of bytes.

/// An element: tag, length and contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// The identifier octet: class, form and number. Numbers above 30 do not occur here.
    pub(crate) tag: u8,
    /// The contents octets.
    pub(crate) contents: &'a [u8],
    /// The whole element, as it stands in the input.
    pub(crate) raw: &'a [u8],
}

/// Why bytes are not DER, or not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDer {
    /// The input ends inside an element.
    #[error("ends inside an element")]
    Truncated,
    /// There are bytes after the last element.
    #[error("has bytes after its end")]
    Trailing,
    /// A tag number above 30, which no certificate needs.
    #[error("has a tag in the long form")]
    LongTag,
    /// An indefinite length, or one in more bytes than needed.
    #[error("has a length that is not in its shortest form")]
    Length,
    /// Another element than the one that must stand here.
    #[error("has another element than the one that must stand there")]
    UnexpectedTag,
    /// Contents that DER writes in another way (boolean, integer, bit string, null).
    #[error("has a value that is not in its one DER form")]
    Value,
    /// Not X.509 version 3, the one with extensions (RFC 5280, section 4.1.2.1).
    #[error("is not of X.509 version 3")]
    Version,
    /// More extensions than any certificate needs.
    #[error("has more than 32 extensions")]
    TooManyExtensions,
    /// More nested than any certificate.
    #[error("is nested deeper than 16 levels")]
    Depth,
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

const CONSTRUCTED: u8 = 0x20;
const CLASS: u8 = 0xc0;
const MAXIMUM_DEPTH: u8 = 16;

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, InvalidDer> {
        let (element, rest) = split_element(self.0)?;
        if element.tag != tag {
            return Err(InvalidDer::UnexpectedTag);
        }
        self.0 = rest;
        Ok(element)
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, InvalidDer> {
        match self.0.first() {
            Some(first) if *first == tag => self.expect(tag).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// The next element, whatever it is; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Element<'a>>, InvalidDer> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (element, rest) = split_element(self.0)?;
        self.0 = rest;
        Ok(Some(element))
    }

    /// Nothing may be left.
    pub(crate) const fn finish(self) -> Result<(), InvalidDer> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(InvalidDer::Trailing)
        }
    }
}

/// The one element that `input` consists of.
pub(crate) fn single(input: &[u8], tag: u8) -> Result<Element<'_>, InvalidDer> {
    let mut reader = Reader::new(input);
    let element = reader.expect(tag)?;
    reader.finish()?;
    Ok(element)
}

/// The bytes of a BIT STRING that has no unused bits.
pub(crate) fn whole_bytes(element: Element<'_>) -> Result<&[u8], InvalidDer> {
    match element.contents.split_first() {
        Some((0, bytes)) if element.tag == BIT_STRING => Ok(bytes),
        Some(_) | None => Err(InvalidDer::Value),
    }
}

/// Checks that `input` is one element and DER throughout, constructed elements included.
pub(crate) fn check(input: &[u8]) -> Result<(), InvalidDer> {
    let (element, rest) = split_element(input)?;
    Reader::new(rest).finish()?;
    check_element(element, MAXIMUM_DEPTH)
}

/// Encodes an element around parts that are DER already.
pub(crate) fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length.saturating_add(6));
    out.push(tag);
    push_length(&mut out, length);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        Ok(_) | Err(_) => {
            let bytes = length.to_be_bytes();
            let significant = bytes.iter().skip_while(|byte| **byte == 0);
            // INVARIANT: at most 8 bytes, so the count fits beside the form bit.
            let count = significant
                .clone()
                .fold(0_u8, |count, _| count.saturating_add(1));
            out.push(0x80 | count);
            out.extend(significant);
        }
    }
}

fn split_element(input: &[u8]) -> Result<(Element<'_>, &[u8]), InvalidDer> {
    let (tag, after_tag) = input.split_first().ok_or(InvalidDer::Truncated)?;
    if tag & 0x1f == 0x1f {
        return Err(InvalidDer::LongTag);
    }
    let (length, after_length) = split_length(after_tag)?;
    let (contents, rest) = after_length
        .split_at_checked(length)
        .ok_or(InvalidDer::Truncated)?;
    let raw_length = input.len().saturating_sub(rest.len());
    let raw = input.get(..raw_length).ok_or(InvalidDer::Truncated)?;
    Ok((
        Element {
            tag: *tag,
            contents,
            raw,
        },
        rest,
    ))
}

/// A definite length in its shortest form, at most 3 bytes long.
fn split_length(input: &[u8]) -> Result<(usize, &[u8]), InvalidDer> {
    let (first, rest) = input.split_first().ok_or(InvalidDer::Truncated)?;
    if *first < 0x80 {
        return Ok((usize::from(*first), rest));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=3).contains(&count) {
        return Err(InvalidDer::Length);
    }
    let (bytes, rest) = rest.split_at_checked(count).ok_or(InvalidDer::Truncated)?;
    let length = bytes
        .iter()
        .fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    let shortest = length >= 0x80 && bytes.first() != Some(&0);
    if shortest {
        Ok((length, rest))
    } else {
        Err(InvalidDer::Length)
    }
}

fn check_element(element: Element<'_>, levels: u8) -> Result<(), InvalidDer> {
    if element.tag & CONSTRUCTED != 0 {
        let levels = levels.checked_sub(1).ok_or(InvalidDer::Depth)?;
        let mut reader = Reader::new(element.contents);
        while let Some(inner) = reader.next()? {
            check_element(inner, levels)?;
        }
        return Ok(());
    }
    // The form of a context-specific primitive depends on its type, which the reader of it knows.
    if element.tag & CLASS != 0 {
        return Ok(());
    }
    check_primitive(element.tag, element.contents)
}

fn check_primitive(tag: u8, contents: &[u8]) -> Result<(), InvalidDer> {
    let canonical = match tag {
        BOOLEAN => matches!(contents, [0x00] | [0xff]),
        INTEGER => match contents {
            [] => false,
            [0x00, next, ..] => *next >= 0x80,
            [0xff, next, ..] => *next < 0x80,
            [_, ..] => true,
        },
        BIT_STRING => is_bit_string(contents),
        NULL => contents.is_empty(),
        OBJECT_IDENTIFIER => is_object_identifier(contents),
        // SEQUENCE and SET are always constructed.
        0x10 | 0x11 => false,
        _ => true,
    };
    if canonical {
        Ok(())
    } else {
        Err(InvalidDer::Value)
    }
}

/// At most 7 unused bits, all of them zero; none unused in an empty string.
fn is_bit_string(contents: &[u8]) -> bool {
    match contents {
        [] => false,
        [unused] => *unused == 0,
        [unused @ 0..=7, .., last] => last.trailing_zeros() >= u32::from(*unused),
        [_, ..] => false,
    }
}

/// Each number in its shortest form, the last one complete.
fn is_object_identifier(contents: &[u8]) -> bool {
    let mut at_start = true;
    for byte in contents {
        if at_start && *byte == 0x80 {
            return false;
        }
        at_start = byte & 0x80 == 0;
    }
    at_start && !contents.is_empty()
}

#[cfg(test)]
mod tests;
