//! Changes on their way: which pass, which are stopped, and what the cluster is given.

use std::fs;
use std::path::Path;

use crate::place::{Place, edit};

/// Nobody makes orders any more.
fn narrower(folder: &Path) {
    edit(
        folder,
        "policy/policy.yaml",
        "\n        - methods: [POST]\n          paths: [\"/v1/orders\"]\n          ports: [8080]",
        "",
    );
    edit(
        folder,
        "policy/policy-tests.yaml",
        "expect: {verdict: allow, flow: web-to-orders}\n  - name: the web deletes",
        "expect: {verdict: deny}\n  - name: the web deletes",
    );
}

/// Orders may be replaced, too.
fn wider(folder: &Path) {
    edit(
        folder,
        "policy/policy.yaml",
        "methods: [POST]",
        "methods: [POST, PUT]",
    );
}

fn state(place: &Place) {
    place.bring_deploy();
    place.ok(&place.work(), "make statement");
}

#[test]
fn the_first_release_brings_the_signed_bundle_and_its_rendering() {
    let place = Place::released();
    let files = place.origin("ls-tree -r --name-only deploy");
    for file in [
        "bundles/1.json",
        "bundles/1.json.sig",
        "history.json",
        "rendered/kustomization.yaml",
    ] {
        assert!(files.lines().any(|line| line == file), "{file}: {files}");
    }
    // Nothing else is there, so no key either.
    let known = |line: &&str| !line.starts_with("rendered/") && !line.starts_with("bundles/1.json");
    assert_eq!(
        files.lines().filter(known).collect::<Vec<_>>(),
        ["history.json"]
    );
    let commit = place.origin("cat-file commit deploy");
    assert!(commit.contains("gpgsig"), "the commit is signed: {commit}");
    assert!(commit.contains(&place.origin("rev-parse main")), "{commit}");
}

#[test]
fn a_release_of_the_same_changes_nothing() {
    let place = Place::released();
    let before = place.origin("rev-parse deploy");
    place.release().is_fine();
    assert_eq!(place.origin("rev-parse deploy"), before);
    // Neither does a change of what no bundle holds.
    place.propose(|folder| {
        edit(
            folder,
            "policy/policy.yaml",
            "mode: enforce",
            "mode: enforce # or shadow",
        )
    });
    place.merge().is_fine();
    assert_eq!(place.origin("rev-parse deploy"), before);
}

#[test]
fn the_steps_give_the_same_bytes_again() {
    let place = Place::released();
    place.propose(narrower);
    place.bring_deploy();
    let all = [("SIGNER_COMMAND".to_owned(), place.signer())];
    let work = place.work();
    let sums = || {
        place.ok(&work, "cat build/diff.txt; find build deploy -path '*/.git' -prune -o -type f -exec sha256sum {} + | sort | grep -v -e history.json -e 'build/[^/]*$'")
    };
    place.shell(&work, "make all", &all).is_fine();
    let (first, signature) = (
        sums(),
        fs::read(work.join("build/bundle.json.sig")).unwrap(),
    );
    assert!(first.contains("deploy/bundles/2.json.sig"), "{first}");
    let again = place.shell(&work, "make check test render verify", &all);
    again.is_fine();
    assert_eq!(sums(), first);
    // Now it is what is in force: signing finds it signed.
    place.shell(&work, "make all", &all).is_fine();
    assert_eq!(
        fs::read(work.join("build/bundle.json.sig")).unwrap(),
        signature
    );
    assert!(sums().lines().last() == first.lines().last());
}

