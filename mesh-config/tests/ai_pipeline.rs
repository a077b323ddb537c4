//! The example `examples/istio/ai-pipeline`: its README promises answers, and gets them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sallyport_mesh_config::policy_file;
use serde_json::Value;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/istio/ai-pipeline")
}

/// Rows of the table of requests: name, answer, reason.
fn promised() -> Vec<(String, String, String)> {
    let readme = fs::read_to_string(example().join("README.md")).unwrap();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    let rows = readme
        .lines()
        .filter(|line| line.contains("](requests/"))
        .map(cells);
    rows.map(|cells| {
        let name = cells[0]
            .trim_start_matches('[')
            .split(']')
            .next()
            .unwrap()
            .to_owned();
        (
            name,
            cells[1].clone(),
            cells[2].trim_matches('`').to_owned(),
        )
    })
    .collect()
}

#[test]
fn the_policy_is_valid_with_the_one_warning_that_is_meant() {
    let loaded = policy_file::load(&example().join("policy.yaml"));
    let loaded = loaded.unwrap_or_else(|error| panic!("{error:?}"));
    let warnings: Vec<&str> = loaded
        .warnings
        .iter()
        .map(|found| found.message.as_str())
        .collect();
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    assert!(
        warning.starts_with("flow `ingestion-to-training` is in shadow"),
        "{warning}"
    );
}

#[test]
fn each_request_gets_the_promised_answer() {
    let rows = promised();
    let files = fs::read_dir(example().join("requests")).unwrap().count();
    assert_eq!(rows.len(), files, "each request has a row");
    for (name, answer, reason) in rows {
        let output = Command::new(env!("CARGO_BIN_EXE_sallyport"))
            .current_dir(example())
            .args([
                "explain",
                "--output",
                "json",
                "--policy",
                "policy.yaml",
                "--request",
            ])
            .arg(format!("requests/{name}.json"))
            .output()
            .unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["outcome"], answer.replace(' ', "_"), "{name}");
        assert_eq!(
            said["record"]["reason"].as_str().unwrap_or_default(),
            reason,
            "{name}"
        );
        let exit = if answer == "denied" { 2 } else { 0 };
        assert_eq!(output.status.code(), Some(exit), "{name}");
    }
}

#[test]
fn the_flow_map_of_the_readme_is_that_of_the_policy() {
    let readme = fs::read_to_string(example().join("README.md")).unwrap();
    let loaded = policy_file::load(&example().join("policy.yaml"));
    let loaded = loaded.unwrap_or_else(|error| panic!("{error:?}"));
    for flow in &loaded.document.spec.flows {
        let start = format!("| `{}` |", flow.name);
        let row = readme
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap();
        for operation in &flow.operations {
            for (method, path) in operation
                .methods
                .iter()
                .flat_map(|m| operation.paths.iter().map(move |p| (m, p)))
            {
                assert!(
                    row.contains(&format!("`{method} {path}`")),
                    "{row}: {method} {path}"
                );
            }
        }
    }
}
