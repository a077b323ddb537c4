//! The commands of guides, in their order, in a folder as the guide says.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::commands::commands;
use crate::support::*;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/istio/");

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

fn works(guide: &str, least: usize) {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(EXAMPLES).join("quickstart"), folder.path());
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let policy = fs::read_to_string(folder.path().join("policy.yaml")).unwrap();
    let wider = policy.replace("methods: [POST]", "methods: [POST, DELETE]");
    assert_ne!(wider, policy);
    write("step-2.yaml", wider.as_bytes());
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/artifacts");
    for name in ["bom.cdx.json", "embedder.spdx.json", "server.intoto.json"] {
        write(name, &fs::read(Path::new(data).join(name)).unwrap());
    }
    write("sallyport.wasm", b"\0asm\x01\0\0\0");
    let bill = r#"{"bomFormat":"CycloneDX","components":[{"name":"serde"}]}"#;
    write("sallyport.cdx.json", bill.as_bytes());
    work(folder.path(), guide, least);
}

/// Runs the commands of a guide in a folder with what it needs.
fn work(folder: &Path, guide: &str, least: usize) {
    let binary = Path::new(env!("CARGO_BIN_EXE_sallyport")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/").to_owned() + guide;
    let commands = commands(&fs::read_to_string(&guide).unwrap(), &["sallyport "]);
    assert!(
        commands.len() >= least,
        "{guide}: {} commands",
        commands.len()
    );
    for (command, expected) in commands {
        let output = Command::new("sh")
            .args(["-c", &command])
            .env("PATH", &path)
            .current_dir(folder)
            .output()
            .unwrap();
        let said = stderr(&output) + &stdout(&output);
        assert_eq!(code(&output), expected, "{guide}: {command}\n{said}");
    }
}

#[test]
fn each_command_of_the_provenance_guide_works() {
    works("provenance.md", 15);
}

#[test]
fn each_command_of_the_grant_guide_works() {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(EXAMPLES).join("jit-grant"), folder.path());
    let policy = fs::read_to_string(folder.path().join("policy.yaml")).unwrap();
    let (before, _) = policy.split_once("\n  grants:\n").unwrap();
    fs::write(folder.path().join("before.yaml"), before).unwrap();
    work(folder.path(), "grants.md", 5);
}

#[test]
fn each_command_of_the_bundle_guide_works() {
    works("bundles.md", 14);
}

#[test]
fn each_command_of_the_key_guide_works() {
    works("key-handling.md", 7);
}
