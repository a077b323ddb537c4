//! `fmt`.

use std::fs;

use crate::support::*;

const UGLY: &str = "# why\nkey:   [ 'a' ]\nlist:\n- x: 1   # here\n";
const NEAT: &str = "# why\nkey: [\"a\"]\nlist:\n  - x: 1 # here\n";

#[test]
fn formats_files_in_place_and_checks_them() {
    let folder = folder();
    let file = folder.path().join("ugly.yaml");
    fs::write(&file, UGLY).unwrap();
    let run = |more: &[&str]| sallyport(&[&["fmt"], more].concat(), folder.path());
    let output = run(&["--check", "ugly.yaml", "policy.yaml"]);
    assert_eq!(code(&output), 1);
    assert_eq!(stdout(&output), "ugly.yaml: not formatted\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), UGLY);
    let output = run(&["ugly.yaml"]);
    assert_eq!(
        (code(&output), stdout(&output).as_str()),
        (0, "ugly.yaml: formatted\n")
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), NEAT);
    let output = run(&["--check", "ugly.yaml"]);
    assert_eq!((code(&output), stdout(&output).as_str()), (0, ""));
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 3, "nothing is left behind");
}

#[test]
fn formats_standard_input() {
    let folder = folder();
    let output = sallyport_with(&["fmt", "-"], folder.path(), UGLY);
    assert_eq!((code(&output), stdout(&output).as_str()), (0, NEAT));
}

#[test]
#[cfg(unix)]
fn keeps_links_and_permissions() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder();
    let file = folder.path().join("real.yaml");
    fs::write(&file, UGLY).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link.yaml");
    symlink(&file, &link).unwrap();
    assert_eq!(code(&sallyport(&["fmt", "link.yaml"], folder.path())), 0);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&file).unwrap(), NEAT);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o640
    );
}

#[test]
fn leaves_what_is_no_document() {
    let folder = folder();
    fs::write(folder.path().join("twice.yaml"), "a: 1\na: 2\n").unwrap();
    let output = sallyport(&["fmt", "--output", "json", "twice.yaml"], folder.path());
    assert_eq!(code(&output), 1);
    assert_eq!(error(&output)["code"], "not_formattable");
}
