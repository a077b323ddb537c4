//! Each way in which the file of a bundle can be wrong.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn files(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let policy = [(POLICY, "{}")];
    let files = policy.iter().chain(more);
    files
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

fn bundle() -> Bundle {
    let more = [
        ("mesh.json", "{}"),
        ("artifacts/models.yaml", "m"),
        ("artifacts/models.yaml.sig", "s"),
    ];
    Bundle::new("shop", 7, files(&more)).unwrap()
}

fn read(text: &str) -> Result<Bundle, Vec<Finding>> {
    Bundle::read(text.as_bytes(), Path::new("bundle.json"))
}

/// The bundle with a change to its JSON, in canonical form.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<Code> {
    let mut value = serde_json::from_str(bundle().text()).unwrap();
    change(&mut value);
    let text = strict_json::canonical(&value).unwrap() + "\n";
    let findings = read(&text).unwrap_err();
    findings.into_iter().map(|finding| finding.code).collect()
}

#[test]
fn reads_what_it_writes() {
    let bundle = bundle();
    assert_eq!(read(bundle.text()), Ok(bundle.clone()));
    assert_eq!((bundle.name(), bundle.version()), ("shop", 7));
    assert_eq!(bundle.sha256().len(), 64);
}

#[test]
fn each_byte_counts() {
    let bundle = bundle();
    let text = bundle.text().as_bytes();
    for index in 0..text.len() {
        for flip in [0x01_u8, 0x20] {
            let mut bytes = text.to_vec();
            bytes[index] ^= flip;
            // A name or version may be another one; then it is another bundle, which nobody signed.
            let found = Bundle::read(&bytes, Path::new("b"));
            assert!(found.is_err() || found.unwrap().sha256() != bundle.sha256());
        }
        assert!(Bundle::read(&text[..index], Path::new("b")).is_err());
    }
}

#[test]
fn refuses_other_forms_of_the_same_bundle() {
    let text = bundle().text().to_owned();
    for other in [
        format!("{text}\n"),
        format!("{text} "),
        format!("{text}{{}}"),
        text.trim_end().to_owned(),
        text.replace("\"version\":7", "\"version\": 7"),
        text.replace("\"version\":7", "\"version\":7,\"version\":7"),
        text.replace("\"version\":7", "\"version\":7.0"),
        text.replace("policy", "\\u0070olicy"),
        text.replace("\"kind\"", "\"extra\":1,\"kind\""),
        "[]".to_owned(),
        String::new(),
    ] {
        let found = read(&other).unwrap_err();
        assert_eq!(found[0].code, Code::BundleForm, "{other}");
    }
}

#[test]
fn refuses_paths_that_have_no_place() {
    for path in [
        "../policy.json",
        "/etc/passwd",
        "policy.json/..",
        "artifacts/../../x.yaml",
        "artifacts/a/b.yaml",
        "artifacts/.yaml",
        "artifacts/-a.yaml",
        "artifacts\\a.yaml",
        "artifacts/A.yaml",
        "artifacts/a.json",
        "C:policy.json",
        "policy.json\u{0}",
        "mesh.yaml",
        "",
    ] {
        let found = Bundle::new("shop", 1, files(&[(path, "x")])).unwrap_err();
        assert!(
            found.iter().any(|finding| finding.code == Code::BundlePath),
            "{path:?}: {found:?}"
        );
    }
}

#[test]
fn refuses_added_missing_repeated_and_edited_files() {
    let file = |value: &Value, index: usize| value["files"][index].clone();
    let repeated = changed(|it| {
        let first = file(it, 0);
        it["files"].as_array_mut().unwrap().insert(0, first);
    });
    assert_eq!(repeated, [Code::BundleForm]);
    let order = changed(|it| it["files"].as_array_mut().unwrap().reverse());
    assert!(order.contains(&Code::BundleForm));
    for index in 0..2 {
        // A manifest without its signature, or the other way round.
        let missing = changed(|it| {
            it["files"].as_array_mut().unwrap().remove(index);
        });
        assert_eq!(missing, [Code::BundleContent], "{index}");
    }
    let policy = changed(|it| {
        it["files"].as_array_mut().unwrap().pop();
    });
    assert_eq!(policy, [Code::BundleContent]);
    for (member, value) in [
        ("text", json!("n")),
        ("bytes", json!(2)),
        ("sha256", json!("00")),
    ] {
        let edited = changed(|it| it["files"][0][member] = value);
        assert_eq!(edited, [Code::BundleContent], "{member}");
    }
    let link = changed(|it| it["files"][0]["link"] = json!("/etc/passwd"));
    assert_eq!(link, [Code::BundleForm]);
    assert_eq!(changed(|it| it["version"] = json!(0)), [Code::BundleForm]);
    assert_eq!(changed(|it| it["name"] = json!("a/b")), [Code::BundleForm]);
}

#[test]
fn refuses_private_keys() {
    let key = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n";
    let found = Bundle::new("shop", 1, files(&[("mesh.json", key)])).unwrap_err();
    assert_eq!(found[0].code, Code::PrivateKey);
}

proptest! {
    #[test]
    fn equal_contents_are_equal_bytes_and_others_are_not(
        texts in prop::collection::vec(".{0,40}", 2),
        version in 1..=LARGEST_VERSION,
    ) {
        let make = |version, mesh: &str| Bundle::new("shop", version, files(&[("mesh.json", mesh)]));
        let (one, other) = (make(version, &texts[0]).unwrap(), make(version, &texts[1]).unwrap());
        prop_assert_eq!(read(one.text()), Ok(one.clone()));
        prop_assert_eq!(one.sha256() == other.sha256(), texts[0] == texts[1]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Bundle::read(&bytes, Path::new("b")).is_err());
    }

    #[test]
    fn no_path_of_a_bundle_leads_out_of_its_folder(path in "[a-z./\\\\-]{0,24}") {
        if has_place(&path) {
            let plain = |part| matches!(part, std::path::Component::Normal(_));
            prop_assert!(Path::new(&path).components().all(plain), "{}", path);
        }
    }
}
