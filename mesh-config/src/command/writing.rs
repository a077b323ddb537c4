//! Files that a command writes.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use tempfile::Builder;

use super::failure::Failure;

/// Writes a file. One that exists stays, unless it is forced.
pub(super) fn write(path: &Path, bytes: &[u8], is_forced: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if is_forced {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let result = options
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    result.map_err(|cause| {
        if cause.kind() == io::ErrorKind::AlreadyExists {
            Failure::Exists(path.to_owned())
        } else {
            Failure::Unwritable {
                path: path.to_owned(),
                cause,
            }
        }
    })
}

/// Writes a file, or replaces it as a whole: it is the old one or the new one at any time.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let write = || {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        };
        let mut builder = Builder::new();
        #[cfg(unix)]
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        #[cfg(unix)]
        builder.permissions(readable);
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(Failure::unwritable(path))
}
