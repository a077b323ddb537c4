//! Ending the Envoys of a program when it is ended itself.

use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use crate::HarnessError;
use crate::envoy::Processes;

/// Ends all processes, then this program, on ctrl-C and on a request to terminate.
///
/// # Errors
/// When the system does not let signals be waited for.
pub fn end_on_signal(processes: Processes) -> Result<(), HarnessError> {
    let failed = |cause| HarnessError::Io {
        what: "waiting for signals",
        cause,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(failed)?;
    let guard = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    drop(guard);
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        processes.end_all();
        std::process::exit(INTERRUPTED);
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)
        .map_err(failed)?;
    Ok(())
}

/// What shells report of a program that ctrl-C ended.
const INTERRUPTED: i32 = 130;
