use std::fs;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;

use super::*;

fn objects(text: &str) -> Vec<Object> {
    from_text(text, Path::new("m.yaml")).unwrap().objects
}

fn refused(text: &str) -> Finding {
    let InvalidManifests(mut findings) = from_text(text, Path::new("m.yaml")).unwrap_err();
    assert_eq!(findings.len(), 1);
    findings.remove(0)
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  selector: {}
  template:
    spec:
      serviceAccountName: web
      containers: [{name: web}]
";

#[test]
fn objects_know_where_they_stand() {
    let text = format!(
        "---\n# first\n---\n{DEPLOYMENT}---\nkind: Pod\napiVersion: v1\nmetadata: {{name: p}}\n"
    );
    let objects = objects(&text);
    let seen: Vec<_> = objects
        .iter()
        .map(|object| {
            let namespace = object.namespace.as_deref();
            (
                object.kind.as_str(),
                namespace,
                object.name.as_str(),
                object.line,
            )
        })
        .collect();
    let expected = [
        ("Deployment", Some("shop"), "web", 4),
        ("Pod", None, "p", 16),
    ];
    assert_eq!(seen, expected);
    assert_eq!(
        objects[0].line_of("spec.template.spec.containers[0].name"),
        14
    );
    assert_eq!(objects[0].line_of("spec.nothing"), 9);
    assert!(objects[0].is("apps", "Deployment") && objects[1].is("", "Pod"));
}

#[test]
fn gives_typed_views_of_what_has_the_type() {
    let objects = objects(DEPLOYMENT);
    let view: Deployment = objects[0].view().unwrap().unwrap();
    let account = view
        .spec
        .unwrap()
        .template
        .spec
        .unwrap()
        .service_account_name;
    assert_eq!(account.as_deref(), Some("web"));
    assert!(objects[0].view::<Pod>().unwrap().is_none());
    let broken = from_text(&DEPLOYMENT.replace("{}", "7"), Path::new("m.yaml")).unwrap();
    let finding = broken.objects[0].view::<Deployment>().unwrap_err();
    assert!(finding.to_string().contains("m.yaml"), "{finding}");
}

#[test]
fn unpacks_lists_of_all_kinds() {
    let text = "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: a, namespace: x}
- apiVersion: v1
  kind: Service
  metadata: {name: b}
---
apiVersion: v1
kind: PodList
items:
- metadata:
    name: c
---
apiVersion: v1
kind: PodList
items: []
";
    let objects = objects(text);
    let seen: Vec<_> = objects
        .iter()
        .map(|object| (object.kind.as_str(), object.name.as_str(), object.line))
        .collect();
    assert_eq!(
        seen,
        [("Pod", "a", 4), ("Service", "b", 7), ("Pod", "c", 14)]
    );
    assert_eq!(objects[2].line_of("metadata.name"), 15);
    assert!(objects[2].view::<Pod>().unwrap().is_some());
    let finding = objects[1].finding(Code::NoObject, "spec", "is missing");
    assert_eq!(finding.path, "items[1].spec");
}

#[test]
fn refuses_what_is_no_object() {
    let cases = [
        ("a: 1\n", 1, "no `kind`"),
        ("apiVersion: v1\n", 1, "no `kind`"),
        ("kind: Pod\n", 1, "no `apiVersion`"),
        ("kind: 7\napiVersion: v1\n", 1, "no text"),
        ("kind: Pod\napiVersion: v1\nmetadata: 1\n", 3, "no mapping"),
        (
            "kind: Pod\napiVersion: v1\nmetadata:\n  namespace: 1\n",
            4,
            "no text",
        ),
        ("kind: List\napiVersion: v1\nitems: [1]\n", 3, "no object"),
        ("kind: List\napiVersion: v1\nitems: [{}]\n", 3, "no `kind`"),
        (
            "kind: List\napiVersion: v1\nitems:\n- {kind: List, apiVersion: v1, items: []}\n",
            4,
            "within a list",
        ),
        (
            "kind: Pod\napiVersion: v1\nmetadata: {labels: {on: x}}\n",
            3,
            "quote",
        ),
        ("a: {{ .Values.x }}\n", 1, "render templates"),
    ];
    for (text, line, expected) in cases {
        let finding = refused(text);
        let shown = finding.to_string();
        assert!(shown.contains(expected), "{text}: {shown}");
        assert_eq!(finding.line, Some(line), "{text}: {shown}");
    }
}

#[test]
fn reads_folders_in_order_and_leaves_out_what_is_none_there() {
    let folder = tempfile::tempdir().unwrap();
    let pod = |name: &str| format!("kind: Pod\napiVersion: v1\nmetadata: {{name: {name}}}\n");
    fs::create_dir_all(folder.path().join("b/deep")).unwrap();
    fs::create_dir_all(folder.path().join(".hidden")).unwrap();
    for (file, text) in [
        (
            "c.json",
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"c"}}"#.to_owned(),
        ),
        ("b/deep/b.yml", pod("b")),
        ("a.yaml", pod("a")),
        ("values.yaml", "replicas: 1\n".to_owned()),
        ("README.md", "# no".to_owned()),
        (".hidden/x.yaml", "broken: [".to_owned()),
    ] {
        fs::write(folder.path().join(file), text).unwrap();
    }
    let manifests = read(&[folder.path().to_owned()]).unwrap();
    let names: Vec<&str> = manifests
        .objects
        .iter()
        .map(|object| object.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(manifests.left_out.len(), 1);
    assert!(
        manifests.left_out[0]
            .file
            .as_ref()
            .unwrap()
            .ends_with("values.yaml")
    );
}

#[test]
fn says_everything_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), "a: [").unwrap();
    fs::write(folder.path().join("b.yaml"), [0xff, 0xfe, 0]).unwrap();
    let missing = folder.path().join("missing.yaml");
    let error = read(&[folder.path().to_owned(), missing]).unwrap_err();
    assert_eq!(error.0.len(), 3, "{error}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_in_a_folder_is_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("endless.yaml")).unwrap();
    let InvalidManifests(findings) = read(&[folder.path().to_owned()]).unwrap_err();
    assert!(
        findings.len() == 1 && findings[0].message.contains("is no file"),
        "{findings:?}"
    );
}
