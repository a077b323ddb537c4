//! `render` and the generated documents.

use serde_json::Value;

use crate::support::*;

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
