//! Waiting for what comes by itself.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

use crate::mesh::error::MeshError;

/// Asks again and again, until the answer is good.
///
/// # Errors
/// The last bad answer, when there is no good one in time.
pub(crate) fn until<T, E: Display>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> Result<T, E>,
) -> Result<T, MeshError> {
    let start = Instant::now();
    loop {
        match ask() {
            Ok(value) => return Ok(value),
            Err(last) if start.elapsed() >= limit => {
                return Err(MeshError::Late {
                    what: what.to_owned(),
                    limit,
                    last: last.to_string(),
                });
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

const PAUSE: Duration = Duration::from_millis(100);
