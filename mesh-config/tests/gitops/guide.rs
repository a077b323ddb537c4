//! The commands of the guide, in their order, by somebody who works on the policy.

use std::fs;

use crate::commands::commands;
use crate::place::{EXAMPLE, Place};

#[test]
fn each_command_of_the_guide_works() {
    let place = Place::new();
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/gitops.md");
    let commands = commands(
        &fs::read_to_string(guide).unwrap(),
        &["make ", "git ", "sed ", "sallyport "],
    );
    assert!(commands.len() >= 20, "{} commands", commands.len());
    // As it is before the first command, which makes it.
    place.origin("update-ref -d refs/heads/deploy");
    for (command, expected) in commands {
        let ran = place.shell(&place.work(), &command, &[]);
        assert_eq!(ran.code, expected, "{command}: {}", ran.said);
    }
    let glass = fs::read_to_string(place.work().join("build/glass.yaml")).unwrap();
    assert!(glass.contains("incident 4711"), "{glass}");
}

#[test]
fn the_example_itself_is_right() {
    let place = Place::new();
    place.ok(&place.work(), "make check test");
    // Its own authority is one, though nobody has its keys.
    let inspect = format!("sallyport cred inspect {EXAMPLE}/trust/release.json");
    place.ok(&place.work(), &inspect);
    let listed = place.ok(&place.work(), "make");
    assert!(
        listed.contains("  rollback   go back to version TO"),
        "{listed}"
    );
}