#[test]
fn a_change_that_opens_nothing_passes() {
    let place = Place::released();
    let before = place.origin("rev-parse deploy:rendered");
    let commit = place.propose(narrower);
    place.review(&commit).is_fine();
    let comment = fs::read_to_string(place.root().join("comment")).unwrap();
    assert!(
        comment.contains("\n    narrowing: flow web-to-orders"),
        "{comment}"
    );
    // Each line of it is indented: nothing in it is Markdown.
    let headings = [
        "",
        "What changes to what is in force:",
        "What is rendered, and what no filter sees:",
    ];
    let plain = |line: &str| line.starts_with("    ") || headings.contains(&line);
    assert!(comment.lines().all(plain), "{comment}");
    let said = fs::read_to_string(place.root().join("gh")).unwrap();
    assert!(
        said.starts_with("pr comment 7 --repo platform/mesh-policy "),
        "{said}"
    );
    place.merge().is_fine();
    assert_ne!(place.origin("rev-parse deploy:rendered"), before);
    assert!(
        place
            .origin("show deploy:history.json")
            .contains("\"version\": 2")
    );
}

#[test]
fn a_change_that_opens_something_needs_a_statement_of_all_of_it() {
    let place = Place::released();
    let before = place.origin("rev-parse deploy");
    let stopped = "this opens more than widening.txt says";
    let commit = place.propose(wider);
    place.review(&commit).is_stopped_by(stopped);
    // The reviewers are told all the same.
    let comment = fs::read_to_string(place.root().join("comment")).unwrap();
    assert!(
        comment.contains("    widening: flow web-to-orders"),
        "{comment}"
    );
    // Whoever merges it does not get further either.
    place.merge().is_stopped_by(stopped);
    assert_eq!(place.origin("rev-parse deploy"), before);

    let commit = place.amend(|_| state(&place));
    place.review(&commit).is_fine();
    // A statement is about one change: more than it says is stopped.
    let more = |folder: &Path| {
        edit(
            folder,
            "policy/policy.yaml",
            "POST, PUT",
            "POST, PUT, PATCH",
        )
    };
    let commit = place.amend(more);
    place.review(&commit).is_stopped_by(stopped);
    place.amend(|folder| {
        edit(
            folder,
            "policy/policy.yaml",
            "POST, PUT, PATCH",
            "POST, PUT",
        )
    });
    place.merge().is_fine();
    assert!(
        place
            .origin("show deploy:history.json")
            .contains("\"version\": 2")
    );

    // It counts once: the same opening later is another one.
    place.propose(|folder| edit(folder, "policy/policy.yaml", "POST, PUT", "POST"));
    place.merge().is_fine();
    let commit = place.propose(wider);
    place.review(&commit).is_stopped_by(stopped);
}

#[test]
fn a_statement_of_nothing_is_refused() {
    let place = Place::released();
    place.propose(narrower);
    place.bring_deploy();
    let ran = place.shell(&place.work(), "make statement", &[]);
    ran.is_stopped_by("this opens nothing");
    assert!(!place.work().join("widening.txt").exists());
}

#[test]
fn what_takes_the_filter_away_or_changes_it_needs_a_statement_too() {
    let place = Place::released();
    for (change, line) in [
        // A namespace that the cluster is said not to have.
        (
            "git rm --quiet manifests/web.yaml",
            "web_wasmplugin_sallyport.yaml is gone",
        ),
        // A port that is no HTTP any more.
        (
            "sed -i 's/name: http/name: redis/; s/appProtocol: http/appProtocol: redis/' manifests/orders.yaml",
            "orders_authorizationpolicy_sallyport.yaml changes, not by the policy",
        ),
        // Another filter.
        (
            "sed -i 's/sha256:0123/sha256:3210/' settings.env",
            "orders_wasmplugin_sallyport.yaml changes, not by the policy",
        ),
    ] {
        place.propose(|folder| {
            place.ok(folder, change);
        });
        place.bring_deploy();
        let ran = place.shell(&place.work(), "make diff", &[]);
        ran.is_stopped_by("this opens more than widening.txt says");
        let said = fs::read_to_string(place.work().join("build/diff.txt")).unwrap();
        assert!(said.contains(line), "{change}: {said}");
        // What the statement says of it, it says of these very resources.
        place.ok(&place.work(), "make statement && make diff");
    }
}

