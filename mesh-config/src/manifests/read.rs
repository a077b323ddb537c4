//! Which files there are, and their text.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::bounded;
use crate::finding::{Code, Finding};

/// A file to read.
pub(super) struct Source {
    pub(super) file: PathBuf,
    /// Whether it was named, and not found in a folder.
    pub(super) named: bool,
}

/// The files of the named paths. What is wrong with a path goes to `findings`.
pub(super) fn sources(paths: &[PathBuf], findings: &mut Vec<Finding>) -> Vec<Source> {
    let mut found = Vec::new();
    for path in paths {
        let result = if path.is_dir() {
            folder(path, 0, &mut found)
        } else {
            found.push(Source {
                file: path.clone(),
                named: true,
            });
            Ok(())
        };
        findings.extend(result.err());
    }
    found
}

fn folder(path: &Path, depth: usize, found: &mut Vec<Source>) -> Result<(), Finding> {
    let failed = |text: String| {
        Finding::new(Code::Unreadable, "", text).in_file(path.display().to_string(), None)
    };
    if depth > MAXIMUM_FOLDERS {
        return Err(failed("is too deep a folder".to_owned()));
    }
    let unreadable = |error: io::Error| failed(format!("cannot be read: {error}"));
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    // The order of a folder is the file system's own, and results must not depend on it.
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if entry.is_dir() {
            // Such links could lead round in circles.
            if entry.is_symlink() {
                let text = "is a link to a folder, which is not followed";
                return Err(Finding::new(Code::Unreadable, "", text)
                    .with_hint("name that folder itself")
                    .in_file(entry.display().to_string(), None));
            }
            folder(&entry, depth.saturating_add(1), found)?;
        } else if SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
            // Reading a pipe or a device may never end.
            if !entry.is_file() {
                let text = "is no file";
                return Err(Finding::new(Code::Unreadable, "", text)
                    .with_hint("remove it, or name what it stands for")
                    .in_file(entry.display().to_string(), None));
            }
            if found.len() >= MAXIMUM_FILES {
                return Err(failed(format!("has more than {MAXIMUM_FILES} files")));
            }
            found.push(Source {
                file: entry,
                named: false,
            });
        }
    }
    Ok(())
}

/// The text of a file, or of standard input.
pub(super) fn text(source: &Source) -> Result<String, Finding> {
    let result = if source.named {
        bounded::file(&source.file, MAXIMUM_MEBIBYTES)
    } else {
        // `-` in a folder is a file of that name.
        File::open(&source.file).and_then(|file| bounded::text(file, MAXIMUM_MEBIBYTES))
    };
    result.map_err(|error| Finding::new(Code::Unreadable, "", format!("cannot be read: {error}")))
}

const SUFFIXES: [&str; 3] = [".yaml", ".yml", ".json"];
/// All objects of a large cluster.
pub(super) const MAXIMUM_MEBIBYTES: u32 = 32;
const MAXIMUM_FILES: usize = 10_000;
const MAXIMUM_FOLDERS: usize = 32;
