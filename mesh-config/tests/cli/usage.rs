//! Wrong usage, help, and completions.

use crate::support::*;

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
            "issue",
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
