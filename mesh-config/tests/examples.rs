//! Each folder under `examples/istio`: its policy is valid and answers as its tests say, its
//! renderings are those that the command writes today, the commands of its README work, and no
//! file lies around unused.
//!
//! `UPDATE_GOLDEN=1 cargo test -p sallyport-mesh-config --test examples` writes what the command
//! makes; the difference is then for a person to read.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "shared/commands.rs"]
mod commands;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sallyport_mesh_config::policy_file::{self, LoadedPolicy};
use sallyport_mesh_config::{manifests, schema};
use serde_json::Value;

use commands::commands;

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TARGETS: [&str; 4] = ["wasmplugin", "trafficextension", "envoyfilter", "envoy"];
const NAMES: [&str; 8] = [
    "ai-pipeline",
    "grpc",
    "hybrid-certificates",
    "jit-grant",
    "migration-from-authorizationpolicy",
    "model-provenance",
    "quickstart",
    "shadow-rollout",
];

struct Example {
    name: &'static str,
    folder: PathBuf,
    /// All files, relative to the folder.
    files: BTreeSet<String>,
}

fn examples() -> Vec<Example> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/istio");
    let entries = fs::read_dir(&root).unwrap();
    let found: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        found,
        NAMES.map(str::to_owned).into(),
        "each example has a name here"
    );
    let example = |name| {
        let folder = root.join(name);
        let mut files = BTreeSet::new();
        collect(&folder, "", &mut files);
        Example {
            name,
            folder,
            files,
        }
    };
    NAMES.into_iter().map(example).collect()
}

fn collect(folder: &Path, below: &str, files: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = if below.is_empty() {
            name.to_owned()
        } else {
            format!("{below}/{name}")
        };
        if path.is_dir() {
            collect(&path, &name, files);
        } else {
            files.insert(name);
        }
    }
}

