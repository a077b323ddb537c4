//! The commands of guides, in their order, in one shell that begins at the root of the repository:
//! what they need, they make themselves.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::commands::commands;
use crate::support::*;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// What a line begins with that is a command to be run.
const WORDS: [&str; 6] = ["sallyport ", "cp ", "cd ", "sed ", "printf ", "DIGEST="];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy of those parts of the repository that guides read.
fn repository() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["examples/istio", "mesh-config/tests/data/artifacts"] {
        copy(&Path::new(ROOT).join(part), &folder.path().join(part));
    }
    folder
}

/// Runs the commands of a guide.
fn works(guide: &str, least: usize) {
    work(
        guide,
        &fs::read_to_string(Path::new(ROOT).join(guide)).unwrap(),
        least,
    );
}

fn work(guide: &str, text: &str, least: usize) {
    let commands = commands(text, &WORDS);
    assert!(
        commands.len() >= least,
        "{guide}: {} commands",
        commands.len()
    );
    // One shell: folders and variables of a command are there for the next ones.
    let mut script = String::new();
    for (number, (command, expected)) in commands.iter().enumerate() {
        let check = format!("[ $? -eq {expected} ] || {{ echo 'failed: {number}'; exit 9; }}");
        script.push_str(&format!("{command}\n{check}\n"));
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_sallyport")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let folder = repository();
    let output = Command::new("sh")
        .args(["-c", &script])
        .env("PATH", &path)
        .env("TMPDIR", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = stdout(&output) + &stderr(&output);
    let failed = said.split_once("failed: ").map(|(_, rest)| {
        let number: usize = rest.lines().next().unwrap().parse().unwrap();
        &commands[number]
    });
    assert_eq!(code(&output), 0, "{guide}: {failed:?}\n{said}");
}

#[test]
fn each_command_of_the_provenance_guide_works() {
    works("docs/provenance.md", 18);
}

#[test]
fn the_quarantine_of_the_provenance_guide_is_one() {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/provenance.md")).unwrap();
    let (_, block) = text.split_once("```yaml\n  signals:\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let folder = folder();
    let policy = format!("{POLICY}  signals:\n{block}");
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let output = sallyport(&["check", "policy.yaml"], folder.path());
    assert_eq!(code(&output), 0, "{}", stdout(&output));
}

#[test]
fn each_command_of_the_grant_guide_works() {
    works("docs/grants.md", 7);
}

#[test]
fn each_command_of_the_bundle_guide_works() {
    works("docs/bundles.md", 16);
}

#[test]
fn each_command_of_the_key_guide_works() {
    works("docs/key-handling.md", 8);
}

/// Those behind need proxies.
#[test]
fn each_command_of_the_readme_works_up_to_running_proxies() {
    let text = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let (text, _) = text.split_once("# While it runs").unwrap();
    work("README.md", text, 12);
}
