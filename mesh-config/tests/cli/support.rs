//! What the tests share: the command, a folder with policies, and authorities.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const POLICY: &str = include_str!("../data/policy.yaml");
pub(crate) const WEB: &str = "spiffe://d.example/ns/web/sa/web";
pub(crate) const ORDERS: &str = "spiffe://d.example/ns/orders/sa/orders";

pub(crate) fn sallyport(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sallyport"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs the command with a text at its standard input.
pub(crate) fn sallyport_with(arguments: &[&str], folder: &Path, input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sallyport"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder with the policy, and a broken one.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    let broken = POLICY
        .replace("to: orders", "to: order")
        .replace("[GET]", "[get]");
    fs::write(folder.path().join("broken.yaml"), broken).unwrap();
    folder
}

pub(crate) fn explain(folder: &Path, more: &[&str]) -> Output {
    let fixed = [
        "explain",
        "--policy",
        "policy.yaml",
        "--to",
        ORDERS,
        "--port",
        "8080",
    ];
    sallyport(&[&fixed[..], more].concat(), folder)
}

/// Makes an authority of small keys; gives what the command printed.
pub(crate) fn authority(folder: &Path, kind: &str, name: &str, more: &[&str]) -> Output {
    let fixed = ["cred", "authority", "new", "--kind", kind, "--name", name];
    let rest = [
        "--trust-domain",
        "d.example",
        "--out",
        name,
        "--key",
        "rsa-2048",
    ];
    sallyport(&[&fixed[..], &rest, more].concat(), folder)
}

pub(crate) fn certificate(folder: &Path, authority: &str, out: &str, more: &[&str]) -> Output {
    let fixed = [
        "cred",
        "issue",
        "certificate",
        "--authority",
        authority,
        "--spiffe-id",
        WEB,
        "--out",
        out,
    ];
    sallyport(&[&fixed[..], more].concat(), folder)
}

/// A folder with three authorities and a policy that pins them by what the command printed.
pub(crate) fn world() -> TempDir {
    let folder = folder();
    let mut pins = String::from("  authorities:\n");
    for (kind, name) in [
        ("hybrid", "mesh-ca"),
        ("classical", "old-ca"),
        ("token", "issuer"),
    ] {
        let output = authority(folder.path(), kind, name, &[]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let text = stdout(&output);
        let (_, snippet) = text.split_once("authorities:\n").unwrap();
        let lines: Vec<String> = snippet.lines().map(|line| format!("  {line}\n")).collect();
        // The second certificate authority goes into the list of the first.
        let skipped = usize::from(name == "old-ca");
        pins.extend(lines.into_iter().skip(skipped));
    }
    let policy = POLICY
        .replace("  segments:\n", &format!("{pins}  segments:\n"))
        .replace("minimumAssurance: classical", "minimumAssurance: hybrid");
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    folder
}

/// The JSON object on standard error.
pub(crate) fn error(output: &Output) -> Value {
    let text = stderr(output);
    serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{cause}: {text}"))
}

/// Runs `cred verify`: its exit code, and its report or failure.
pub(crate) fn verify(folder: &Path, more: &[&str]) -> (i32, Value) {
    let output = sallyport(
        &[&["cred", "verify", "--output", "json"], more].concat(),
        folder,
    );
    let text = if output.stdout.is_empty() {
        error(&output)
    } else {
        json(&output)
    };
    (code(&output), text)
}

/// What a report says about both halves, and the assurance.
pub(crate) fn results(report: &Value) -> (&str, &str, &str) {
    (
        report["classical"]["result"].as_str().unwrap(),
        report["alternative"]["result"].as_str().unwrap(),
        report["assurance"].as_str().unwrap(),
    )
}

/// Makes the keys of an authority that signs documents, in the folder of its name, and gives the
/// path of its public file.
pub(crate) fn signer(folder: &Path, name: &str) -> String {
    let fixed = ["cred", "signer", "--name", name, "--out", name];
    let output = sallyport(&[&fixed[..], &["--key", "ecdsa-p256"]].concat(), folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    format!("{name}/signing-authority.json")
}

/// The arguments of a line, which are separated by spaces.
pub(crate) fn run(folder: &Path, line: &str) -> Output {
    sallyport(&line.split_whitespace().collect::<Vec<_>>(), folder)
}

/// Runs a line that must work.
pub(crate) fn ok(folder: &Path, line: &str) -> Output {
    let output = run(folder, line);
    assert_eq!(code(&output), 0, "{line}: {}", stderr(&output));
    output
}

/// Runs a line that must be refused, and gives the codes of its findings.
pub(crate) fn refused(folder: &Path, line: &str) -> Vec<String> {
    let output = run(folder, &format!("{line} --output json"));
    assert_eq!(code(&output), 1, "{line}: {}", stdout(&output));
    let findings = error(&output)["findings"].clone();
    let findings = findings.as_array().unwrap().iter();
    let codes = findings.map(|finding| finding["code"].as_str().unwrap().to_owned());
    codes.collect()
}
