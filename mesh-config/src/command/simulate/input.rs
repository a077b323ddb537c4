//! A trace, line by line: bounded memory, and a progress bar where somebody looks.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use sallyport_engine::identity::SpiffeId;
use sallyport_simulation::trace::{Event, Reader};

use crate::command::failure::{Failure, LineFault};

/// A trace that is being read.
pub(super) struct Trace {
    path: PathBuf,
    input: Box<dyn BufRead>,
    reader: Reader,
    line: u64,
    buffer: Vec<u8>,
    progress: ProgressBar,
}

impl Trace {
    /// Opens a trace; `-` is standard input.
    pub(super) fn open(path: &Path, to: Option<SpiffeId>, port: u16) -> Result<Self, Failure> {
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
            reader: Reader::new(to, port),
            line: 0,
            buffer: Vec::new(),
            progress: progress(length),
        })
    }

    /// The next request; none at the end. Lines of white space are skipped.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            self.buffer.clear();
            self.line += 1;
            let mut limited = self.input.by_ref().take(LONGEST_LINE + 1);
            let read = limited
                .read_until(b'\n', &mut self.buffer)
                .map_err(Failure::unreadable(&self.path))?;
            if read == 0 {
                return Ok(None);
            }
            let read = u64::try_from(read).unwrap_or(u64::MAX);
            self.progress.inc(read);
            if read > LONGEST_LINE {
                return Err(self.fault(LineFault::TooLong));
            }
            let Ok(text) = std::str::from_utf8(&self.buffer) else {
                return Err(self.fault(LineFault::NotUtf8));
            };
            if !text.trim().is_empty() {
                let event = self.reader.read(text);
                return event
                    .map(Some)
                    .map_err(|cause| self.fault(LineFault::Invalid(cause)));
            }
        }
    }

    /// Takes the progress bar away.
    pub(super) fn close(self) {
        self.progress.finish_and_clear();
    }

    fn fault(&self, cause: LineFault) -> Failure {
        self.progress.finish_and_clear();
        Failure::Trace {
            path: self.path.clone(),
            line: self.line,
            cause,
        }
    }
}

/// Hidden for short traces, for those of unknown length, and where standard error is no terminal.
fn progress(length: u64) -> ProgressBar {
    if length < LONG_TRACE || !io::stderr().is_terminal() {
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
const LONG_TRACE: u64 = 4 << 20;
