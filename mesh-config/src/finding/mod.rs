//! One thing to say about a policy, or a file beside it: where, what, and what to do about it.

mod code;
mod engine;

use std::fmt::{self, Write};

use sallyport_engine::text::is_control;
use serde::Serialize;

pub use code::{Code, CodeRow, Severity};

/// An error, a warning or a note about a place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of finding it is.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// The file, where it is another one than the file that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where: a path such as `spec.flows[2].operations[0].paths[1]`; empty for the whole file.
    pub path: String,
    /// The line of that place, counted from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is the matter.
    pub message: String,
    /// What to do, where the message does not say it already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    /// A finding of the code's severity, without a line.
    pub fn new(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.row().severity,
            file: None,
            path: path.into(),
            line: None,
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says where it is: in another file than the one that was asked about.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>, line: Option<u64>) -> Self {
        self.file = Some(file.into());
        self.line = line;
        self
    }
}

/// Text for a terminal. Input may be quoted in it, so characters that control a terminal, or turn
/// the direction of writing, are escaped: `\u{1b}`.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if is_control(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// `spec.flows[2].to (line 40): there is no segment ...`, and the hint on a line of its own.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) if self.path.is_empty() => write!(f, "{}", Printable(file))?,
            Some(file) => write!(f, "{}: {}", Printable(file), Printable(&self.path))?,
            None if self.path.is_empty() => f.write_str("the file")?,
            None => write!(f, "{}", Printable(&self.path))?,
        }
        if let Some(line) = self.line {
            write!(f, " (line {line})")?;
        }
        write!(f, ": {}", Printable(&self.message))?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {}", Printable(hint)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_controls_a_terminal() {
        let cases = [
            ("caf\u{e9} `x`", "caf\u{e9} `x`"),
            ("\u{1b}[2Jx", "\\u{1b}[2Jx"),
            ("a\nok\u{7f}", "a\\nok\\u{7f}"),
            ("\u{9b}1m", "\\u{9b}1m"),
            ("\u{202e}ko", "\\u{202e}ko"),
            ("\u{200f}\u{2028}", "\\u{200f}\\u{2028}"),
        ];
        for (text, shown) in cases {
            assert_eq!(Printable(text).to_string(), shown);
        }
        let finding =
            Finding::new(Code::Syntax, "spec.\u{1b}", "\u{1b}[31m").with_hint("\u{1b}]0;x");
        let shown = finding.to_string();
        assert_eq!(shown, "spec.\\u{1b}: \\u{1b}[31m\n  hint: \\u{1b}]0;x");
    }
}
