//! Programs that run as long as the mesh does.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::HarnessError;
use crate::mesh::error::MeshError;
use crate::mesh::program::Program;
use crate::mesh::until;

/// A program that runs in the background. It ends with the mesh, or when it is ended.
#[derive(Debug)]
pub(super) struct Daemon(Child);

impl Daemon {
    /// Starts a program; what it prints is appended to `<name>.log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(
        name: &str,
        logs: &Path,
        owner: Option<u32>,
        command: &mut Command,
    ) -> Result<Self, MeshError> {
        let log = log(&logs.join(format!("{name}.log")), owner)?;
        let errors = log
            .try_clone()
            .map_err(|cause| HarnessError::file(logs, cause))?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = command.spawn().map_err(|cause| MeshError::Start {
            program: name.to_owned(),
            cause,
        })?;
        Ok(Self(child))
    }

    /// Asks again and again until the answer is good, for as long as the program runs.
    ///
    /// # Errors
    /// When there is no good answer in time, or the program ends.
    pub(super) fn until<T, E: Display>(
        &mut self,
        what: &str,
        limit: Duration,
        mut ask: impl FnMut() -> Result<T, E>,
    ) -> Result<T, MeshError> {
        until(what, limit, || match (ask(), self.0.try_wait()) {
            (Ok(value), _) => Ok(Ok(value)),
            (Err(last), Ok(None)) => Err(last),
            (Err(last), Ok(Some(_)) | Err(_)) => Ok(Err(MeshError::Wrong(format!(
                "{what}: the program ended; {last}"
            )))),
        })?
    }

    /// Asks it to end, and waits until it has; ends it where it does not in time.
    ///
    /// # Errors
    /// When it had to be ended.
    pub(super) fn stop(mut self, limit: Duration) -> Result<(), MeshError> {
        let process = self.0.id().to_string();
        Program::new("kill", ["-TERM", process.as_str()]).run()?;
        let stopped = until("the end of a program", limit, || match self.0.try_wait() {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err("it still runs".to_owned()),
            Err(cause) => Err(cause.to_string()),
        });
        self.end();
        stopped
    }

    /// Ends it, and waits until it has.
    pub(super) fn end(mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Envoy opens its standard output again by name, so the file has to belong to its user.
fn log(path: &Path, owner: Option<u32>) -> Result<File, HarnessError> {
    let failed = |cause| HarnessError::file(path, cause);
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .append(true)
        .open(path)
        .map_err(failed)?;
    chown(path, owner, None).map_err(failed)?;
    Ok(file)
}
