//! A trace, line by line.

use std::path::Path;

use sallyport_engine::identity::SpiffeId;
use sallyport_simulation::trace::{Event, Reader};

use crate::command::failure::{Failure, LineFault};
use crate::command::lines::Lines;

/// A trace that is being read.
pub(super) struct Trace {
    lines: Lines,
    reader: Reader,
}

impl Trace {
    /// Opens a trace; `-` is standard input.
    pub(super) fn open(path: &Path, to: Option<SpiffeId>, port: u16) -> Result<Self, Failure> {
        Ok(Self {
            lines: Lines::open(path)?,
            reader: Reader::new(to, port),
        })
    }

    /// The next request; none at the end. Lines of white space are skipped.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            let event = match self.lines.next()? {
                None => return Ok(None),
                Some(Ok(text)) if text.trim().is_empty() => continue,
                Some(Ok(text)) => self.reader.read(text).map_err(LineFault::Invalid),
                Some(Err(fault)) => Err(fault),
            };
            return event.map(Some).map_err(|cause| self.fault(cause));
        }
    }

    /// Takes the progress bar away.
    pub(super) fn close(self) {
        self.lines.close();
    }

    fn fault(&self, cause: LineFault) -> Failure {
        self.lines.close();
        Failure::Trace {
            path: self.lines.path().to_owned(),
            line: self.lines.number(),
            cause,
        }
    }
}
