//! The files of an authority's directory.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use zeroize::Zeroizing;

use super::IssueError;
use crate::pem;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Its owner only (mode 0600).
    Owner,
    /// Whoever may read the directory.
    Everyone,
}

/// Writes a new file. One that exists stays as it is: overwriting a key cannot be undone.
pub(super) fn write(
    directory: &Path,
    name: &str,
    text: &str,
    access: Access,
) -> Result<(), IssueError> {
    let path = directory.join(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if access == Access::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = access;
    fs::create_dir_all(directory)
        .and_then(|()| options.open(&path))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| IssueError::Unwritable { path, source })
}

/// The text of a file. Wiped when dropped, as it may be a key.
pub(super) fn read(directory: &Path, name: &str) -> Result<Zeroizing<String>, IssueError> {
    let path = directory.join(name);
    fs::read_to_string(&path)
        .map(Zeroizing::new)
        .map_err(|source| IssueError::Unreadable { path, source })
}

/// The bytes of a PEM file with this label. Wiped when dropped, as they may be a key.
pub(super) fn read_pem(
    directory: &Path,
    name: &str,
    label: &'static str,
) -> Result<Zeroizing<Vec<u8>>, IssueError> {
    let text = read(directory, name)?;
    pem::decode_material(&text, label)
        .map(Zeroizing::new)
        .map_err(|cause| IssueError::Pem {
            path: directory.join(name),
            cause,
        })
}
