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
        &["explain", "--policy", "policy.yaml", "--decision", "00aa-1"],
        &["explain", "--path", "/", "--decision", "00aa-1"],
        &["status", "--admin", "http://127.0.0.1:15000"],
        &["status", "--admin", "127.0.0.1:15000/stats"],
        &["status", "--metrics", "127.0.0.1:15020/stats/prometheus"],
        &["status", "--metrics", "https://127.0.0.1:15020/"],
        &["artifacts", "import", "b", "--name", "n", "--issuer", "i"],
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

#[test]
fn manual_pages_come_from_the_help() {
    let folder = folder();
    let page = stdout(&sallyport(&["man"], folder.path()));
    assert!(
        page.contains(".TH sallyport 1") && page.contains("check"),
        "{page}"
    );
    assert_eq!(
        code(&sallyport(&["man", "--out", "pages"], folder.path())),
        0
    );
    for name in [
        "sallyport.1",
        "sallyport-check.1",
        "sallyport-cred-issue-token.1",
    ] {
        let page = std::fs::read_to_string(folder.path().join("pages").join(name)).unwrap();
        assert!(page.contains(".SH NAME"), "{name}");
    }
}

#[test]
#[cfg(unix)]
fn as_a_plugin_of_kubectl_it_says_so() {
    let folder = folder();
    let plugin = folder.path().join("kubectl-sallyport");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sallyport"), &plugin).unwrap();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(&plugin)
            .args(arguments)
            .output()
            .unwrap();
        (stdout(&output), stderr(&output))
    };
    assert!(
        run(&["check", "--help"])
            .0
            .contains("Usage: kubectl sallyport check")
    );
    assert!(run(&["check"]).1.contains("Usage: kubectl sallyport check"));
    let help = stdout(&sallyport(&["check", "--help"], folder.path()));
    assert!(help.contains("Usage: sallyport check"), "{help}");
}

#[test]
fn an_address_in_another_form_is_said_with_the_right_one() {
    let folder = folder();
    for (arguments, said) in [
        (
            ["--admin", "http://127.0.0.1:15000"],
            "as in `127.0.0.1:15000`",
        ),
        (
            ["--metrics", "127.0.0.1:15020/stats/prometheus"],
            "`http://127.0.0.1:15020/stats/prometheus`",
        ),
    ] {
        let output = sallyport(&[&["status"], &arguments[..]].concat(), folder.path());
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    // A file may have any name.
    std::fs::write(folder.path().join("pod:15020"), "up 1\n").unwrap();
    let output = sallyport(&["status", "--metrics", "pod:15020"], folder.path());
    assert_eq!(code(&output), 1, "{}", stderr(&output));
}
