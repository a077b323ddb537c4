//! What the command tells its caller by its exit code.

use std::process::ExitCode;

/// The exit codes of `sallyport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Ok,
    /// A check found something, or an input is invalid.
    Findings,
    /// `explain`: the request is denied.
    Denied,
    /// Wrong usage, or a file that cannot be read or written.
    Failure,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Ok => Self::from(0),
            Exit::Findings => Self::from(1),
            Exit::Denied => Self::from(2),
            Exit::Failure => Self::from(3),
        }
    }
}