#[test]
fn where_what_is_in_force_holds_no_more_all_of_it_needs_a_statement() {
    let place = Place::released();
    let other = "sallyport cred signer --name other --out other --key ecdsa-p256";
    place.ok(place.root(), other);
    // The keys of the release were stolen.
    let commit = place.propose(|folder| {
        place.ok(
            folder,
            "cp ../other/signing-authority.json trust/release.json",
        );
    });
    place
        .review(&commit)
        .is_stopped_by("opens more than widening.txt says");
    place.amend(|_| state(&place));
    place.ok(
        &place.work(),
        "grep -q 'widening: what is in force does not hold' widening.txt",
    );
    place.ok(&place.work(), "git push --quiet origin change:main");
    let keys = place.root().join("other");
    let signer = format!("sallyport cred sign --keys {}", keys.display());
    let facts = [("vars.SIGNER_COMMAND", signer.as_str())];
    // Its contents are those of before: what is new is who signed them.
    place.run_workflow("release.yaml", "main", &facts).is_fine();
    place.run_workflow("watch.yaml", "main", &[]).is_fine();
    let files = place.origin("diff --name-only deploy~1 deploy");
    assert_eq!(files, "bundles/1.json.sig");
}

#[test]
fn what_is_not_right_is_stopped_before_it_is_compared() {
    let place = Place::released();
    for (old, new, said) in [
        ("to: orders", "to: order", "order"),
        (
            "name: web-to-orders",
            "name:    web-to-orders",
            "not formatted",
        ),
        (
            "serviceAccounts: [web]",
            "serviceAccounts: [other]",
            "no workload of the manifests is in segment `web`",
        ),
        (
            "methods: [POST]",
            "methods: [DELETE]",
            "test the web makes orders ... FAILED",
        ),
    ] {
        let commit = place.propose(|folder| edit(folder, "policy/policy.yaml", old, new));
        place.review(&commit).is_stopped_by(said);
    }
}

#[test]
fn a_bundle_that_is_not_signed_or_was_changed_is_not_rendered() {
    let place = Place::released();
    let before = place.origin("rev-parse deploy");
    place.propose(narrower);
    place.ok(&place.work(), "git push --quiet origin change:main");
    let after_signing = |change: &str| {
        let line = change.to_owned();
        place.run_workflow_with("release.yaml", "main", &[], |artifacts| {
            place.ok(
                artifacts,
                &format!("cd bundle 2>/dev/null && {{ {line}; }} || true"),
            );
        })
    };
    for (change, code) in [
        ("rm bundle.json.sig", "SP701"),
        // One flow for another, of the same length.
        (
            "sed -i s/POST/LIST/g bundle.json; sed -i 's/GET/PUT/g' bundle.json",
            "SP72",
        ),
        (
            "sed -i 's/\"version\":2/\"version\":3/' bundle.json",
            "SP708",
        ),
        (
            "cut -c2- bundle.json.sig >other; mv other bundle.json.sig",
            "SP70",
        ),
    ] {
        after_signing(change).is_stopped_by(code);
        assert_eq!(place.origin("rev-parse deploy"), before, "{change}");
    }
    // An older one, with its own signature.
    place.release().is_fine();
    let now = place.origin("rev-parse deploy");
    let older = "git -C $PLACE/origin show deploy:bundles/1.json >bundle.json; \
        git -C $PLACE/origin show deploy:bundles/1.json.sig >bundle.json.sig";
    after_signing(older).is_stopped_by("SP724");
    assert_eq!(place.origin("rev-parse deploy"), now);
    // By somebody else.
    place.ok(
        place.root(),
        "sallyport cred signer --name other --out other --key ecdsa-p256",
    );
    let other = "sallyport bundle sign bundle.json --keys $PLACE/other";
    after_signing(other).is_stopped_by("SP70");
    assert_eq!(place.origin("rev-parse deploy"), now);
}