impl Example {
    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sallyport"))
            .args(arguments)
            .current_dir(&self.folder)
            .output()
            .unwrap()
    }

    /// Files at the top of the folder with this in them.
    fn with(&self, mark: &str) -> Vec<&String> {
        let top = self
            .files
            .iter()
            .filter(|file| !file.contains('/') && file.ends_with(".yaml"));
        top.filter(|file| self.text(file).contains(mark)).collect()
    }

    fn policies(&self) -> Vec<&String> {
        self.with("kind: MeshTrustPolicy")
    }

    fn tests(&self) -> Vec<&String> {
        self.with("\ntests:\n")
    }

    fn below(&self, folder: &str) -> Vec<&String> {
        let start = format!("{folder}/");
        self.files
            .iter()
            .filter(|file| file.starts_with(&start))
            .collect()
    }

    fn policy(&self) -> LoadedPolicy {
        let loaded = policy_file::load(&self.folder.join("policy.yaml"));
        loaded.unwrap_or_else(|wrong| panic!("{}: {wrong:?}", self.name))
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The schema's own words about a file, which are not those of `check`.
fn deviations(schema: &Value, text: &str) -> Vec<String> {
    let value: Value = serde_saphyr::from_str(text).unwrap();
    let validator = jsonschema::validator_for(schema).unwrap();
    validator
        .iter_errors(&value)
        .map(|error| error.to_string())
        .collect()
}

#[test]
fn each_policy_and_test_file_is_valid_by_its_schema() {
    let tests = serde_json::from_str(&stdout(
        &Command::new(env!("CARGO_BIN_EXE_sallyport"))
            .args(["schema", "policy-tests"])
            .output()
            .unwrap(),
    ));
    let (policy, tests) = (schema::published(), tests.unwrap());
    for example in examples() {
        for (schema, files) in [(&policy, example.policies()), (&tests, example.tests())] {
            assert!(!files.is_empty(), "{}", example.name);
            for file in files {
                let found = deviations(schema, &example.text(file));
                assert!(found.is_empty(), "{}/{file}: {found:?}", example.name);
            }
        }
    }
}

#[test]
fn each_policy_passes_check() {
    for example in examples() {
        for file in example.policies() {
            let output = example.run(&["check", file]);
            assert!(
                output.status.success(),
                "{}/{file}: {}",
                example.name,
                stdout(&output)
            );
        }
    }
}

#[test]
fn each_policy_answers_as_its_tests_say_and_each_flow_is_tested() {
    for example in examples() {
        for file in example.tests() {
            // The flows of steps and of imports are not all of interest.
            let least = if file == "policy-tests.yaml" {
                "80"
            } else {
                "50"
            };
            let output = example.run(&["test", file, "--min-coverage", least]);
            assert!(
                output.status.success(),
                "{}/{file}: {}",
                example.name,
                stdout(&output)
            );
        }
    }
}

#[test]
fn each_mesh_file_is_of_the_policys_trust_domain_and_contradicts_nothing() {
    for example in examples() {
        let mesh: Value = serde_saphyr::from_str(&example.text("mesh.yaml")).unwrap();
        let own = mesh.get("trustDomain").and_then(Value::as_str).unwrap();
        let domains = example.policy().document.spec.trust_domains;
        assert_eq!(domains, [own], "{}", example.name);
        assert!(mesh.get("postQuantumAuth").is_some(), "{}", example.name);
        let files = ["--mesh", "mesh.yaml", "--policy", "policy.yaml"];
        let manifests = ["--manifests", "manifests"];
        let output = example.run(&[&["mesh", "explain"], &files[..], &manifests].concat());
        assert!(
            output.status.success(),
            "{}: {}",
            example.name,
            stdout(&output)
        );
    }
}

#[test]
fn each_segment_has_workloads_in_the_manifests() {
    for example in examples() {
        let read = manifests::read(&[example.folder.join("manifests")]);
        let read = read.unwrap_or_else(|wrong| panic!("{}: {:?}", example.name, wrong.0));
        let has = |namespace: &str| {
            let mut objects = read.objects.iter();
            objects.any(|object| {
                object.is("apps", "Deployment") && object.namespace.as_deref() == Some(namespace)
            })
        };
        for segment in example.policy().document.spec.segments {
            for namespace in segment.namespaces {
                assert!(has(&namespace), "{}: {namespace}", example.name);
            }
        }
    }
}

#[test]
fn each_rendering_is_the_one_that_the_command_writes() {
    for example in examples() {
        for target in TARGETS {
            let module = format!("oci://registry.example/sallyport@sha256:{DIGEST}");
            let common = ["render", "--target", target, "--policy", "policy.yaml"];
            let istio = [
                "--mesh",
                "mesh.yaml",
                "--manifests",
                "manifests/",
                "--istio-version",
                "1.31",
            ];
            // Envoy itself reads no images.
            let file = [
                "--module",
                "file:///etc/sallyport.wasm",
                "--module-sha256",
                DIGEST,
            ];
            let own = match target {
                "envoy" => vec!["--module", "/etc/envoy/sallyport.wasm"],
                "envoyfilter" => [&istio[..], &file].concat(),
                _ => [&istio[..], &["--module", &module]].concat(),
            };
            let output = example.run(&[&common[..], &own].concat());
            assert!(
                output.status.success(),
                "{} {target}: {}",
                example.name,
                stderr(&output)
            );
            let file = example.folder.join(format!("rendered/{target}.yaml"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, stdout(&output)).unwrap();
            }
            let kept = fs::read_to_string(&file).unwrap();
            assert!(
                kept == stdout(&output),
                "{} {target}: the kept rendering is an old one; UPDATE_GOLDEN=1 writes it anew",
                example.name
            );
        }
    }
}

#[test]
fn each_command_of_a_readme_works_in_its_order() {
    let binary = Path::new(env!("CARGO_BIN_EXE_sallyport")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    for example in examples() {
        let copy = tempfile::tempdir().unwrap();
        for file in &example.files {
            let target = copy.path().join(file);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(example.folder.join(file), target).unwrap();
        }
        let commands = commands(&example.text("README.md"), &["sallyport "]);
        assert!(commands.len() >= 3, "{}", example.name);
        for (command, code) in commands {
            let output = Command::new("sh")
                .args(["-c", &command])
                .env("PATH", &path)
                .current_dir(copy.path())
                .output()
                .unwrap();
            let said = stderr(&output) + &stdout(&output);
            assert_eq!(
                output.status.code(),
                Some(code),
                "{}: {command}\n{said}",
                example.name
            );
        }
        // What a command of the README writes is what is kept.
        let policy = fs::read_to_string(copy.path().join("policy.yaml")).unwrap();
        assert!(
            policy == example.text("policy.yaml"),
            "{}: policy.yaml",
            example.name
        );
    }
}

#[test]
fn each_file_is_used() {
    for example in examples() {
        let readme = example.text("README.md");
        let policy = example.text("policy.yaml");
        let tests = example.tests();
        let named = |file: &str| readme.contains(file);
        let unused = example.files.iter().filter(|file| {
            let (folder, rest) = file.split_once('/').unwrap_or(("", file));
            let is_used = match folder {
                "" if *file == "README.md" || *file == ".gitignore" => true,
                "" if *file == "mesh.yaml" || *file == "policy.yaml" => true,
                "" => named(file) && (tests.contains(file) || example.policies().contains(file)),
                // Read by `render`, and compared with it.
                "manifests" => rest.ends_with(".yaml"),
                "rendered" => TARGETS
                    .iter()
                    .any(|target| rest == format!("{target}.yaml")),
                // Read by `import`.
                "istio" => named("sallyport import istio/"),
                "authority" => policy.contains(file.as_str()),
                // A manifest of artifacts, and its signature.
                "artifacts" => policy.contains(file.trim_end_matches(".sig")),
                "requests" => named(file),
                _ => false,
            };
            !is_used
        });
        let unused: Vec<&String> = unused.collect();
        assert!(unused.is_empty(), "{}: {unused:?}", example.name);
        assert!(!example.below("manifests").is_empty(), "{}", example.name);
    }
}

#[test]
fn no_private_key_is_part_of_an_example() {
    for example in examples() {
        for file in &example.files {
            assert!(
                !example.text(file).contains("PRIVATE KEY"),
                "{}/{file}",
                example.name
            );
        }
    }
}
