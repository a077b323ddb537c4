//! Changing a shared value that other workers may change at the same time.

use super::{Host, HostError};

/// What becomes of a shared value.
pub(crate) enum Update<T> {
    /// It stays as it is.
    Keep(T),
    /// It becomes these bytes.
    Write(Vec<u8>, T),
}

/// Changes a shared value. `change` is given what stands there, and asked again where another worker
/// was faster. None if that was so each time.
///
/// # Errors
/// When the host fails.
pub(crate) fn update<T>(
    host: &impl Host,
    key: &str,
    mut change: impl FnMut(Option<&[u8]>) -> Update<T>,
) -> Result<Option<T>, HostError> {
    for _ in 0..TRIES {
        let seen = host.shared(key)?;
        match change(seen.as_ref().map(|seen| seen.bytes.as_slice())) {
            Update::Keep(value) => return Ok(Some(value)),
            Update::Write(bytes, value) => {
                if host.swap_shared(key, &bytes, seen.map(|seen| seen.version))? {
                    return Ok(Some(value));
                }
            }
        }
    }
    Ok(None)
}

const TRIES: u8 = 8;
