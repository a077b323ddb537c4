//! Policies of the kinds that Istio's documentation describes, one file each.
//!
//! The comments of a file say what is expected: `# findings:` all codes; `# yes:` and `# no:` requests
//! that both allow and deny; `# less:` requests that Istio may allow and the import denies.

use std::fs;
use std::path::Path;

use crate::compare::{MESH, Pair, parse, requests};

const NAMESPACES: [&str; 4] = ["foo", "bar", "dev", "istio-system"];

const CALLERS: [Option<(&str, &str, &str)>; 11] = [
    None,
    Some((MESH, "foo", "default")),
    Some((MESH, "foo", "sleep")),
    Some((MESH, "bar", "sleep")),
    Some((MESH, "bar", "curl")),
    Some((MESH, "dev", "default")),
    Some((MESH, "dev", "my-sleep")),
    Some((MESH, "nowhere", "sleep")),
    Some(("old.example", "bar", "sleep")),
    Some(("partner.example", "bar", "sleep")),
    Some(("partner.example", "dev", "default")),
];

const PATHS: [&str; 17] = [
    "/",
    "/info",
    "/info/",
    "/info/a",
    "/information",
    "/data",
    "/data/a/b",
    "/admin",
    "/admin/users",
    "/healthz",
    "/a/b.txt",
    "/users/7/orders",
    "/users/7/orders/9",
    "/users/orders",
    "/foo/bar/baz",
    "/pkg.Service/Method",
    "/x*y",
];

#[test]
fn each_case_has_the_same_answers_as_istio_or_says_why_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/cases");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 25, "{} cases", files.len());
    let wrong = files
        .iter()
        .filter(|file| std::panic::catch_unwind(|| case(file)).is_err());
    let wrong: Vec<_> = wrong.map(|file| file.file_name().unwrap()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn case(file: &Path) {
    let yaml = fs::read_to_string(file).unwrap();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let said = |key: &str| -> Vec<String> {
        let start = format!("# {key}:");
        let lines = yaml.lines().filter_map(|line| line.strip_prefix(&start));
        lines.map(|line| line.trim().to_owned()).collect()
    };
    let pair = Pair::new(&yaml);
    let codes = said("findings").join(" ");
    let found: Vec<&str> = pair.codes.iter().copied().collect();
    assert_eq!(found.join(" "), codes, "{name}");

    let workloads = pair.workloads(&NAMESPACES);
    for (key, istio, imported) in [
        ("yes", true, true),
        ("no", false, false),
        ("less", true, false),
    ] {
        for line in said(key) {
            for request in parse(&line, &workloads) {
                let answers = pair.answers(&request);
                let expected = if key == "less" {
                    answers.istio_perhaps
                } else {
                    answers.istio
                };
                assert_eq!(
                    expected, istio,
                    "{name}: model, {line} {:?}",
                    request.to.labels
                );
                assert_eq!(
                    answers.imported, imported,
                    "{name}: import, {line} {:?}",
                    request.to.labels
                );
            }
        }
    }
    let methods = ["GET", "POST", "DELETE", "PURGE"];
    let all = requests(&CALLERS, &workloads, &methods, &PATHS, &[8080, 9000]);
    let allowed = pair.compare(&all, &name);
    assert_eq!(
        allowed > 0,
        !said("yes").is_empty(),
        "{name}: {allowed} allowed"
    );
}

#[test]
fn an_imported_policy_is_one_that_check_accepts() {
    let pair = Pair::new(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: b}\n",
    );
    assert_eq!(pair.policy().policy.flows().len(), 0);
}
