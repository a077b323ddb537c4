//! `render` for Istio: golden files, what must hold of each resource, and what is refused.
//!
//! `UPDATE_GOLDEN=1 cargo test -p sallyport-mesh-config --test cli istio` writes the golden files
//! anew; the difference is then for a person to read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use sallyport_engine::policy::compile;
use sallyport_engine::policy::raw::PolicyDocument;
use sallyport_engine::policy::slice::PluginConfig;
use serde_json::{Value, json};

use crate::support::*;

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TARGETS: [(&str, &str); 5] = [
    ("wasmplugin", "1.28"),
    ("wasmplugin", "1.31"),
    ("trafficextension", "1.30"),
    ("envoyfilter", "1.29"),
    ("envoyfilter", "1.31"),
];

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rendering")
}

/// A folder with a copy of the policy, changed, and the manifests.
fn mesh(change: impl FnOnce(String) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let policy = fs::read_to_string(data().join("policy.yaml")).unwrap();
    fs::write(folder.path().join("policy.yaml"), change(policy)).unwrap();
    fs::create_dir_all(folder.path().join("manifests/data")).unwrap();
    for file in ["manifests/shop.yaml", "manifests/data/data.yaml"] {
        fs::copy(data().join(file), folder.path().join(file)).unwrap();
    }
    folder
}

fn render(folder: &Path, target: &str, version: &str, more: &[&str]) -> Output {
    let fixed = ["render", "--target", target, "--istio-version", version];
    let rest = ["--policy", "policy.yaml"];
    let module = [
        "--module",
        "file:///etc/sallyport.wasm",
        "--module-sha256",
        DIGEST,
    ];
    let has = |flag: &str| more.contains(&flag);
    let mut arguments = [&fixed[..], &rest].concat();
    if !has("--module") {
        arguments.extend(module);
    }
    if !has("--workloads") && !has("--manifests") {
        arguments.extend(["--manifests", "manifests"]);
    }
    arguments.extend(more);
    sallyport(&arguments, folder)
}

fn resources(folder: &Path, target: &str, version: &str, more: &[&str]) -> Vec<Value> {
    let output = render(
        folder,
        target,
        version,
        &[more, &["--output", "json"]].concat(),
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let list = json(&output);
    assert_eq!(
        (&list["apiVersion"], &list["kind"]),
        (&json!("v1"), &json!("List"))
    );
    list["items"].as_array().unwrap().clone()
}

fn refused(output: &Output) -> String {
    assert_eq!(
        (code(output), output.stdout.len()),
        (1, 0),
        "{}",
        stderr(output)
    );
    stderr(output)
}

fn of_kind<'a>(resources: &'a [Value], kind: &str) -> Vec<&'a Value> {
    resources
        .iter()
        .filter(|resource| resource["kind"] == kind)
        .collect()
}

