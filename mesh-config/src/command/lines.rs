//! A file, line by line: bounded memory, and a progress bar where somebody looks.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::failure::{Failure, LineFault};

/// A file that is being read.
pub(super) struct Lines {
    path: PathBuf,
    input: Box<dyn BufRead>,
    number: u64,
    buffer: Vec<u8>,
    progress: ProgressBar,
}

impl Lines {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let (input, length): (Box<dyn BufRead>, u64) = if path == Path::new("-") {
            (Box::new(io::stdin().lock()), 0)
        } else {
            let file = File::open(path).map_err(Failure::unreadable(path))?;
            let metadata = file.metadata().map_err(Failure::unreadable(path))?;
            (Box::new(BufReader::new(file)), metadata.len())
        };
        Ok(Self {
            path: path.to_owned(),
            input,
            number: 0,
            buffer: Vec::new(),
            progress: progress(length),
        })
    }

    /// The next line, or why it cannot be used; none at the end. The rest of a line that is too long
    /// is skipped.
    pub(super) fn next(&mut self) -> Result<Option<Result<&str, LineFault>>, Failure> {
        self.buffer.clear();
        self.number = self.number.saturating_add(1);
        let read = self.read_up_to(LONGEST_LINE.saturating_add(1))?;
        if read == 0 {
            return Ok(None);
        }
        if read > LONGEST_LINE {
            while !self.buffer.ends_with(b"\n") {
                self.buffer.clear();
                if self.read_up_to(LONGEST_LINE)? == 0 {
                    break;
                }
            }
            return Ok(Some(Err(LineFault::TooLong)));
        }
        let text = std::str::from_utf8(&self.buffer);
        Ok(Some(text.map_err(|_| LineFault::NotUtf8)))
    }

    fn read_up_to(&mut self, limit: u64) -> Result<u64, Failure> {
        let mut limited = self.input.by_ref().take(limit);
        let read = limited
            .read_until(b'\n', &mut self.buffer)
            .map_err(Failure::unreadable(&self.path))?;
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        self.progress.inc(read);
        Ok(read)
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the last line, counted from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Takes the progress bar away.
    pub(super) fn close(&self) {
        self.progress.finish_and_clear();
    }
}

/// Hidden for short files, for those of unknown length, and where standard error is no terminal.
fn progress(length: u64) -> ProgressBar {
    if length < LONG_FILE || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}, {eta} left") {
        bar.set_style(style);
    }
    bar
}

/// In bytes.
const LONGEST_LINE: u64 = 65_536;
const LONG_FILE: u64 = 4 << 20;
