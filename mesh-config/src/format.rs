//! The canonical layout of policy files and of the files beside them.
//!
//! A formatter works on the syntax tree with all comments, so nothing has to be written anew from
//! values. Whatever it does, the result is used only if it says the same: the document and the
//! comments are compared, and on any doubt the file stays as it is.

use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions, ProseWrap, Quotes};

use crate::finding::Finding;
use crate::yaml;

/// Why a text is not formatted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unformattable {
    /// It is no document that may be used.
    #[error("{}", .0.message)]
    Invalid(Box<Finding>),
    /// The formatter cannot read what the reader of policies can.
    #[error("the formatter cannot read it")]
    Unread,
    /// The result would say something else.
    #[error("formatting would change what it says, or lose a comment")]
    Changed,
    /// Formatting the result again gives another one.
    #[error("formatting does not come to an end")]
    Restless,
}

/// Formats a document of YAML or JSON.
///
/// # Errors
/// When it is no such document, or cannot be formatted without a doubt.
pub fn format(text: &str) -> Result<String, Unformattable> {
    let before = parse(text)?;
    let mut formatted = layout(text)?;
    for _ in 0..ROUNDS {
        let again = layout(&formatted)?;
        if again == formatted {
            let after = parse(&formatted)?;
            let same = before == after && comments(text) == comments(&formatted);
            return if same {
                Ok(formatted)
            } else {
                Err(Unformattable::Changed)
            };
        }
        formatted = again;
    }
    Err(Unformattable::Restless)
}

fn parse(text: &str) -> Result<serde_json::Value, Unformattable> {
    let document = yaml::parse(text);
    document
        .map(|document| document.value)
        .map_err(|finding| Unformattable::Invalid(Box::new(finding)))
}

fn layout(text: &str) -> Result<String, Unformattable> {
    let options = FormatOptions {
        layout: LayoutOptions {
            print_width: 100,
            indent_width: 2,
            ..LayoutOptions::default()
        },
        language: LanguageOptions {
            quotes: Quotes::PreferDouble,
            trailing_comma: false,
            brace_spacing: false,
            bracket_spacing: false,
            prose_wrap: ProseWrap::Preserve,
            // A comment must not switch the formatter off for what follows it.
            ignore_comment_directive: String::from("\u{0}"),
            ..LanguageOptions::default()
        },
    };
    pretty_yaml::format_text(text, &options).map_err(|_| Unformattable::Unread)
}

/// What stands behind each `#` that may begin a comment, without quotes and spaces, which a change of
/// layout may touch. A `#` within a text counts too: it must stay as well.
fn comments(text: &str) -> Vec<String> {
    let plain = |part: &str| -> String {
        part.chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\'))
            .collect()
    };
    let mut found: Vec<String> = text
        .lines()
        .filter_map(|line| {
            let start = line.char_indices().rev().find(|(at, character)| {
                let before = line.get(..*at).unwrap_or_default();
                *character == '#' && (before.is_empty() || before.ends_with([' ', '\t']))
            });
            line.get(start?.0..).map(plain)
        })
        .collect();
    found.sort();
    found
}

/// After the second one nothing has been seen to change.
const ROUNDS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_comments_and_meaning() {
        let text = "# first\nkey:   [ 'a',  b ]   # why\nlist:\n- x: 1\n  # inside\n  y: {a: b}\n";
        let expected =
            "# first\nkey: [\"a\", b] # why\nlist:\n  - x: 1\n    # inside\n    y: {a: b}\n";
        assert_eq!(format(text).as_deref(), Ok(expected));
    }

    #[test]
    fn is_the_same_the_second_time() {
        for text in [
            include_str!("../tests/data/policy.yaml"),
            include_str!("../tests/data/policy-tests.yaml"),
            include_str!("../../examples/istio/ai-pipeline/policy.yaml"),
            "a: |\n  -----BEGIN X-----\n  abc # no comment\nb: >-\n  folded\n  text\n",
            "{\"json\": [1, 2, {\"a\": null}]}\n",
        ] {
            let once = format(text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(format(&once).as_ref(), Ok(&once), "{text}");
            assert_eq!(parse(text), parse(&once));
            assert_eq!(
                text.matches('#').count(),
                once.matches('#').count(),
                "{once}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_document() {
        for text in [
            "a: 1\na: 2\n",
            "a: [",
            "a: 1\n---\nb: 2\n",
            "a: &x {}\nb: {<<: *x}\n",
        ] {
            assert!(
                matches!(format(text), Err(Unformattable::Invalid(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn no_comment_switches_it_off() {
        let text = "# pretty-yaml-ignore\na:    1\n";
        assert_eq!(format(text).as_deref(), Ok("# pretty-yaml-ignore\na: 1\n"));
    }
}
