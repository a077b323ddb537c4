//! Path templates: the way in which a policy names paths.
//!
//! The forms are those of Envoy's URI templates that need no regular expression: `/v1/models`,
//! `{name}` for exactly one segment, `{**}` at the end for the rest of the path.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::{InvalidPath, RequestPath};

/// A path template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTemplate {
    text: String,
    parts: Vec<Part>,
    /// Whether `{**}` stands at the end.
    open_ended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// This text.
    Literal(String),
    /// Any text but the empty one.
    One,
}

/// Why a text is no path template. One variant for each rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// A literal part that no request path can have.
    #[error("no request can have this path: it {0}")]
    Path(InvalidPath),
    /// A brace elsewhere than around a whole segment.
    #[error("`{{` and `}}` may only enclose a whole segment, as in `/models/{{model}}`")]
    Brace,
    /// A variable name other than lower case letters, digits and `_`.
    #[error("a variable is named with lower case letters, digits and `_`")]
    VariableName,
    /// `{**}` before the end.
    #[error("`{{**}}` may only stand at the end")]
    RestNotLast,
    /// `*` in a segment: Envoy and Istio read it in different ways.
    #[error("`*` is ambiguous: write `{{name}}` for one segment, `{{**}}` for the rest")]
    Star,
}

impl PathTemplate {
    /// The text of the template.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether `{**}` stands at the end.
    pub(super) const fn is_open_ended(&self) -> bool {
        self.open_ended
    }

    /// Whether the template covers the path.
    #[must_use]
    pub fn matches(&self, path: RequestPath<'_>) -> bool {
        let mut segments = path.segments();
        for part in &self.parts {
            let Some(segment) = segments.next() else {
                return false;
            };
            if !part.covers(segment) {
                return false;
            }
        }
        // `/a/{**}` covers `/a/` and `/a/b/c`, not `/a`.
        segments.next().is_some() == self.open_ended
    }

    /// Whether this template covers every path that the other one covers.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let longer = other.parts.len() > self.parts.len();
        let parts = self.parts.iter().zip(&other.parts);
        other.parts.len() >= self.parts.len()
            && parts.clone().all(|(own, part)| own.contains(part))
            && match (self.open_ended, other.open_ended) {
                (true, true) => true,
                (true, false) => longer,
                (false, false) => !longer,
                (false, true) => false,
            }
    }

    /// A path that the template covers: `/v1/models/model` for `/v1/models/{model}`.
    #[must_use]
    pub fn example(&self) -> String {
        self.text
            .replace("{**}", "any/more")
            .replace(['{', '}'], "")
    }

    /// Whether some path is covered by both templates.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let (shorter, longer) = if self.parts.len() <= other.parts.len() {
            (self, other)
        } else {
            (other, self)
        };
        let common = shorter
            .parts
            .iter()
            .zip(&longer.parts)
            .all(|(a, b)| a.overlaps(b));
        let tail = longer.parts.len() > shorter.parts.len();
        common
            && match (shorter.open_ended, longer.open_ended) {
                // Both end where the shorter one does, or the shorter takes the rest of the longer.
                (false, false) => !tail,
                (true, true) => true,
                (true, false) => tail,
                (false, true) => false,
            }
    }
}

impl Part {
    fn covers(&self, segment: &str) -> bool {
        match self {
            Self::Literal(text) => text == segment,
            Self::One => !segment.is_empty(),
        }
    }

    fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(a), Self::Literal(b)) => a == b,
            (Self::One, Self::Literal(text)) => !text.is_empty(),
            (Self::One, Self::One) => true,
            (Self::Literal(_), Self::One) => false,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(a), Self::Literal(b)) => a == b,
            (Self::Literal(text), Self::One) | (Self::One, Self::Literal(text)) => !text.is_empty(),
            (Self::One, Self::One) => true,
        }
    }
}

impl FromStr for PathTemplate {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        // A template is a path in which whole segments are replaced: fill the variables in, and the
        // rules for paths apply.
        let filled = if text.contains(['{', '}']) {
            Cow::Owned(text.replace("{**}", "x").replace(['{', '}'], ""))
        } else {
            Cow::Borrowed(text)
        };
        if filled.contains('?') {
            return Err(InvalidTemplate::Path(InvalidPath::Character));
        }
        RequestPath::parse(filled.as_bytes()).map_err(InvalidTemplate::Path)?;
        let mut parts = Vec::new();
        let mut open_ended = false;
        for segment in text.split('/').skip(1) {
            if open_ended {
                return Err(InvalidTemplate::RestNotLast);
            }
            if segment == "{**}" {
                open_ended = true;
            } else {
                parts.push(parse_part(segment)?);
            }
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
            open_ended,
        })
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_part(segment: &str) -> Result<Part, InvalidTemplate> {
    if !segment.starts_with('{') && segment.contains('*') {
        return Err(InvalidTemplate::Star);
    }
    let Some(name) = segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return if segment.contains(['{', '}']) {
            Err(InvalidTemplate::Brace)
        } else {
            Ok(Part::Literal(segment.to_owned()))
        };
    };
    let named = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if name.is_empty() || !name.bytes().all(named) {
        return Err(InvalidTemplate::VariableName);
    }
    Ok(Part::One)
}

#[cfg(test)]
mod tests;
