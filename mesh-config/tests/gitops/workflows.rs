//! What the workflows may do, and that they do nothing but the steps of the Makefile.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::place::EXAMPLE;
use crate::runner::{jobs, steps, workflow};

const FILES: [&str; 4] = [
    "pull-request.yaml",
    "release.yaml",
    "rollback.yaml",
    "watch.yaml",
];

/// Each job of each workflow.
fn all() -> Vec<(String, Value)> {
    let folder = Path::new(EXAMPLE).join(".github/workflows");
    let entries = fs::read_dir(folder).unwrap();
    let found: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, FILES.map(str::to_owned).into());
    let mut all = Vec::new();
    for file in FILES {
        for (name, job) in jobs(&workflow(file)) {
            all.push((format!("{file}, {name}"), job.clone()));
        }
    }
    all
}

/// The targets of the Makefile.
fn targets() -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(EXAMPLE).join("Makefile")).unwrap();
    let lines = text
        .lines()
        .filter(|line| line.contains(": ## ") || line.contains("## all but"));
    lines
        .map(|line| line.split_once(':').unwrap().0.to_owned())
        .collect()
}

#[test]
fn each_command_is_a_step_of_the_makefile() {
    let (targets, mut used) = (targets(), BTreeSet::new());
    for (name, job) in all() {
        for step in steps(&job) {
            let Some(line) = step["run"].as_str() else {
                continue;
            };
            // Values come as variables: no text of other people's becomes part of a command.
            assert!(!line.contains("${{"), "{name}: {line}");
            match line.strip_prefix("make ") {
                Some(target) => {
                    assert!(targets.contains(target), "{name}: {line}");
                    used.insert(target.to_owned());
                }
                None => assert!(
                    line.starts_with("gh pr comment \"$PULL_REQUEST\" "),
                    "{name}: {line}"
                ),
            }
        }
    }
    // The others are for people.
    let rest: Vec<&String> = targets.difference(&used).collect();
    assert_eq!(rest, ["all", "glass", "help", "init", "statement"]);
    let steps = fs::read_to_string(Path::new(EXAMPLE).join("pipeline")).unwrap();
    for target in targets
        .iter()
        .filter(|target| !["all", "help"].contains(&target.as_str()))
    {
        assert!(steps.contains(&format!("\nstep_{target}() {{")), "{target}");
    }
}

#[test]
fn each_action_is_pinned_by_its_commit() {
    for (name, job) in all() {
        for step in steps(&job) {
            if let Some(action) = step["uses"].as_str() {
                let (_, commit) = action.split_once('@').unwrap();
                let is_hash =
                    commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
                assert!(is_hash, "{name}: {action}");
            }
        }
    }
}

#[test]
fn each_job_has_the_rights_that_it_needs_and_no_others() {
    let expected: BTreeMap<&str, Value> = [
        ("pull-request.yaml, check", json!({"contents": "read"})),
        (
            "pull-request.yaml, comment",
            json!({"pull-requests": "write"}),
        ),
        (
            "release.yaml, sign",
            json!({"contents": "read", "id-token": "write"}),
        ),
        ("release.yaml, publish", json!({"contents": "write"})),
        (
            "rollback.yaml, rollback",
            json!({"contents": "write", "id-token": "write"}),
        ),
        ("watch.yaml, verify", json!({"contents": "read"})),
    ]
    .into();
    for file in FILES {
        let workflow = workflow(file);
        assert_eq!(
            workflow["permissions"],
            json!({}),
            "{file}: none by default"
        );
        // It would run with the rights of `main` what somebody proposed.
        assert!(
            workflow["on"].get("pull_request_target").is_none(),
            "{file}"
        );
        assert!(workflow["on"].is_object(), "{file}");
    }
    for (name, job) in all() {
        let rights = &expected[name.as_str()];
        assert_eq!(&job["permissions"], rights, "{name}");
        assert!(job["timeout-minutes"].is_u64(), "{name}");
        // Somebody must have approved what signs or pushes.
        let may_act = rights["contents"] == "write" || rights["id-token"] == "write";
        assert_eq!(job["environment"].is_string(), may_act, "{name}");
        for step in steps(&job) {
            if step["uses"]
                .as_str()
                .is_some_and(|uses| uses.starts_with("actions/checkout@"))
            {
                let with = &step["with"];
                let pushes = rights["contents"] == "write" && with["ref"] == "deploy";
                assert_eq!(
                    with["persist-credentials"] == false,
                    !pushes,
                    "{name}: {with}"
                );
            }
        }
        let text = job.to_string();
        let secrets = text.matches("secrets.").count();
        let known = text.matches("secrets.COMMIT_KEY }}").count();
        assert_eq!(
            (secrets, known),
            if rights["contents"] == "write" {
                (1, 1)
            } else {
                (0, 0)
            },
            "{name}"
        );
    }
}

#[test]
fn what_is_owned_is_there() {
    let text = fs::read_to_string(Path::new(EXAMPLE).join(".github/CODEOWNERS")).unwrap();
    let paths = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    for path in paths.filter(|path| path.starts_with('/')) {
        let path = path.trim_start_matches('/');
        let exists = Path::new(EXAMPLE).join(path).exists();
        assert!(exists || path == "widening.txt", "{path}");
    }
}