#[test]
fn what_somebody_else_wrote_to_the_branch_is_noticed() {
    let place = Place::released();
    let watch = || place.run_workflow("watch.yaml", "main", &[]);
    watch().is_fine();
    let first = place.origin("rev-parse deploy");
    let stopped = "deploy/rendered is not what the signed bundle in force gives";
    for (change, said) in [
        (
            "sed -i 's/mode: enforce/mode: shadow/' rendered/web_wasmplugin_sallyport.yaml",
            stopped,
        ),
        (
            "git rm --quiet rendered/web_peerauthentication_default.yaml",
            stopped,
        ),
        (
            "cp rendered/web_wasmplugin_sallyport.yaml rendered/another.yaml",
            stopped,
        ),
        ("sed -i 's/GET/PUT/' bundles/1.json", "SP7"),
        ("git rm --quiet history.json", "nothing is in force"),
    ] {
        place.bring_deploy();
        let line = format!(
            "{change} && git add --all && git commit --quiet -m other && git push --quiet --force origin HEAD:deploy"
        );
        place.ok(&place.work().join("deploy"), &line);
        watch().is_stopped_by(said);
        place.origin(&format!("update-ref refs/heads/deploy {first}"));
    }
    watch().is_fine();
}

#[test]
fn manifests_of_artifacts_go_with_the_policy() {
    let place = Place::new();
    place.propose(|folder| {
        place.ok(folder, &format!(
            "sallyport cred signer --name vetting --out ../vetting --key ecdsa-p256 && \
             mkdir artifacts trust/artifacts && cp ../vetting/signing-authority.json trust/artifacts/vetting.json && \
             {}", vetted("models", "artifacts/models.yaml", "../vetting")
        ));
    });
    place.merge().is_fine();
    let bundle = place.origin("show deploy:bundles/1.json");
    assert!(bundle.contains("\"artifacts/models.yaml.sig\""), "{bundle}");
    // In either form.
    place.propose(|folder| {
        let line = vetted("others", "artifacts/others.json", "../vetting");
        place.ok(folder, &line);
        place.bring_deploy();
        place.ok(folder, "make statement");
    });
    place.merge().is_fine();
    let bundle = place.origin("show deploy:bundles/2.json");
    assert!(bundle.contains("\"artifacts/others.yaml.sig\""), "{bundle}");
    // Who vets models signs no bundle.
    place.propose(|folder| edit(folder, "policy/policy.yaml", ", \"/v1/orders/{order}\"", ""));
    place.bring_deploy();
    let sign = |keys: &str| {
        place.shell(
            &place.work(),
            &format!("make sign render SIGNER_KEYS=../{keys}"),
            &[],
        )
    };
    sign("vetting").is_stopped_by("SP705");
    // Altered, it is refused with everything.
    place.propose(|folder| edit(folder, "artifacts/models.yaml", "\"ml\"", "\"mm\""));
    place.merge().is_stopped_by("SP708");
}

#[test]
fn manifests_that_flows_require_lie_below_the_policy() {
    let place = Place::new();
    place.propose(|folder| {
        place.ok(
            folder,
            &format!(
                "mkdir policy/artifacts policy/trust && cp trust/release.json policy/trust/ && \
             {}",
                vetted("models", "policy/artifacts/models.json", "../keys")
            ),
        );
        let required = "  artifacts:\n    authorities: [{file: trust/release.json}]\n    \
                        manifests: [{name: models, file: artifacts/models.json}]\n  segments:\n";
        edit(folder, "policy/policy.yaml", "  segments:\n", required);
    });
    let ran = place.shell(&place.work(), "sallyport check policy/policy.yaml", &[]);
    ran.is_fine();
    assert!(
        ran.said.contains("SP743"),
        "no flow requires it yet: {}",
        ran.said
    );
    place.ok(
        &place.work(),
        "sallyport bundle build --policy policy/policy.yaml --authority trust/release.json \
         --version-number 1 --out build.json && grep -q artifacts/models.yaml.sig build.json",
    );
}

/// What makes a manifest of the models in a bill, and signs it.
fn vetted(name: &str, file: &str, keys: &str) -> String {
    let bill = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/artifacts/bom.cdx.json"
    );
    format!(
        "sallyport artifacts import {bill} --name {name} --issuer ml --serial 1 --out {file} && \
         sallyport artifacts sign {file} --keys {keys}"
    )
}
