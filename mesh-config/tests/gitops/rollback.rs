//! Back to what ran before.

use std::path::Path;

use crate::place::{Place, Ran, edit};

fn rollback(place: &Place, version: &str, reason: &str) -> Ran {
    rollback_with(place, version, reason, "")
}

fn rollback_with(place: &Place, version: &str, reason: &str, accept_losses: &str) -> Ran {
    let inputs = [
        ("inputs.version", version),
        ("inputs.reason", reason),
        ("inputs.accept_losses", accept_losses),
    ];
    place.run_workflow("rollback.yaml", "main", &inputs)
}

/// A second version, in which the web may not make orders.
fn refusing() -> Place {
    let place = Place::released();
    place.propose(|folder| {
        edit(
            folder,
            "policy/policy.yaml",
            "methods: [POST]",
            "methods: [PUT]",
        );
        edit(
            folder,
            "policy/policy-tests.yaml",
            "method: POST",
            "method: PUT",
        );
        place.bring_deploy();
        place.ok(folder, "make statement");
    });
    place.merge().is_fine();
    place
}

#[test]
fn a_rollback_gives_the_cluster_the_same_bytes_as_before() {
    let place = Place::released();
    let good = place.origin("rev-parse deploy:rendered");
    drop(place);
    let place = refusing();
    let rendered = || place.origin("rev-parse deploy:rendered");
    let first = place.origin("rev-parse deploy~1:rendered");
    assert_eq!(first, good, "wherever it is rendered");
    assert_ne!(rendered(), good);
    rollback(&place, "1", "orders refuses its callers").is_fine();
    assert_eq!(rendered(), good);
    let history = place.origin("show deploy:history.json");
    assert!(
        history.contains("\"reason\": \"orders refuses its callers\""),
        "{history}"
    );
    assert!(history.contains("\"by\": \"somebody\""), "{history}");
    place.run_workflow("watch.yaml", "main", &[]).is_fine();

    // What was left does not come back by itself, as long as it is still what `main` says.
    let now = place.origin("rev-parse deploy");
    place
        .release()
        .is_stopped_by("this is version 2, which was rolled back");
    assert_eq!(place.origin("rev-parse deploy"), now);
    // Once it is reverted there, there is nothing to do.
    place.propose(|folder| {
        place.ok(
            folder,
            "git checkout --quiet origin/main~1 -- policy && git rm --quiet widening.txt",
        );
    });
    place.merge().is_fine();
    assert_eq!(place.origin("rev-parse deploy"), now);
    // The next one is newer than all before.
    place.propose(|folder| {
        edit(folder, "policy/policy.yaml", ", \"/v1/orders/{order}\"", "");
        edit(
            folder,
            "policy/policy-tests.yaml",
            "[/v1/orders, /v1/orders/7]",
            "[/v1/orders]",
        );
    });
    place.merge().is_fine();
    assert!(
        place
            .origin("show deploy:history.json")
            .contains("\"version\": 3")
    );
}

#[test]
fn a_release_that_is_under_way_does_not_come_after_a_rollback() {
    let place = refusing();
    place.propose(|folder| edit(folder, "policy/policy.yaml", ", \"/v1/orders/{order}\"", ""));
    place.amend(|folder| {
        edit(
            folder,
            "policy/policy-tests.yaml",
            "[/v1/orders, /v1/orders/7]",
            "[/v1/orders]",
        );
    });
    place.ok(&place.work(), "git push --quiet origin change:main");
    let meanwhile = |artifacts: &Path| {
        if place.origin("log -1 --format=%s deploy") == "Put version 2 in force" {
            assert!(artifacts.join("bundle/bundle.json.sig").exists(), "signed");
            rollback(&place, "1", "why").is_fine();
        }
    };
    let ran = place.run_workflow_with("release.yaml", "main", &[], meanwhile);
    ran.is_stopped_by("something else came into force");
    assert_eq!(
        place.origin("log -1 --format=%s deploy"),
        "Put version 1 in force"
    );
}

#[test]
fn a_rollback_leads_to_what_was_in_force_and_nowhere_else() {
    let place = refusing();
    let now = place.origin("rev-parse deploy");
    for (version, said) in [
        ("2", "in force already"),
        ("3", "3.json"),
        ("1; touch /tmp/x", "is no version"),
        ("../1", "is no version"),
    ] {
        rollback(&place, version, "why").is_stopped_by(said);
        assert_eq!(place.origin("rev-parse deploy"), now, "{version}");
    }
    rollback(&place, "1", "").is_stopped_by("REASON");
    // What people write is text, whatever is in it.
    let reason = "a \"b\" $(touch $PLACE/c) `touch $PLACE/c`; touch $PLACE/c";
    rollback(&place, "1", reason).is_fine();
    assert!(!place.root().join("c").exists());
    let history = place.origin("show deploy:history.json");
    assert!(history.contains("$(touch $PLACE/c)"), "{history}");
}

#[test]
fn a_rollback_says_when_it_has_nobody_to_sign() {
    let place = Place::released();
    place.bring_deploy();
    let line = "make rollback TO=1 REASON=why BY=me";
    let ran = place.shell(&place.work(), line, &[]);
    assert_ne!(ran.code, 0);
    assert!(
        ran.said
            .contains("SIGNER_KEYS: or SIGNER_COMMAND: see docs/gitops.md"),
        "{}",
        ran.said
    );
}

#[test]
fn what_was_revoked_since_does_not_come_back_without_a_word() {
    let place = Place::released();
    place.propose(|folder| {
        let path = folder.join("policy/policy.yaml");
        let policy = std::fs::read_to_string(&path).unwrap();
        let revoked = "  revocations:\n    - identity: spiffe://shop.example/ns/web/sa/stolen\n";
        std::fs::write(
            &path,
            policy.replace("  segments:\n", &format!("{revoked}  segments:\n")),
        )
        .unwrap();
    });
    place.merge().is_fine();
    let now = place.origin("rev-parse deploy");
    rollback(&place, "1", "why").is_stopped_by("SP727");
    assert_eq!(place.origin("rev-parse deploy"), now);
    let ran = rollback_with(&place, "1", "why", "yes");
    ran.is_fine();
    assert!(ran.said.contains("SP728"), "{}", ran.said);
    assert_ne!(place.origin("rev-parse deploy"), now);
}
