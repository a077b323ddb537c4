//! The `sallyport` command as it is run: exit codes, what is said where, and files on disk.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const POLICY: &str = include_str!("data/policy.yaml");
const WEB: &str = "spiffe://d.example/ns/web/sa/web";
const ORDERS: &str = "spiffe://d.example/ns/orders/sa/orders";

fn sallyport(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sallyport"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder with the policy, and a broken one.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    let broken = POLICY
        .replace("to: orders", "to: order")
        .replace("[GET]", "[get]");
    fs::write(folder.path().join("broken.yaml"), broken).unwrap();
    folder
}

// === usage ===

#[test]
fn wrong_usage_exits_with_3_and_says_how() {
    let folder = folder();
    for arguments in [
        &[][..],
        &["chekc", "policy.yaml"],
        &["check"],
        &["check", "--ouptut", "json", "policy.yaml"],
        &["explain", "--policy", "policy.yaml", "--tls", "1.1"],
        &[
            "explain",
            "--policy",
            "policy.yaml",
            "--request",
            "-",
            "--port",
            "1",
        ],
        &[
            "explain",
            "--policy",
            "policy.yaml",
            "--plaintext",
            "--assurance",
            "hybrid",
        ],
        &["explain", "--policy", "policy.yaml", "--token", "t"],
        &["explain", "--policy", "policy.yaml", "--denials", "1001"],
        &["render", "--target", "nginx"],
        &[
            "cred",
            "certificate",
            "--authority",
            "a",
            "--spiffe-id",
            "web",
            "--out",
            "o",
        ],
    ] {
        let output = sallyport(arguments, folder.path());
        assert_eq!(code(&output), 3, "{arguments:?}");
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn help_and_version_are_answers() {
    let folder = folder();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["cred", "authority", "new", "--help"],
        &["explain", "-h"],
        &["render", "-h"],
    ] {
        let output = sallyport(arguments, folder.path());
        assert_eq!(code(&output), 0, "{arguments:?}");
        assert!(
            !output.stdout.is_empty() && output.stderr.is_empty(),
            "{arguments:?}"
        );
    }
    let help = stdout(&sallyport(&["-h"], folder.path()));
    assert!(help.contains("Exit codes: 0 ok"), "{help}");
    let version = stdout(&sallyport(&["--version"], folder.path()));
    assert_eq!(
        version.trim(),
        format!("sallyport {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn completes_in_each_shell() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = sallyport(&["completions", shell], folder.path());
        assert_eq!(code(&output), 0);
        assert!(stdout(&output).contains("sallyport"), "{shell}");
    }
}

// === check and schema ===

#[test]
fn check_accepts_a_valid_policy() {
    let folder = folder();
    let output = sallyport(&["check", "policy.yaml"], folder.path());
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    let start = "policy shop: ok, enforce, 2 segments, 1 flow, 0 authorities, sha256 ";
    let hashes = text.strip_prefix(start).unwrap();
    let (sha256, policy_hash) = hashes.trim().split_once(", policy_hash ").unwrap();
    let (first_6_bytes, _) = sha256.split_at(12);
    let number = u64::from_str_radix(first_6_bytes, 16).unwrap();
    assert_eq!(policy_hash, number.to_string());
    // A pipe is no terminal, so there are no colours.
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn check_names_each_error_and_exits_with_1() {
    let folder = folder();
    let output = sallyport(&["check", "broken.yaml"], folder.path());
    assert_eq!(code(&output), 1);
    let expected = "\
error: spec.flows[0].operations[0].methods[0] (line 19): `get` is not in upper case: methods are compared exactly, and no client sends this one
error: spec.flows[0].to (line 17): there is no segment `order`: did you mean `orders`?
broken.yaml: invalid, 2 errors
";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn check_writes_one_json_object_a_file() {
    let folder = folder();
    let arguments = ["--output", "json", "check", "policy.yaml", "broken.yaml"];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 1);
    let text = stdout(&output);
    let reports: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [valid, broken] = reports.as_slice() else {
        panic!("{text}")
    };
    assert_eq!(
        (&valid["ok"], &valid["policy"]),
        (&true.into(), &"shop".into())
    );
    assert_eq!(valid["sha256"].as_str().unwrap().len(), 64);
    assert!(valid["policy_hash"].is_u64());
    assert_eq!(
        (&broken["ok"], &broken["policy"]),
        (&false.into(), &Value::Null)
    );
    let error = &broken["errors"][1];
    assert_eq!(error["path"], "spec.flows[0].to");
    assert_eq!(error["line"], 17);
}

#[test]
fn check_exits_with_3_when_a_file_cannot_be_read() {
    let folder = folder();
    let output = sallyport(
        &["check", "absent.yaml", "broken.yaml", "policy.yaml"],
        folder.path(),
    );
    assert_eq!(code(&output), 3);
    let text = stdout(&output);
    assert!(text.contains("cannot read `absent.yaml`"), "{text}");
    assert!(text.contains("\nabsent.yaml: cannot be read\n"), "{text}");
    assert!(
        text.contains("policy shop: ok"),
        "the others are checked all the same"
    );
}

#[test]
fn warnings_do_not_fail_a_check() {
    let folder = folder();
    let shadow = POLICY.replace("mode: enforce", "mode: shadow");
    fs::write(folder.path().join("shadow.yaml"), shadow).unwrap();
    let output = sallyport(&["check", "shadow.yaml"], folder.path());
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).starts_with("warning: spec.mode (line 6): the policy is in shadow"));
}

