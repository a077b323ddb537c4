//! Path templates as sets of paths: what two have in common, and which lies within which.
//!
//! The meaning is that of `sallyport_engine::names::PathTemplate`: `{any}` is one segment that is
//! not empty, `{**}` at the end is the rest.

use std::fmt;

use sallyport_engine::names::RequestPath;

/// A path template of the policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Template {
    pub(super) parts: Vec<Part>,
    /// Whether `{**}` stands at the end.
    pub(super) is_open: bool,
}

/// What stands between two slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part {
    Literal(String),
    One,
}

impl Template {
    /// Each path.
    pub(super) const fn everything() -> Self {
        Self {
            parts: Vec::new(),
            is_open: true,
        }
    }

    /// Exactly this path, if a request can have it and a template can say it.
    pub(super) fn literal(path: &str) -> Option<Self> {
        let path = plain_path(path)?;
        let parts = path.split('/').skip(1);
        Some(Self {
            parts: parts.map(|part| Part::Literal(part.to_owned())).collect(),
            is_open: false,
        })
    }

    /// The one path that it covers, if it is only one.
    pub(super) fn as_literal(&self) -> Option<String> {
        if self.is_open {
            return None;
        }
        let mut path = String::new();
        for part in &self.parts {
            let Part::Literal(text) = part else {
                return None;
            };
            path.push('/');
            path.push_str(text);
        }
        Some(path)
    }

    /// The text before the first segment that is not fixed.
    pub(super) fn fixed_tail(&self) -> String {
        let mut tail = Vec::new();
        if !self.is_open {
            for part in self.parts.iter().rev() {
                let Part::Literal(text) = part else { break };
                tail.push(text.as_str());
            }
        }
        tail.iter().rev().map(|text| format!("/{text}")).collect()
    }

    /// Whether each path of it is one of the other's.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let (own, others) = (self.parts.len(), other.parts.len());
        let length = match (self.is_open, other.is_open) {
            (false, false) => own == others,
            (false, true) => own > others,
            (true, true) => own >= others,
            (true, false) => false,
        };
        let mut pairs = self.parts.iter().zip(&other.parts);
        length && pairs.all(|(part, wider)| part.is_within(wider))
    }

    /// The paths that both cover. There is always one template for them.
    pub(super) fn intersection(&self, other: &Self) -> Option<Self> {
        let (short, long) = if self.parts.len() <= other.parts.len() {
            (self, other)
        } else {
            (other, self)
        };
        let has_tail = long.parts.len() > short.parts.len();
        let fits = match (short.is_open, long.is_open) {
            (false, false) => !has_tail,
            (true, true) => true,
            (true, false) => has_tail,
            (false, true) => false,
        };
        if !fits {
            return None;
        }
        let common = short.parts.iter().zip(&long.parts);
        let mut parts: Vec<Part> = common
            .map(|(a, b)| a.intersection(b))
            .collect::<Option<_>>()?;
        parts.extend(long.parts.iter().skip(short.parts.len()).cloned());
        Some(Self {
            parts,
            is_open: long.is_open,
        })
    }
}

impl Part {
    pub(super) fn covers(&self, segment: &str) -> bool {
        match self {
            Self::Literal(text) => text == segment,
            Self::One => !segment.is_empty(),
        }
    }

    fn is_within(&self, wider: &Self) -> bool {
        match (self, wider) {
            (Self::Literal(text), wider) => wider.covers(text),
            (Self::One, Self::One) => true,
            (Self::One, Self::Literal(_)) => false,
        }
    }

    fn intersection(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Literal(text), part) | (part, Self::Literal(text)) => {
                part.covers(text).then(|| Self::Literal(text.clone()))
            }
            (Self::One, Self::One) => Some(Self::One),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => write!(f, "/{text}")?,
                Part::One => f.write_str("/{any}")?,
            }
        }
        if self.is_open {
            f.write_str("/{**}")?;
        }
        Ok(())
    }
}

/// The path, if a request can have it and none of it means something in a template.
fn plain_path(path: &str) -> Option<&str> {
    if path.contains(['*', '{', '}', '?']) {
        return None;
    }
    RequestPath::parse(path.as_bytes()).is_ok().then_some(path)
}
