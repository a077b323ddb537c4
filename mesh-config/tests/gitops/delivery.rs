//! Argo CD and Flux: what they are given fits to what is rendered.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::place::{EXAMPLE, Place};

fn documents(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(Path::new(EXAMPLE).join(file)).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn one(file: &str, kind: &str) -> Value {
    let found = documents(file)
        .into_iter()
        .find(|document| document["kind"] == kind);
    found.unwrap_or_else(|| panic!("{file} has no {kind}"))
}

/// The resources of a release.
fn rendered() -> Vec<Value> {
    let place = Place::released();
    place.bring_deploy();
    let folder = place.work().join("deploy/rendered");
    let list = fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
    let list: Value = serde_saphyr::from_str(&list).unwrap();
    let names = list["resources"].as_array().unwrap();
    let read = |name: &Value| {
        let text = fs::read_to_string(folder.join(name.as_str().unwrap())).unwrap();
        serde_saphyr::from_str(&text).unwrap()
    };
    names.iter().map(read).collect()
}

fn group(resource: &Value) -> String {
    let version = resource["apiVersion"].as_str().unwrap();
    version.split_once('/').unwrap().0.to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn kinds(resources: &[Value]) -> BTreeSet<(String, String)> {
    let kind = |resource: &Value| (group(resource), text(&resource["kind"]));
    resources.iter().map(kind).collect()
}

fn namespaces(resources: &[Value]) -> BTreeSet<String> {
    let namespace = |resource: &Value| text(&resource["metadata"]["namespace"]);
    resources.iter().map(namespace).collect()
}

#[test]
fn the_project_of_argo_cd_may_touch_what_is_rendered_and_nothing_else() {
    let (project, resources) = (one("argocd/project.yaml", "AppProject"), rendered());
    let spec = &project["spec"];
    let allowed = spec["namespaceResourceWhitelist"].as_array().unwrap();
    let allowed: BTreeSet<_> = allowed
        .iter()
        .map(|entry| (text(&entry["group"]), text(&entry["kind"])))
        .collect();
    assert_eq!(allowed, kinds(&resources));
    assert_eq!(spec["clusterResourceWhitelist"], json!([]));
    let destinations = spec["destinations"].as_array().unwrap().iter();
    let destinations: BTreeSet<_> = destinations.map(|to| text(&to["namespace"])).collect();
    assert_eq!(destinations, namespaces(&resources));
    assert!(!spec["signatureKeys"].as_array().unwrap().is_empty());

    let application = one("argocd/application.yaml", "Application");
    let (metadata, spec) = (&application["metadata"], &application["spec"]);
    assert_eq!(spec["project"], project["metadata"]["name"]);
    assert_eq!(spec["source"]["repoURL"], project["spec"]["sourceRepos"][0]);
    assert_eq!(spec["source"]["targetRevision"], "deploy");
    assert_eq!(spec["source"]["path"], "rendered");
    // Nothing is taken out of a namespace by itself.
    assert_eq!(spec["syncPolicy"]["automated"]["prune"], false);
    assert!(metadata.get("finalizers").is_none());
    // Drift of any field counts.
    assert!(spec.get("ignoreDifferences").is_none());
}

#[test]
fn what_shows_certificates_comes_before_the_filter() {
    let resources = rendered();
    // An addition to annotations needs annotations.
    for resource in &resources {
        assert!(
            resource["metadata"]["annotations"].is_object(),
            "{resource}"
        );
    }
    let application = one("argocd/application.yaml", "Application");
    let patches = application["spec"]["source"]["kustomize"]["patches"]
        .as_array()
        .unwrap();
    assert_eq!(patches.len(), 1);
    assert_eq!(patches[0]["target"], json!({"kind": "EnvoyFilter"}));
    let patch: Value = serde_saphyr::from_str(patches[0]["patch"].as_str().unwrap()).unwrap();
    let path = "/metadata/annotations/argocd.argoproj.io~1sync-wave";
    assert_eq!(patch, json!([{"op": "add", "path": path, "value": "-1"}]));

    // Flux applies each kind once, in two steps.
    let steps = documents("flux/kustomizations.yaml");
    let [first, second] = steps.as_slice() else {
        panic!("two steps");
    };
    assert_eq!(
        second["spec"]["dependsOn"],
        json!([{"name": first["metadata"]["name"]}])
    );
    let left = |step: &Value| -> BTreeSet<String> {
        let patches = step["spec"]["patches"].as_array().unwrap();
        assert_eq!(patches.len(), 1);
        assert!(
            patches[0]["patch"]
                .as_str()
                .unwrap()
                .starts_with("$patch: delete\n")
        );
        let gone = text(&patches[0]["target"]["kind"]);
        let gone: BTreeSet<&str> = gone.split('|').collect();
        let all = kinds(&resources).into_iter().map(|(_, kind)| kind);
        all.filter(|kind| !gone.contains(kind.as_str())).collect()
    };
    assert_eq!(left(first), ["EnvoyFilter".to_owned()].into());
    let rest = ["AuthorizationPolicy", "PeerAuthentication", "WasmPlugin"];
    assert_eq!(left(second), rest.map(str::to_owned).into());
}

#[test]
fn flux_takes_signed_commits_and_may_delete_nothing() {
    let source = one("flux/source.yaml", "GitRepository");
    assert_eq!(source["spec"]["ref"], json!({"branch": "deploy"}));
    assert_eq!(source["spec"]["verify"]["mode"], "HEAD");
    for step in documents("flux/kustomizations.yaml") {
        let spec = &step["spec"];
        assert_eq!(
            spec["sourceRef"],
            json!({"kind": "GitRepository", "name": source["metadata"]["name"]})
        );
        assert_eq!(
            (&spec["prune"], &spec["wait"]),
            (&json!(false), &json!(true))
        );
        assert_eq!(
            (&spec["path"], &spec["serviceAccountName"]),
            (&json!("./rendered"), &json!("sallyport"))
        );
    }
    let (resources, rights) = (rendered(), documents("flux/rbac.yaml"));
    let role = rights
        .iter()
        .find(|it| it["kind"] == "ClusterRole")
        .unwrap();
    let mut may = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        assert_eq!(
            rule["verbs"],
            json!(["get", "list", "watch", "create", "update", "patch"])
        );
        for name in rule["resources"].as_array().unwrap() {
            may.insert((text(&rule["apiGroups"][0]), text(name)));
        }
    }
    let plural = |(group, kind): (String, String)| {
        let name = kind.to_lowercase();
        let plural = name.strip_suffix('y').map(|start| format!("{start}ies"));
        (group, plural.unwrap_or(name + "s"))
    };
    assert_eq!(may, kinds(&resources).into_iter().map(plural).collect());
    let bindings: Vec<Value> = rights
        .into_iter()
        .filter(|it| it["kind"] == "RoleBinding")
        .collect();
    assert_eq!(namespaces(&bindings), namespaces(&resources));
}