#[test]
fn schema_is_a_json_schema_that_fits_the_policy() {
    let folder = folder();
    let schema = json(&sallyport(&["schema"], folder.path()));
    let policy: Value = serde_saphyr::from_str(POLICY).unwrap();
    assert!(jsonschema::is_valid(&schema, &policy));
    assert!(!jsonschema::is_valid(
        &schema,
        &serde_json::json!({"kind": "Policy"})
    ));
}

// === explain ===

fn explain(folder: &Path, more: &[&str]) -> Output {
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

#[test]
fn explain_exits_with_0_and_2() {
    let folder = folder();
    let allowed = explain(folder.path(), &["--from", WEB, "--path", "/v1/orders/7"]);
    assert_eq!(code(&allowed), 0);
    let text = stdout(&allowed);
    assert!(text.starts_with("ALLOWED\n"), "{text}");
    let trust = "trust     99 (TRUSTED), log-odds -4.8 = prior -4.6, tls_version -0.2\n";
    assert!(text.contains(trust), "{text}");

    let more = [
        "--from",
        WEB,
        "--method",
        "DELETE",
        "--path",
        "/v1/orders/7",
    ];
    let denied = explain(folder.path(), &more);
    assert_eq!(code(&denied), 2);
    let text = stdout(&denied);
    assert!(
        text.starts_with("DENIED: operation_not_allowed (HTTP 403)\n"),
        "{text}"
    );
    assert!(text.contains("If the call is wanted, add an operation to the flow."));
}

#[test]
fn explain_writes_the_record_as_json() {
    let folder = folder();
    let more = [
        "--from",
        WEB,
        "--path",
        "/v1/x",
        "--at",
        "2026-11-21T08:00:00Z",
        "--output",
        "json",
    ];
    let output = explain(folder.path(), &more);
    assert_eq!(code(&output), 2);
    let answer = json(&output);
    assert_eq!(answer["outcome"], "denied");
    assert_eq!(answer["status"], 403);
    assert_eq!(answer["record"]["reason"], "operation_not_allowed");
    assert_eq!(answer["record"]["time_ms"], 1_795_248_000_000_u64);
    assert!(answer["remedy"].is_string());
}

#[test]
fn explain_reads_the_same_request_from_json() {
    let folder = folder();
    let request = serde_json::json!({
        "from": WEB, "to": ORDERS, "path": "/v1/orders/7", "port": 8080, "at": "1800000000000",
    });
    fs::write(folder.path().join("request.json"), request.to_string()).unwrap();
    let arguments = [
        "explain",
        "--policy",
        "policy.yaml",
        "--request",
        "request.json",
    ];
    let by_file = sallyport(&arguments, folder.path());
    let more = [
        "--from",
        WEB,
        "--path",
        "/v1/orders/7",
        "--at",
        "1800000000000",
    ];
    let by_flags = explain(folder.path(), &more);
    assert_eq!(stdout(&by_file), stdout(&by_flags));
}

#[test]
fn explain_says_what_is_wrong_with_a_request() {
    let folder = folder();
    let cases = [
        ("{}", 3, "`to` is missing"),
        (
            "{\"to\": \"orders\", \"path\": \"/\", \"port\": 1}",
            3,
            "`to`: `orders` is no SPIFFE ID",
        ),
        ("{\"form\": \"x\"}", 1, "unknown field `form`"),
        ("{\"port\": 1, \"port\": 2}", 1, "duplicate field `port`"),
        (
            "{\"plaintext\": true, \"tls\": \"1.3\"}",
            3,
            "contradict each other",
        ),
        ("{\"token\": \"t\"}", 3, "`token` needs `certificate`"),
    ];
    for (request, exit, message) in cases {
        fs::write(folder.path().join("request.json"), request).unwrap();
        let arguments = [
            "explain",
            "--policy",
            "policy.yaml",
            "--request",
            "request.json",
        ];
        let output = sallyport(&arguments, folder.path());
        assert_eq!(code(&output), exit, "{request}");
        assert!(
            stderr(&output).contains(message),
            "{request}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn explain_refuses_an_invalid_policy_and_names_its_errors() {
    let folder = folder();
    let arguments = [
        "explain",
        "--policy",
        "broken.yaml",
        "--plaintext",
        "--path",
        "/",
        "--port",
        "1",
    ];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("error: spec.flows[0].to (line 17)"),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).starts_with("error: `broken.yaml` is no valid policy\n"));
}

#[test]
fn text_quotes_no_control_characters() {
    let folder = folder();
    let evil = POLICY.replace("to: orders", r#"to: "\e[2Jorders""#);
    fs::write(folder.path().join("evil.yaml"), evil).unwrap();
    let output = sallyport(&["check", "evil.yaml"], folder.path());
    assert_eq!(code(&output), 1);
    let text = stdout(&output);
    assert!(
        text.contains("[2Jorders") && !text.contains('\u{1b}'),
        "{text:?}"
    );
}

// === cred ===

/// Makes an authority of small keys; gives what the command printed.
fn authority(folder: &Path, kind: &str, name: &str, more: &[&str]) -> Output {
    let fixed = ["cred", "authority", "new", "--kind", kind, "--name", name];
    let rest = [
        "--trust-domain",
        "d.example",
        "--out",
        name,
        "--rsa-bits",
        "2048",
    ];
    sallyport(&[&fixed[..], &rest, more].concat(), folder)
}

fn certificate(folder: &Path, authority: &str, out: &str, more: &[&str]) -> Output {
    let fixed = [
        "cred",
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
fn world() -> TempDir {
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

#[test]
fn credentials_go_from_issue_to_decision() {
    let world = world();
    let folder = world.path();
    let checked = sallyport(&["check", "policy.yaml"], folder);
    assert_eq!(code(&checked), 0, "{}", stdout(&checked));
    assert!(stdout(&checked).contains("3 authorities"));

    assert_eq!(
        code(&certificate(
            folder,
            "mesh-ca",
            "hybrid",
            &["--dns-name", "web.svc"]
        )),
        0
    );
    assert_eq!(
        code(&certificate(
            folder,
            "old-ca",
            "classical",
            &["--key", "ecdsa-p256"]
        )),
        0
    );
    let token = ["cred", "token", "--authority", "issuer", "--out", "token"];
    let token = [&token[..], &["--certificate", "classical/cert-chain.pem"]].concat();
    assert_eq!(code(&sallyport(&token, folder)), 0);

    let ask = |more: &[&str]| {
        let fixed = ["--path", "/v1/orders/7", "--output", "json"];
        json(&explain(folder, &[&fixed[..], more].concat()))
    };
    let hybrid = ask(&["--certificate", "hybrid/cert-chain.pem"]);
    assert_eq!(hybrid["outcome"], "allowed");
    assert_eq!(hybrid["record"]["assurance"], "hybrid");
    let classical = ask(&["--certificate", "classical/cert-chain.pem"]);
    assert_eq!(classical["record"]["reason"], "assurance_too_low");
    let halves = ["--token", "token/hybrid-identity-token"];
    let both = ["--signature", "token/hybrid-identity-signature"];
    let certificate = ["--certificate", "classical/cert-chain.pem"];
    let with_token = ask(&[&certificate[..], &halves, &both].concat());
    assert_eq!(with_token["outcome"], "allowed");
    assert_eq!(with_token["record"]["assurance"], "hybrid");
    let half = ask(&[&certificate[..], &halves].concat());
    assert_eq!(half["record"]["reason"], "hybrid_signature_missing");
}

#[test]
fn a_certificate_must_name_the_caller_that_was_given() {
    let world = world();
    assert_eq!(
        code(&certificate(world.path(), "mesh-ca", "hybrid", &[])),
        0
    );
    let more = [
        "--certificate",
        "hybrid/cert-chain.pem",
        "--from",
        ORDERS,
        "--path",
        "/",
    ];
    let output = explain(world.path(), &more);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains(WEB), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn private_keys_are_for_their_owner_and_are_not_printed() {
    use std::os::unix::fs::PermissionsExt;

    let world = world();
    let folder = world.path();
    let issued = certificate(folder, "mesh-ca", "leaf", &[]);
    assert!(!stdout(&issued).contains("PRIVATE") && !stderr(&issued).contains("PRIVATE"));
    for path in [
        "mesh-ca/ca.key",
        "mesh-ca/ca.mldsa.key",
        "issuer/token.key",
        "issuer/token.pq.key",
        "leaf/key.pem",
    ] {
        let mode = fs::metadata(folder.join(path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
        let shown = sallyport(&["cred", "show", path], folder);
        assert_eq!(code(&shown), 1);
        assert!(shown.stdout.is_empty());
        assert!(stderr(&shown).contains("holds a private key, which is not shown"));
    }
}

#[test]
fn nothing_is_overwritten_unless_forced() {
    let folder = folder();
    let files = |name: &str| -> Vec<(PathBuf, Vec<u8>)> {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder.path().join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths
            .into_iter()
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    };
    assert_eq!(code(&authority(folder.path(), "hybrid", "ca", &[])), 0);
    let first = files("ca");
    let again = authority(folder.path(), "hybrid", "ca", &[]);
    assert_eq!(code(&again), 3);
    assert!(
        stderr(&again).contains("give `--force` to replace it"),
        "{}",
        stderr(&again)
    );
    assert_eq!(files("ca"), first, "and nothing is left over");
    assert_eq!(
        code(&authority(folder.path(), "hybrid", "ca", &["--force"])),
        0
    );
    let second = files("ca");
    assert_eq!(second.len(), first.len());
    assert!(
        first
            .iter()
            .zip(&second)
            .all(|(old, new)| old.0 == new.0 && old.1 != new.1)
    );
}

#[test]
fn an_authority_that_no_policy_could_pin_is_not_made() {
    let folder = folder();
    let named = authority(folder.path(), "hybrid", "Mesh_CA", &[]);
    assert_eq!(code(&named), 3);
    assert!(stderr(&named).contains("is no DNS label"));
    let legacy = authority(
        folder.path(),
        "hybrid",
        "ca",
        &["--algorithm", "Dilithium5"],
    );
    assert_eq!(code(&legacy), 3);
    assert!(stderr(&legacy).contains("for token authorities only"));
    assert!(!folder.path().join("Mesh_CA").exists());
    assert!(!folder.path().join("ca/ca.key").exists());
}

#[test]
fn shows_what_public_files_hold() {
    let world = world();
    let folder = world.path();
    assert_eq!(code(&certificate(folder, "mesh-ca", "leaf", &[])), 0);
    let token = [
        "cred",
        "token",
        "--authority",
        "issuer",
        "--out",
        "token",
        "--audience",
        "other",
    ];
    let token = [&token[..], &["--certificate", "leaf/cert-chain.pem"]].concat();
    assert_eq!(code(&sallyport(&token, folder)), 0);

    let arguments = [
        "cred",
        "show",
        "leaf/cert-chain.pem",
        "--policy",
        "policy.yaml",
    ];
    let text = stdout(&sallyport(&arguments, folder));
    assert!(
        text.contains(WEB) && text.contains("hybrid by authority mesh-ca"),
        "{text}"
    );
    let arguments = [
        "--output",
        "json",
        "cred",
        "show",
        "token/hybrid-identity-token",
    ];
    let shown = json(&sallyport(&arguments, folder));
    assert_eq!(
        (&shown["kind"], &shown["claims"]["aud"]),
        (&"token".into(), &"other".into())
    );
    assert_eq!(shown["claims"]["sub"], WEB);
    let text = stdout(&sallyport(
        &["cred", "show", "mesh-ca/ca.mldsa.pub"],
        folder,
    ));
    assert!(text.contains("PUBLIC KEY"), "{text}");
    assert_eq!(
        code(&sallyport(&["cred", "show", "policy.yaml"], folder)),
        1
    );
}

// === render and docs ===

#[test]
fn renders_yaml_and_json_alike() {
    let folder = folder();
    let arguments = [
        "render",
        "--target",
        "envoy",
        "--policy",
        "policy.yaml",
        "--module",
        "/m.wasm",
    ];
    let yaml = sallyport(&arguments, folder.path());
    assert_eq!(code(&yaml), 0, "{}", stderr(&yaml));
    let from_yaml: Value = serde_saphyr::from_str(&stdout(&yaml)).unwrap();
    let from_json = json(&sallyport(
        &[&arguments[..], &["--output", "json"]].concat(),
        folder.path(),
    ));
    assert_eq!(from_yaml, from_json);
    assert_eq!(
        from_json[0]["typed_config"]["config"]["failure_policy"],
        "FAIL_RELOAD"
    );
}

#[test]
fn render_refuses_what_would_not_protect() {
    let folder = folder();
    let fixed = [
        "render", "--target", "envoy", "--module", "/m.wasm", "--policy",
    ];
    let open = [&fixed[..], &["policy.yaml", "--fail-strategy", "open"]].concat();
    let output = sallyport(&open, folder.path());
    assert_eq!((code(&output), output.stdout.len()), (1, 0));
    assert!(
        stderr(&output).contains("this policy enforces"),
        "{}",
        stderr(&output)
    );
    let output = sallyport(&[&fixed[..], &["broken.yaml"]].concat(), folder.path());
    assert_eq!((code(&output), output.stdout.len()), (1, 0));
    let output = sallyport(&["render", "--target", "envoy"], folder.path());
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("`--policy` is needed here"));
}

#[test]
fn reference_documents_are_markdown() {
    let folder = folder();
    for document in ["reasons", "metrics", "policy"] {
        let output = sallyport(&["docs", document], folder.path());
        assert_eq!(code(&output), 0);
        assert!(stdout(&output).contains("\n# "), "{document}");
    }
}
