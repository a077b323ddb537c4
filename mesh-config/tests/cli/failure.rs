//! What went wrong, as one JSON object on standard error.

use std::fs;

use crate::support::*;

#[test]
fn each_command_says_what_went_wrong_as_json() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("empty"), "").unwrap();
    let explain = [
        "explain",
        "--policy",
        "broken.yaml",
        "--plaintext",
        "--path",
        "/",
        "--port",
        "1",
    ];
    let cases: [(&[&str], i32, &str, Option<&str>); 8] = [
        (&explain, 1, "policy_invalid", Some("broken.yaml")),
        (
            &[
                "explain",
                "--policy",
                "absent.yaml",
                "--plaintext",
                "--path",
                "/",
                "--port",
                "1",
            ],
            3,
            "file_unreadable",
            Some("absent.yaml"),
        ),
        (
            &["explain", "--policy", "policy.yaml", "--plaintext"],
            3,
            "usage",
            None,
        ),
        (
            &[
                "render",
                "--target",
                "envoy",
                "--policy",
                "broken.yaml",
                "--module",
                "/m",
            ],
            1,
            "policy_invalid",
            Some("broken.yaml"),
        ),
        (&["render", "--target", "envoy"], 3, "usage", None),
        (
            &["cred", "inspect", "empty"],
            1,
            "file_invalid",
            Some("empty"),
        ),
        (&["cred", "verify"], 3, "usage", None),
        (&["chekc"], 3, "usage", None),
    ];
    for (arguments, exit, name, path) in cases {
        let output = sallyport(&[arguments, &["--output", "json"]].concat(), folder);
        assert_eq!(code(&output), exit, "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let error = error(&output);
        assert_eq!(error["code"], name, "{arguments:?}");
        assert_eq!(error["path"].as_str(), path, "{arguments:?}");
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
    let output = sallyport(&[&explain[..], &["--output=json"]].concat(), folder);
    let error = error(&output);
    assert_eq!(error["findings"][1]["path"], "spec.flows[0].to");
}

#[test]
fn help_stands_apart_in_json_and_beside_the_message_in_text() {
    let folder = folder();
    let request = ["explain", "--policy", "policy.yaml", "--plaintext"];
    let text = stderr(&sallyport(&request, folder.path()));
    assert!(
        text.starts_with("error: `path` is missing: give it as a flag"),
        "{text}"
    );
    let output = sallyport(
        &[&request[..], &["--output", "json"]].concat(),
        folder.path(),
    );
    let error = error(&output);
    assert_eq!(error["message"], "`path` is missing");
    assert_eq!(
        error["help"],
        "give it as a flag, or in the file of `--request`"
    );
}
