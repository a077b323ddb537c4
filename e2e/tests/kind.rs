//! `scripts/e2e-kind` where there is no docker: it fails, says why, and never passes by doing nothing.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use sallyport_e2e::settings::project_root;

/// What the script needs before it knows that there is a docker.
const TOOLS: [&str; 7] = ["bash", "dirname", "sed", "uname", "tail", "env", "id"];

/// Runs the script with only these tools, and those that are in the folder already.
fn run(folder: &Path) -> io::Result<Output> {
    for tool in TOOLS {
        let places = ["/usr/bin", "/bin"].map(|place| Path::new(place).join(tool));
        let found = places.iter().find(|path| path.exists());
        symlink(found.ok_or(io::ErrorKind::NotFound)?, folder.join(tool))?;
    }
    Command::new(project_root().join("scripts/e2e-kind"))
        .env("PATH", folder)
        .output()
}

fn fails(output: &Output, said: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains(said), "{errors}");
    assert!(errors.contains("make e2e-istio"), "{errors}");
    assert!(output.stdout.is_empty());
}

#[test]
fn without_docker_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    fails(&run(folder.path()).unwrap(), "docker is missing");
}

#[test]
fn with_a_docker_that_does_not_answer_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let docker = folder.path().join("docker");
    fs::write(&docker, "#!/bin/sh\necho 'Cannot connect' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    let output = run(folder.path()).unwrap();
    fails(&output, "docker does not answer");
    fails(&output, "Cannot connect");
}
