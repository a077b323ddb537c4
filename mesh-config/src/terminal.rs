//! Standard output and standard error, with colour where a person looks at them.

use std::fmt;
use std::io::{self, Write};

use anstream::ColorChoice;
use anstyle::{AnsiColor, Color, Style};
use sallyport_mesh_config::finding::{Finding, Severity};

use crate::args::Colors;

/// What a word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Good news.
    Good,
    /// To be looked at.
    Warning,
    /// Bad news.
    Bad,
}

/// Says for the whole process whether codes for colour are written.
pub(crate) fn choose_color(colors: Colors) {
    let choice = match colors {
        Colors::Auto => ColorChoice::Auto,
        Colors::Always => ColorChoice::Always,
        Colors::Never => ColorChoice::Never,
    };
    choice.write_global();
}

/// A word in its tone. Codes for colour are dropped where they were not chosen.
pub(crate) fn toned(tone: Tone, word: &str) -> String {
    let color = match tone {
        Tone::Good => AnsiColor::Green,
        Tone::Warning => AnsiColor::Yellow,
        Tone::Bad => AnsiColor::Red,
    };
    let style = Style::new().bold().fg_color(Some(Color::Ansi(color)));
    format!("{style}{word}{style:#}")
}

/// `error[SP104]: spec.flows[0].to (line 17): ..`, with the severity in its tone.
pub(crate) fn labelled(finding: &Finding) -> String {
    let tone = match finding.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warning,
        Severity::Note => Tone::Good,
    };
    let label = format!("{}[{}]", finding.severity.as_str(), finding.code);
    format!("{}: {finding}", toned(tone, &label))
}

/// Writes a line to standard output.
pub(crate) fn line(text: impl fmt::Display) -> io::Result<()> {
    quiet_when_closed(writeln!(anstream::stdout(), "{text}"))
}

/// Writes text to standard output as it is, without colours and without another line end.
pub(crate) fn raw(text: &[u8]) -> io::Result<()> {
    let mut output = io::stdout();
    quiet_when_closed(output.write_all(text).and_then(|()| output.flush()))
}

/// Writes a line to standard error. There is nowhere to say that this failed.
pub(crate) fn complain(text: impl fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A reader that has seen enough, such as `head`, is no failure.
fn quiet_when_closed(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
