//! Istio's text patterns, and answers that may stay open.

/// Whether something matches.
///
/// Ordered, so that `min` is *and* and `max` is *or*. What an ALLOW policy admits must be `Yes`; what
/// a DENY policy may refuse is everything but `No`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Match {
    /// It does not.
    No,
    /// It depends on something that is not known here.
    Maybe,
    /// It does.
    Yes,
}

/// A value of a policy: `abc`, `abc*`, `*abc` or `*`, which asks for presence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pattern {
    Any,
    Exact(String),
    Prefix(String),
    Suffix(String),
}

// === impl Match ===

impl Match {
    pub(super) const fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Match {
    fn from(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }
}

// === impl Pattern ===

impl Pattern {
    /// A star at the front counts before one at the end, as in Istio; any other star is itself.
    pub(super) fn parse(text: &str) -> Self {
        if text == "*" {
            Self::Any
        } else if let Some(rest) = text.strip_prefix('*') {
            Self::Suffix(rest.to_owned())
        } else if let Some(rest) = text.strip_suffix('*') {
            Self::Prefix(rest.to_owned())
        } else {
            Self::Exact(text.to_owned())
        }
    }

    pub(super) fn matches(&self, value: &str) -> bool {
        match self {
            Self::Any => !value.is_empty(),
            Self::Exact(text) => value == text,
            Self::Prefix(text) => value.starts_with(text.as_str()),
            Self::Suffix(text) => value.ends_with(text.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_four_forms() {
        for (text, matching, other) in [
            ("abc", &["abc"][..], &["abcd", "xabc", ""][..]),
            ("abc*", &["abc", "abcd"], &["xabc", "ab"]),
            ("*abc", &["abc", "xabc"], &["abcd", "bc"]),
            ("*", &["a"], &[""]),
            ("a*c", &["a*c"], &["abc"]),
            ("*a*", &["a*", "xa*"], &["xay"]),
        ] {
            let pattern = Pattern::parse(text);
            assert!(
                matching.iter().all(|value| pattern.matches(value)),
                "{text}"
            );
            assert!(!other.iter().any(|value| pattern.matches(value)), "{text}");
        }
    }
}
