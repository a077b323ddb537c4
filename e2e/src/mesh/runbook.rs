//! Commands in a document, with what they print.
//!
//! In a block that begins with ` ```console `, a line `$ command` is run by bash; lines that begin with
//! `> ` go on with it. `? 1` says how it ends, if not with 0; the lines after it are what it prints, to
//! either output. `[..]` stands for anything within a line, and `...` for any lines. The form is that
//! of the crate trycmd, which runs no shell.

use std::fmt::Write;

/// A command with what should come of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Step {
    /// Its line in the document, from 1.
    pub(super) line: usize,
    /// What bash is given.
    pub(super) command: String,
    /// How it ends.
    pub(super) code: i32,
    /// What it prints.
    pub(super) expected: Vec<String>,
}

/// The commands of a document, in their order.
pub(super) fn steps(document: &str) -> Vec<Step> {
    let (mut steps, mut inside) = (Vec::<Step>::new(), false);
    for (line, text) in (1..).zip(document.lines()) {
        if text.starts_with("```") {
            inside = text == "```console";
            continue;
        }
        if !inside {
            continue;
        }
        if let Some(command) = text.strip_prefix("$ ") {
            steps.push(Step {
                line,
                command: command.to_owned(),
                ..Step::default()
            });
            continue;
        }
        let Some(step) = steps.last_mut() else {
            continue;
        };
        let is_first = step.expected.is_empty();
        match (text.strip_prefix("> "), text.strip_prefix("? ")) {
            (Some(more), _) if is_first => {
                let _ = write!(step.command, "\n{more}");
            }
            (_, Some(code)) if is_first => step.code = code.parse().unwrap_or(-1),
            (_, _) => step.expected.push(text.to_owned()),
        }
    }
    steps
}

impl Step {
    /// What differs from what is expected; none when nothing does.
    pub(super) fn difference(&self, code: Option<i32>, output: &str) -> Option<String> {
        let lines: Vec<&str> = output.trim_end().lines().collect();
        let expected: Vec<&str> = self.expected.iter().map(String::as_str).collect();
        if code == Some(self.code) && all_fit(&expected, &lines) {
            return None;
        }
        Some(format!(
            "line {}: `{}` ended with {code:?}, not {}, or did not print\n{}\nbut\n{}",
            self.line,
            self.command,
            self.code,
            self.expected.join("\n"),
            output.trim_end()
        ))
    }
}

fn all_fit(expected: &[&str], lines: &[&str]) -> bool {
    match (expected, lines) {
        ([], []) => true,
        (["...", rest @ ..], _) => {
            (0..=lines.len()).any(|skipped| all_fit(rest, lines.get(skipped..).unwrap_or_default()))
        }
        ([first, rest @ ..], [line, others @ ..]) => fits(first, line) && all_fit(rest, others),
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}

fn fits(pattern: &str, line: &str) -> bool {
    match pattern.split_once("[..]") {
        None => pattern.trim_end() == line.trim_end(),
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|line| {
            let mut ends = line.char_indices().map(|(place, _)| place);
            ends.any(|place| fits(rest, line.get(place..).unwrap_or_default())) || fits(rest, "")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
text
```console
$ one \\
> two
? 3
first
...
last [..] line
$ three
```
```sh
$ not run
```
";

    #[test]
    fn commands_are_read_with_what_they_print() {
        let found = steps(DOCUMENT);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].line, found[0].code), (3, 3));
        assert_eq!(found[0].command, "one \\\ntwo");
        assert_eq!(found[0].expected, ["first", "...", "last [..] line"]);
        assert_eq!((found[1].command.as_str(), found[1].code), ("three", 0));
    }

    #[test]
    fn what_is_printed_is_compared_line_by_line() {
        let step = &steps(DOCUMENT)[0];
        for (code, output, fits) in [
            (Some(3), "first\nlast 1 line\n", true),
            (Some(3), "first\na\nb\nlast 1 2 line", true),
            (Some(3), "first\nlast 1 line\nmore", false),
            (Some(3), "last 1 line", false),
            (Some(3), "first\nlast line", false),
            (Some(0), "first\nlast 1 line\n", false),
            (None, "first\nlast 1 line\n", false),
        ] {
            assert_eq!(step.difference(code, output).is_none(), fits, "{output}");
        }
    }
}
