//! A set of files that appears as a whole, or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::failure::Failure;

/// A folder inside the target folder, where files wait until all of them are written. It is
/// removed when dropped, so that no key stays behind after a failure.
pub(super) struct Staging {
    target: PathBuf,
    folder: PathBuf,
}

impl Staging {
    /// Makes the target folder, if need be, and the waiting room in it.
    pub(super) fn new(target: &Path) -> Result<Self, Failure> {
        make_folder(target, true)?;
        let folder = target.join(format!(".sallyport-{}", std::process::id()));
        make_folder(&folder, false)?;
        Ok(Self {
            target: target.to_owned(),
            folder,
        })
    }

    /// Where to write the files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file that only its owner may read.
    pub(super) fn write_secret(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.write(name, bytes, 0o600)
    }

    /// Writes a file for everyone.
    pub(super) fn write_public(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.write(name, bytes, 0o644)
    }

    /// Moves the files to the target folder, and gives their names.
    pub(super) fn publish(self, force: bool) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(Failure::unreadable(&self.folder))? {
            let entry = entry.map_err(Failure::unreadable(&self.folder))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        for name in &names {
            let path = self.target.join(name);
            if !force && path.symlink_metadata().is_ok() {
                return Err(Failure::Exists(path));
            }
        }
        for name in &names {
            let path = self.target.join(name);
            fs::rename(self.folder.join(name), &path).map_err(Failure::unwritable(&path))?;
        }
        Ok(names)
    }

    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        options
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, bytes))
            .map_err(Failure::unwritable(&path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed is readable by its owner only.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Makes a folder that only its owner may enter. One that exists keeps its rights.
fn make_folder(path: &Path, may_exist: bool) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(may_exist);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(Failure::unwritable(path))
}
