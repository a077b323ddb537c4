//! Runs workflows as far as that goes without GitHub: jobs by what they need, each in a folder of its
//! own, with checkouts, artifacts and commands. What it does not know fails the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::place::{EXAMPLE, Place, Ran};

/// A workflow of the example.
pub(crate) fn workflow(file: &str) -> Value {
    let path = Path::new(EXAMPLE).join(".github/workflows").join(file);
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The jobs of a workflow, those that others need first.
pub(crate) fn jobs(workflow: &Value) -> Vec<(&str, &Value)> {
    let all = workflow["jobs"].as_object().unwrap();
    let mut ordered: Vec<(&str, &Value)> = Vec::new();
    while ordered.len() < all.len() {
        let ready = |job: &Value| match job["needs"].as_str() {
            None => job["needs"].is_null(),
            Some(needed) => ordered.iter().any(|(name, _)| *name == needed),
        };
        let next = all.iter().find(|(name, job)| {
            ready(job) && !ordered.iter().any(|(done, _)| done == &name.as_str())
        });
        let (name, job) = next.unwrap();
        ordered.push((name, job));
    }
    ordered
}

/// The steps of a job.
pub(crate) fn steps(job: &Value) -> &[Value] {
    job["steps"].as_array().unwrap()
}

/// What a run is about.
struct Run<'a> {
    place: &'a Place,
    /// What is checked out where no branch is named.
    revision: &'a str,
    facts: BTreeMap<&'a str, String>,
    artifacts: TempDir,
    said: String,
}

impl Place {
    /// Runs a workflow for a commit or branch, with these values of expressions.
    pub(crate) fn run_workflow(&self, file: &str, revision: &str, facts: &[(&str, &str)]) -> Ran {
        self.run_workflow_with(file, revision, facts, |_| {})
    }

    /// The same, and something happens to the artifacts after each job.
    pub(crate) fn run_workflow_with(
        &self,
        file: &str,
        revision: &str,
        facts: &[(&str, &str)],
        meanwhile: impl Fn(&Path),
    ) -> Ran {
        let workflow = workflow(file);
        let own = [
            ("github.token", "a token".to_owned()),
            ("github.repository", "platform/mesh-policy".to_owned()),
            ("github.event.pull_request.number", "7".to_owned()),
            ("github.actor", "somebody".to_owned()),
            ("secrets.COMMIT_KEY", "a private key".to_owned()),
            ("vars.COMMIT_KEY_ID", "0123456789ABCDEF".to_owned()),
            ("vars.SIGNER_COMMAND", self.signer()),
        ];
        let given = facts
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let mut run = Run {
            place: self,
            revision,
            facts: own.into_iter().chain(given).collect(),
            artifacts: tempfile::tempdir().unwrap(),
            said: String::new(),
        };
        let mut results = BTreeMap::new();
        for (name, job) in jobs(&workflow) {
            let needed = job["needs"].as_str();
            let may = needed.is_none_or(|needed| results[needed]) || is_run_anyway(job);
            results.insert(name, may && run.job(job));
            meanwhile(run.artifacts.path());
        }
        Ran {
            code: i32::from(!results.values().all(|works| *works)),
            said: run.said,
        }
    }
}

// === impl Run ===

impl Run<'_> {
    fn job(&mut self, job: &Value) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let mut works = true;
        for step in steps(job) {
            if works || is_run_anyway(step) {
                works &= self.step(folder.path(), step);
            }
        }
        works
    }

    fn step(&mut self, folder: &Path, step: &Value) -> bool {
        if let Some(line) = step["run"].as_str() {
            let variables = step["env"].as_object().into_iter().flatten();
            let variables: Vec<(String, String)> = variables
                .map(|(name, value)| (name.clone(), self.filled(value.as_str().unwrap())))
                .collect();
            let ran = self.place.shell(folder, line, &variables);
            self.said.push_str(&format!("$ {line}\n{}", ran.said));
            return ran.code == 0;
        }
        let with = &step["with"];
        let action = step["uses"].as_str().unwrap();
        match action.split_once('@').unwrap().0 {
            "actions/checkout" => self.checkout(folder, with),
            "actions/upload-artifact" => {
                let to = self.artifacts.path().join(with["name"].as_str().unwrap());
                for path in with["path"].as_str().unwrap().split_whitespace() {
                    let from = folder.join(path);
                    if !from.exists() && with["if-no-files-found"] == "ignore" {
                        continue;
                    }
                    fs::create_dir_all(&to).unwrap();
                    // All of them are in one folder, so the artifact has their names only.
                    fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
                }
            }
            "actions/download-artifact" => {
                let from = self.artifacts.path().join(with["name"].as_str().unwrap());
                if !from.exists() {
                    return false;
                }
                let to = folder.join(with["path"].as_str().unwrap_or_default());
                fs::create_dir_all(&to).unwrap();
                for entry in fs::read_dir(from).unwrap() {
                    let entry = entry.unwrap();
                    fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
                }
            }
            other => panic!("what does {other} do?"),
        }
        true
    }

    /// A clone; nothing can be pushed from it where the credentials are not kept.
    fn checkout(&self, folder: &Path, with: &Value) {
        let to: PathBuf = folder.join(with["path"].as_str().unwrap_or_default());
        let revision = with["ref"].as_str().unwrap_or(self.revision);
        let (origin, to) = (self.place.root().join("origin"), to.display());
        let mut line = format!(
            "git clone --quiet {} {to} && git -C {to} checkout --quiet {revision}",
            origin.display()
        );
        if with["persist-credentials"] == false {
            line.push_str(&format!(
                " && git -C {to} remote set-url --push origin /nonexistent"
            ));
        }
        self.place.ok(folder, &line);
    }

    fn filled(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once("${{") else {
            return text.to_owned();
        };
        let (expression, after) = rest.split_once("}}").unwrap();
        let value = self.facts.get(expression.trim());
        let value = value.unwrap_or_else(|| panic!("what is {expression}?"));
        format!("{before}{value}{}", self.filled(after))
    }
}

/// Whether a job or a step is run after a failure before it.
fn is_run_anyway(it: &Value) -> bool {
    it["if"]
        .as_str()
        .is_some_and(|when| when.contains("!cancelled()"))
}