fn namespaces(resources: &[&Value]) -> Vec<String> {
    let names = resources
        .iter()
        .map(|it| it["metadata"]["namespace"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

/// The configuration of the filter, wherever the target carries it.
fn plugin_config(resource: &Value) -> Option<PluginConfig> {
    let spec = &resource["spec"];
    let config = match resource["kind"].as_str().unwrap() {
        "WasmPlugin" => spec["pluginConfig"].clone(),
        "TrafficExtension" => spec["wasm"]["pluginConfig"].clone(),
        "EnvoyFilter" => {
            let text = spec["configPatches"][0]
                .pointer("/patch/value/typed_config/config/configuration/value")?;
            serde_json::from_str(text.as_str()?).unwrap()
        }
        _ => return None,
    };
    Some(serde_json::from_value(config).unwrap())
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap()
}

#[test]
fn rendering_is_what_the_golden_files_hold() {
    let folder = mesh(|policy| policy);
    for (target, version) in TARGETS {
        let output = render(folder.path(), target, version, &[]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        for (suffix, text) in [("yaml", stdout(&output)), ("txt", stderr(&output))] {
            let golden = data().join(format!("golden/{target}-{version}.{suffix}"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::create_dir_all(golden.parent().unwrap()).unwrap();
                fs::write(&golden, &text).unwrap();
            }
            let expected = fs::read_to_string(&golden).unwrap_or_default();
            assert!(
                text == expected,
                "{} differs: see the head of this file",
                golden.display()
            );
        }
    }
}

#[test]
fn yaml_files_and_json_say_the_same() {
    let folder = mesh(|policy| policy);
    for (target, version) in TARGETS {
        let expected = resources(folder.path(), target, version, &[]);
        let yaml = stdout(&render(folder.path(), target, version, &[]));
        assert!(yaml.starts_with("---\n") && yaml.ends_with('\n'));
        assert_eq!(documents(&yaml), expected);
        let out = format!("out-{target}-{version}");
        let output = render(folder.path(), target, version, &["--out-dir", &out]);
        assert_eq!(
            (code(&output), output.stdout.len()),
            (0, 0),
            "{}",
            stderr(&output)
        );
        let out = folder.path().join(out);
        let read = |name: &str| documents(&fs::read_to_string(out.join(name)).unwrap());
        let kustomization = read("kustomization.yaml").remove(0);
        let names = kustomization["resources"].as_array().unwrap();
        let written: Vec<Value> = names
            .iter()
            .flat_map(|name| read(name.as_str().unwrap()))
            .collect();
        assert_eq!(written, expected);
        assert_eq!(fs::read_dir(&out).unwrap().count(), names.len() + 1);
    }
}

#[test]
fn one_resource_of_each_kind_a_covered_namespace_without_a_selector() {
    let folder = mesh(|policy| policy);
    let covered = ["1e3", "data", "edge", "no", "shop"];
    for (target, version) in TARGETS {
        let resources = resources(folder.path(), target, version, &[]);
        for resource in &resources {
            let text = resource.to_string();
            assert!(
                !text.contains("\"selector\"") && !text.contains("targetRefs"),
                "{text}"
            );
            let annotations = &resource["metadata"]["annotations"];
            assert_eq!(annotations["sallyport.dev/module-sha256"], DIGEST);
            assert_eq!(
                annotations["sallyport.dev/policy-sha256"]
                    .as_str()
                    .unwrap()
                    .len(),
                64
            );
            assert_eq!(annotations["sallyport.dev/rendered-by"], "sallyport 0.1.0");
        }
        let carriers: Vec<&Value> = resources
            .iter()
            .filter(|it| plugin_config(it).is_some())
            .collect();
        assert_eq!(namespaces(&carriers), covered, "{target}");
        assert_eq!(
            namespaces(&of_kind(&resources, "AuthorizationPolicy")),
            covered
        );
        // `data` has one of its own.
        let strict = of_kind(&resources, "PeerAuthentication");
        assert_eq!(namespaces(&strict), ["1e3", "edge", "no", "shop"]);
        assert!(
            strict
                .iter()
                .all(|it| it["spec"] == json!({"mtls": {"mode": "STRICT"}}))
        );
    }
}

#[test]
fn the_filter_is_pinned_inbound_and_never_open() {
    let folder = mesh(|policy| policy);
    for (target, version) in TARGETS {
        for resource in resources(folder.path(), target, version, &[]) {
            let spec = match resource["kind"].as_str().unwrap() {
                "WasmPlugin" => &resource["spec"],
                "TrafficExtension" => {
                    let wasm = resource["spec"]["wasm"].as_object().unwrap();
                    assert!(!wasm.contains_key("match") && !wasm.contains_key("phase"));
                    let own: BTreeSet<&str> = resource["spec"]
                        .as_object()
                        .unwrap()
                        .keys()
                        .map(String::as_str)
                        .collect();
                    assert_eq!(own, BTreeSet::from(["match", "phase", "wasm"]));
                    &resource["spec"]
                }
                _ => continue,
            };
            assert_eq!(spec["phase"], "AUTHZ");
            assert_eq!(spec["match"], json!([{"mode": "SERVER"}]));
            let wasm = spec.get("wasm").unwrap_or(spec);
            assert_eq!(wasm["failStrategy"], "FAIL_RELOAD");
            assert_eq!(wasm["sha256"], DIGEST);
            assert_eq!(wasm["url"], "file:///etc/sallyport.wasm");
        }
    }
}

#[test]
fn each_slice_is_a_policy_with_its_own_hash() {
    let folder = mesh(|policy| policy);
    for (target, version) in TARGETS {
        for resource in resources(folder.path(), target, version, &[]) {
            let Some(config) = plugin_config(&resource) else {
                continue;
            };
            let namespace = resource["metadata"]["namespace"].as_str().unwrap();
            let digest = sallyport_credentials::sha256(config.policy.as_bytes());
            let digest = sallyport_engine::hexadecimal::encode(&digest);
            assert_eq!(config.sha256, digest);
            let annotations = &resource["metadata"]["annotations"];
            assert_eq!(annotations["sallyport.dev/slice-sha256"], json!(digest));
            let document: PolicyDocument = serde_json::from_str(&config.policy).unwrap();
            compile(&document).unwrap();
            assert_eq!(document.metadata.name, "shop");
            let flows: Vec<&str> = document
                .spec
                .flows
                .iter()
                .map(|it| it.name.as_str())
                .collect();
            let expected: &[&str] = match namespace {
                "shop" => &["gateway-to-web", "jobs-to-web"],
                "no" | "1e3" => &["web-to-no"],
                _ => &[],
            };
            assert_eq!(flows, expected, "{namespace}");
            assert!(
                document
                    .spec
                    .segments
                    .iter()
                    .all(|it| it.name != "elsewhere")
            );
        }
    }
}

#[test]
fn ways_around_the_filter_are_closed_by_denials_only() {
    let folder = mesh(|policy| policy);
    let resources = resources(
        folder.path(),
        "wasmplugin",
        "1.31",
        &["--open-tcp", "shop:6379"],
    );
    let rules = |namespace: &str| {
        let policies = of_kind(&resources, "AuthorizationPolicy");
        let policy = policies
            .into_iter()
            .find(|it| it["metadata"]["namespace"] == namespace)
            .unwrap();
        assert_eq!(policy["spec"]["action"], "DENY");
        assert!(
            policy["metadata"]["annotations"]
                .get("istio.io/dry-run")
                .is_none()
        );
        policy["spec"]["rules"].clone()
    };
    let shop = json!([
        {"to": [{"operation": {"notPorts": ["6379", "8080", "8081"]}}]},
        {"to": [{"operation": {"ports": ["8080", "8081"], "notMethods": ["*"]}}]},
    ]);
    assert_eq!(rules("shop"), shop);
    assert_eq!(rules("edge"), json!([{}]));
}

#[test]
fn ports_of_a_gateway_stay_reachable_and_are_named() {
    let folder = mesh(|policy| policy);
    let gateway = "---\nkind: Pod\napiVersion: v1\nmetadata: {name: ingress, namespace: shop, labels: {istio: ingressgateway}}\n\
                   spec: {containers: [{name: c, image: c}]}\n---\nkind: Service\napiVersion: v1\n\
                   metadata: {name: ingress, namespace: shop}\n\
                   spec: {selector: {istio: ingressgateway}, ports: [{port: 443, targetPort: 8443, name: https}]}\n";
    fs::write(folder.path().join("manifests/gateway.yaml"), gateway).unwrap();
    let output = render(folder.path(), "wasmplugin", "1.31", &["--output", "json"]);
    let said = stderr(&output);
    assert!(
        said.contains("namespace `shop` has a gateway: its ports 8443 stay open"),
        "{said}"
    );
    let list = json(&output);
    let policies = of_kind(list["items"].as_array().unwrap(), "AuthorizationPolicy");
    let shop = policies
        .iter()
        .find(|it| it["metadata"]["namespace"] == "shop")
        .unwrap();
    let open = &shop["spec"]["rules"][0]["to"][0]["operation"]["notPorts"];
    assert_eq!(open, &json!(["8080", "8081", "8443"]));
    assert_eq!(
        shop["spec"]["rules"][1]["to"][0]["operation"]["ports"],
        json!(["8080", "8081"])
    );
}

#[test]
fn says_what_is_not_covered_by_name() {
    let folder = mesh(|policy| policy);
    let said = stderr(&render(folder.path(), "wasmplugin", "1.31", &[]));
    for expected in [
        "DaemonSet shop/agent: no segment has its service account `agent`",
        "Pod tools/debug: no segment has its service account `default`: it is not covered",
        "Deployment data/loader: is not covered: it uses the network of the node",
        "Pod data/worker: port 9000: an annotation takes it out of the sidecar: connections pass",
        "Deployment shop/web: port 9100: no service leads there: connections are refused",
        "StatefulSet shop/cart: port 6379: its service does not declare HTTP: connections are refused",
        "Pod no/null: port 80: its service does not declare a protocol",
        "segment `elsewhere`: no workload is known in namespace `elsewhere`",
        "namespace `data` has a PeerAuthentication with STRICT already",
        "namespace `shop`: 3 workloads",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
}

#[test]
fn a_policy_in_shadow_refuses_nothing_anywhere() {
    let folder = mesh(|policy| policy.replacen("mode: enforce", "mode: shadow", 1));
    let open = ["--fail-strategy", "open"];
    let resources = resources(folder.path(), "wasmplugin", "1.31", &open);
    assert!(of_kind(&resources, "PeerAuthentication").is_empty());
    for policy in of_kind(&resources, "AuthorizationPolicy") {
        assert_eq!(
            policy["metadata"]["annotations"]["istio.io/dry-run"],
            "true"
        );
    }
    for plugin in of_kind(&resources, "WasmPlugin") {
        assert_eq!(plugin["spec"]["failStrategy"], "FAIL_OPEN");
        assert_eq!(plugin["spec"]["pluginConfig"]["mode"], "shadow");
    }
}

#[test]
fn parts_are_left_out_by_name() {
    let folder = mesh(|policy| policy);
    let without = |part: &str, target, version| {
        let output = render(folder.path(), target, version, &["--without", part]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        (stdout(&output), stderr(&output))
    };
    let (yaml, said) = without("peer-authentication", "wasmplugin", "1.28");
    assert!(!yaml.contains("PeerAuthentication") && said.contains("plaintext reaches"));
    let (yaml, said) = without("authorization-policy", "wasmplugin", "1.28");
    assert!(!yaml.contains("AuthorizationPolicy"));
    assert!(said.contains("port 6379: its service does not declare HTTP: connections pass"));
    let (yaml, said) = without("certificate-header", "wasmplugin", "1.28");
    assert!(!yaml.contains("SANITIZE_SET") && said.contains("forwardedClientCert: SANITIZE_SET"));
    let (yaml, _) = without("stats-tags", "envoyfilter", "1.31");
    assert!(!yaml.contains("BOOTSTRAP"));
    for target in ["wasmplugin", "envoyfilter"] {
        let (yaml, _) = without("connection-duration", target, "1.31");
        assert!(!yaml.contains("max_connection_duration"));
    }
}

#[test]
fn connections_end_after_the_time_that_is_asked_for() {
    let folder = mesh(|policy| policy);
    for (target, version) in TARGETS {
        let output = render(
            folder.path(),
            target,
            version,
            &["--max-connection-duration", "90m"],
        );
        let yaml = stdout(&output);
        assert!(yaml.contains("max_connection_duration: 5400s"), "{yaml}");
        assert!(!yaml.contains("max_connection_duration: 3600s"), "{yaml}");
    }
    for never in ["0s", "-1h", "1"] {
        let output = render(
            folder.path(),
            "wasmplugin",
            "1.31",
            &["--max-connection-duration", never],
        );
        assert_eq!(code(&output), 3, "{never}: {}", stderr(&output));
    }
}

#[test]
fn key_exchange_is_asked_for_only_where_it_is_seen() {
    let with = |rule: &str| {
        let rule = format!("spec:\n  postQuantumAuth: {{keyExchange: {rule}}}\n");
        mesh(move |policy| policy.replacen("spec:\n", &rule, 1))
    };
    let folder = with("required");
    for (target, version) in TARGETS {
        let output = render(folder.path(), target, version, &[]);
        if (target, version) == ("envoyfilter", "1.31") {
            assert_eq!(code(&output), 0, "{}", stderr(&output));
            assert!(stdout(&output).contains("\"%DOWNSTREAM_TLS_GROUP%\""));
            let text = stdout(&output);
            let place = |part: &str| text.find(part).unwrap();
            assert!(
                place("object_key: sallyport.tls_group")
                    < place("type.googleapis.com/envoy.extensions.filters.http.wasm"),
                "the state is set directly before the filter"
            );
            assert!(!text.contains("INSERT_FIRST"));
        } else {
            let said = refused(&output);
            assert!(
                said.contains("SP503") && said.contains("keyExchange"),
                "{said}"
            );
        }
    }
    for (rule, expected) in [("preferred", true), ("ignored", false)] {
        let folder = with(rule);
        let output = render(folder.path(), "envoyfilter", "1.31", &[]);
        assert_eq!(
            stdout(&output).contains("sallyport.tls_group"),
            expected,
            "{rule}"
        );
        assert_eq!(code(&render(folder.path(), "wasmplugin", "1.28", &[])), 0);
    }
}

#[test]
fn what_the_mesh_asks_goes_into_every_slice() {
    let folder = mesh(|policy| policy);
    let settings = "postQuantumAuth: {keyExchange: preferred, exemptNamespaces: [edge]}\n";
    fs::write(folder.path().join("mesh.yaml"), settings).unwrap();
    let with = ["--mesh", "mesh.yaml"];
    let resources = resources(folder.path(), "wasmplugin", "1.31", &with);
    for resource in of_kind(&resources, "WasmPlugin") {
        let config = plugin_config(resource).unwrap();
        let document: PolicyDocument = serde_json::from_str(&config.policy).unwrap();
        let asked = document.spec.post_quantum_auth.unwrap();
        assert_eq!(asked.exempt_namespaces().collect::<Vec<_>>(), ["edge"]);
    }
    fs::write(
        folder.path().join("mesh.yaml"),
        settings.replace("preferred", "required"),
    )
    .unwrap();
    assert!(refused(&render(folder.path(), "wasmplugin", "1.31", &with)).contains("SP503"));
    fs::write(folder.path().join("mesh.yaml"), "postQuantumAuht: true\n").unwrap();
    assert!(refused(&render(folder.path(), "wasmplugin", "1.31", &with)).contains("mesh.yaml"));
}

#[test]
fn refuses_what_would_not_protect_or_not_work() {
    let folder = mesh(|policy| policy);
    let image = format!("oci://registry.example/sallyport@sha256:{DIGEST}");
    let cases: [(&str, &str, &[&str], &str); 9] = [
        ("trafficextension", "1.29", &[], "SP502"),
        ("envoyfilter", "1.31", &["--module", &image], "SP502"),
        (
            "wasmplugin",
            "1.31",
            &["--module", "oci://registry.example/sallyport:1"],
            "SP501",
        ),
        (
            "wasmplugin",
            "1.31",
            &["--module", "https://host.example/m.wasm"],
            "SP501",
        ),
        (
            "wasmplugin",
            "1.31",
            &["--module", "http://host.example/m.wasm"],
            "SP501",
        ),
        (
            "wasmplugin",
            "1.31",
            &["--fail-strategy", "open"],
            "this policy enforces",
        ),
        (
            "wasmplugin",
            "1.31",
            &["--module-version", "0.0.9"],
            "SP504",
        ),
        ("wasmplugin", "1.31", &["--open-tcp", "shop:8080"], "SP507"),
        (
            "wasmplugin",
            "1.31",
            &["--manifests", "policy.yaml"],
            "SP508",
        ),
    ];
    for (target, version, more, expected) in cases {
        let said = refused(&render(folder.path(), target, version, more));
        assert!(said.contains(expected), "{more:?}: {said}");
    }
    for flag in ["--manifests", "--workloads", "--mesh"] {
        let missing = render(folder.path(), "wasmplugin", "1.31", &[flag, "none.yaml"]);
        assert_eq!(code(&missing), 3, "{flag}: {}", stderr(&missing));
        assert!(
            stderr(&missing).contains("none.yaml"),
            "{}",
            stderr(&missing)
        );
    }
    let fixed = [
        "render",
        "--target",
        "wasmplugin",
        "--policy",
        "policy.yaml",
        "--istio-version",
        "1.31",
    ];
    let module = ["--module", "file:///m.wasm", "--module-sha256", DIGEST];
    let output = sallyport(&[&fixed[..], &module].concat(), folder.path());
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("`--manifests` or `--workloads` is needed"));
    let output = render(folder.path(), "wasmplugin", "1.27", &[]);
    assert_eq!(code(&output), 3);
}

#[test]
fn another_peer_authentication_must_be_strict_too() {
    let folder = mesh(|policy| policy);
    let path = folder.path().join("manifests/data/data.yaml");
    let text = fs::read_to_string(&path).unwrap();
    for (mode, expected) in [
        ("PERMISSIVE", true),
        ("DISABLE", true),
        ("UNSET", true),
        ("STRICT", false),
    ] {
        fs::write(&path, text.replace("STRICT", mode)).unwrap();
        let output = render(folder.path(), "wasmplugin", "1.31", &[]);
        if expected {
            let said = refused(&output);
            assert!(
                said.contains("SP506") && said.contains("data.yaml: spec.mtls.mode (line"),
                "{said}"
            );
        } else {
            assert_eq!(code(&output), 0);
        }
    }
    // With a selector it is about some workloads, and does not take the place of ours.
    let selected = text.replace(
        "{mtls: {mode: STRICT}}",
        "{selector: {matchLabels: {a: b}}, mtls: {mode: STRICT}}",
    );
    fs::write(&path, selected).unwrap();
    let resources = resources(folder.path(), "wasmplugin", "1.31", &[]);
    assert_eq!(of_kind(&resources, "PeerAuthentication").len(), 5);
}

#[test]
fn a_break_glass_ends_by_itself_and_stands_in_the_slices_it_is_for() {
    let folder = mesh(|policy| policy);
    let hour = 3_600_000;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let at = |hours: u128| (now.as_millis() + hours * hour).to_string();
    let (soon, late) = (at(2), at(24 * 8));
    let glass = |until: &str, more: &[&str]| {
        let fixed = ["--shadow-all", "--until", until, "--reason", "outage 7"];
        render(
            folder.path(),
            "wasmplugin",
            "1.31",
            &[&fixed[..], more, &["--output", "json"]].concat(),
        )
    };
    let output = glass(&soon, &["--segment", "web"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for resource in of_kind(json(&output)["items"].as_array().unwrap(), "WasmPlugin") {
        let config = plugin_config(resource).unwrap();
        let document: PolicyDocument = serde_json::from_str(&config.policy).unwrap();
        let is_broken = document
            .spec
            .break_glass
            .is_some_and(|glass| glass.reason == "outage 7");
        assert_eq!(is_broken, resource["metadata"]["namespace"] == "shop");
    }
    assert_eq!(stdout(&glass(&soon, &[])).matches("breakGlass").count(), 5);
    for (until, more, expected) in [
        // The codes of `check`.
        (&late, &[][..], "SP405"),
        (&at(0), &[], "SP406"),
        (&soon, &["--segment", "none"], "SP104"),
    ] {
        let output = glass(until, more);
        refused(&output);
        assert_eq!(error(&output)["findings"][0]["code"], expected);
    }
    let output = render(
        folder.path(),
        "wasmplugin",
        "1.31",
        &["--shadow-all", "--until", &soon],
    );
    assert_eq!(code(&output), 3);
}

#[test]
fn a_list_of_workloads_serves_as_well() {
    let folder = mesh(|policy| policy);
    let list = "apiVersion: security.sallyport.dev/v1alpha1\nkind: WorkloadList\nworkloads:\n\
                - {name: web, namespace: shop, serviceAccount: web, ports: [{port: 8080, protocol: http}]}\n";
    fs::write(folder.path().join("workloads.yaml"), list).unwrap();
    let listed = ["--workloads", "workloads.yaml"];
    let resources = resources(folder.path(), "wasmplugin", "1.31", &listed);
    assert_eq!(namespaces(&of_kind(&resources, "WasmPlugin")), ["shop"]);
    fs::write(
        folder.path().join("workloads.yaml"),
        list.replace("http}", "htp}"),
    )
    .unwrap();
    let said = refused(&render(folder.path(), "wasmplugin", "1.31", &listed));
    assert!(
        said.contains("workloads.yaml: workloads[0].ports[0].protocol (line 4)"),
        "{said}"
    );
}

#[test]
fn the_folder_names_what_is_left_from_another_rendering() {
    let folder = mesh(|policy| policy);
    fs::create_dir(folder.path().join("out")).unwrap();
    fs::write(folder.path().join("out/gone_wasmplugin_sallyport.yaml"), "").unwrap();
    let output = render(folder.path(), "wasmplugin", "1.31", &["--out-dir", "out"]);
    assert!(stderr(&output).contains("warning: `gone_wasmplugin_sallyport.yaml`"));
    assert!(
        folder
            .path()
            .join("out/gone_wasmplugin_sallyport.yaml")
            .exists()
    );
    let output = render(
        folder.path(),
        "wasmplugin",
        "1.31",
        &["--out-dir", "policy.yaml"],
    );
    assert_eq!(code(&output), 3);
}

#[test]
fn a_link_in_the_folder_is_replaced_and_not_followed() {
    let folder = mesh(|policy| policy);
    fs::create_dir(folder.path().join("out")).unwrap();
    let (link, target) = (
        folder.path().join("out/kustomization.yaml"),
        folder.path().join("precious"),
    );
    fs::write(&target, "precious").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let output = render(folder.path(), "wasmplugin", "1.31", &["--out-dir", "out"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    assert!(fs::symlink_metadata(&link).unwrap().is_file());
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&link).unwrap().permissions());
    assert_eq!(mode & 0o400, 0o400);
}

#[test]
fn fifty_workloads_and_five_hundred_flows_fit_into_128_kib() {
    let folder = tempfile::tempdir().unwrap();
    let mut policy = POLICY.split("  segments:").next().unwrap().to_owned() + "  segments:\n";
    let mut list =
        "apiVersion: security.sallyport.dev/v1alpha1\nkind: WorkloadList\nworkloads:\n".to_owned();
    for number in 0..50 {
        policy.push_str(&format!("  - {{name: callee-{number}, namespaces: [payments], serviceAccounts: [callee-{number}]}}\n"));
        policy.push_str(&format!("  - {{name: caller-{number}, namespaces: [shop-{number}], serviceAccounts: [caller]}}\n"));
        list.push_str(&format!("- {{name: w{number}, namespace: payments, serviceAccount: callee-{number}, ports: [{{port: 8080, protocol: http}}]}}\n"));
    }
    policy.push_str("  flows:\n");
    for number in 0..500 {
        let (from, to) = (number / 10, number % 50);
        policy.push_str(&format!(
            "  - {{name: flow-{number}, from: [caller-{from}], to: callee-{to}, operations: [{{methods: [GET, POST], \
             paths: [\"/v1/resource-{number}/{{id}}\"], ports: [8080]}}]}}\n"
        ));
    }
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    fs::write(folder.path().join("workloads.yaml"), list).unwrap();
    let resources = resources(
        folder.path(),
        "wasmplugin",
        "1.31",
        &["--workloads", "workloads.yaml"],
    );
    let plugins = of_kind(&resources, "WasmPlugin");
    assert_eq!(plugins.len(), 1);
    let bytes = plugins[0].to_string().len();
    assert!((64 * 1024..=128 * 1024).contains(&bytes), "{bytes}");
}

#[test]
fn schemas_are_printed_of_both_files() {
    let folder = mesh(|policy| policy);
    for (of, word) in [("policy", "trustDomains"), ("workloads", "serviceAccount")] {
        let output = sallyport(&["schema", of], folder.path());
        assert!(stdout(&output).contains(word), "{of}");
    }
}

const SMALL: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: c, ports: [{containerPort: 9100}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080, name: http}]}
";

/// What is said of the small mesh with other manifests beside it.
fn small(web: impl FnOnce(String) -> String, more: &str, flags: &[&str]) -> Output {
    let folder = mesh(|policy| policy);
    let text = format!("{}---\n{more}", web(SMALL.to_owned()));
    fs::write(folder.path().join("small.yaml"), text).unwrap();
    let flags = [&["--manifests", "small.yaml"], flags].concat();
    render(folder.path(), "wasmplugin", "1.31", &flags)
}

#[test]
fn names_namespaces_that_do_not_ask_for_sidecars() {
    let namespace = |labels: &str| {
        format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {{{labels}}}}}\n")
    };
    let note = "namespace `shop` does not ask for sidecars";
    for (labels, injected, expected) in [
        ("", "", true),
        ("team: a", "", true),
        ("istio-injection: enabled", "", false),
        ("istio.io/rev: stable", "", false),
        ("", "sidecar.istio.io/inject: 'true', ", false),
    ] {
        let change =
            |text: String| text.replacen("labels: {app", &format!("labels: {{{injected}app"), 1);
        let output = small(change, &namespace(labels), &[]);
        let said = stderr(&output);
        assert_eq!(said.contains(note), expected, "{labels} {said}");
    }
    assert!(!stderr(&small(|text| text, "", &[])).contains(note));
}

#[test]
fn refuses_to_render_for_the_root_namespace() {
    let flags = ["--root-namespace", "shop"];
    let said = refused(&small(|text| text, "", &flags));
    assert!(said.contains("SP509") && said.contains("web"), "{said}");
}

#[test]
fn names_ports_that_the_sidecar_does_not_intercept() {
    for (annotation, port) in [
        ("sidecar.istio.io/interceptionMode: NONE", 8080),
        // No container and no service names it.
        ("traffic.sidecar.istio.io/excludeInboundPorts: '7777'", 7777),
    ] {
        let change = |text: String| {
            let annotations = format!("metadata: {{annotations: {{{annotation}}}, labels");
            text.replacen("metadata: {labels", &annotations, 1)
        };
        let said = stderr(&small(change, "", &[]));
        let expected = format!(
            "Deployment shop/web: port {port}: an annotation takes it out of the sidecar: connections pass"
        );
        assert!(said.contains(&expected), "{annotation}\n{said}");
    }
}

#[test]
fn says_that_the_port_of_a_gateway_beside_it_stays_open() {
    let gateway = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: edge, namespace: shop}
spec: {template: {metadata: {labels: {istio: edge-gateway}}, spec: {containers: [{name: c}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: shop}
spec: {selector: {istio: edge-gateway}, ports: [{port: 9100}]}
";
    let said = stderr(&small(|text| text, gateway, &[]));
    let expected = "Deployment shop/web: port 9100: no service leads there: connections pass";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_peer_authentication_without_a_namespace_is_not_overlooked() {
    let more = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default}\nspec: {mtls: {mode: PERMISSIVE}}\n";
    assert!(refused(&small(|text| text, more, &[])).contains("SP044"));
    let flags = ["--namespace", "shop"];
    assert!(refused(&small(|text| text, more, &flags)).contains("SP506"));
}

#[test]
fn names_segments_of_which_no_workload_is_known_beside_others() {
    let change =
        |text: String| text.replacen("serviceAccountName: web", "serviceAccountName: operator", 1);
    let folder = mesh(|policy| policy);
    let other = SMALL.replace("namespace: shop", "namespace: tools");
    fs::write(
        folder.path().join("small.yaml"),
        format!("{}---\n{other}", change(SMALL.to_owned())),
    )
    .unwrap();
    let output = render(
        folder.path(),
        "wasmplugin",
        "1.31",
        &["--manifests", "small.yaml", "--manifests", "manifests/data"],
    );
    let said = stderr(&output);
    assert!(
        said.contains("no workload is known in namespace `shop`"),
        "{said}"
    );
}

#[test]
fn a_break_glass_in_the_policy_is_said_and_never_waits_for_its_week() {
    let with = |until: &str| {
        let glass = format!("mode: enforce\n  breakGlass: {{until: \"{until}\", reason: drill}}");
        let folder = mesh(|policy| policy.replacen("mode: enforce", &glass, 1));
        render(folder.path(), "wasmplugin", "1.31", &[])
    };
    assert!(refused(&with("2999-01-01T00:00:00Z")).contains("SP405"));
    let over = with("2020-01-01T00:00:00Z");
    assert_eq!(code(&over), 0);
    assert!(stderr(&over).contains("SP406"), "{}", stderr(&over));
}
