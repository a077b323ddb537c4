//! A folder with one file for each resource.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sallyport_mesh_config::finding::Printable;
use tempfile::Builder;

use crate::command::failure::Failure;
use crate::terminal;

/// Writes the files, makes the folder if there is none, and names YAML files there that are of
/// another rendering: nothing is deleted that this call did not write.
pub(super) fn write(folder: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::NoFolder(folder.to_owned()));
    }
    fs::create_dir_all(folder).map_err(Failure::unwritable(folder))?;
    for (name, text) in files {
        let path = folder.join(name);
        replace(folder, &path, text).map_err(Failure::unwritable(&path))?;
    }
    let written: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let mut others: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder).map_err(Failure::unreadable(folder))? {
        let entry = entry.map_err(Failure::unreadable(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".yaml") && !written.contains(name.as_str()) {
            others.push(name);
        }
    }
    others.sort();
    for name in others {
        let name = Printable(&name);
        terminal::complain(format_args!(
            "warning: `{name}` in that folder is not of this rendering: delete what it once rendered from the cluster, and the file"
        ));
    }
    Ok(())
}

/// Puts a whole file in the place of whatever has that name: where that is a link, what it leads to
/// is none of ours.
fn replace(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    // What the umask leaves of it, as for any new file.
    let permissions = Permissions::from_mode(0o666);
    let mut file = Builder::new()
        .permissions(permissions)
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
