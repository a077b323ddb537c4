use std::fs;
use std::path::Path;

use sallyport_credentials::issue::{
    AuthorityOptions, HybridAuthority, RsaBits, TokenIssuer, TokenIssuerOptions,
};
use sallyport_engine::policy::raw::{AlternativeTokenAlgorithm, ClassicalTokenAlgorithm};
use sallyport_engine::time::TimeMs;
use tempfile::TempDir;

use super::*;

const MINIMAL: &str = include_str!("../../tests/data/policy.yaml");

fn findings(text: &str) -> Vec<Finding> {
    match from_text(text, Path::new(".")) {
        Ok(_) => panic!("the policy is valid"),
        Err(findings) => findings,
    }
}

fn warnings_of(text: &str) -> Vec<(String, String)> {
    let loaded = from_text(text, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}"));
    loaded
        .warnings
        .into_iter()
        .map(|warning| (warning.path, warning.message))
        .collect()
}

/// Changes the policy at one place; the place must be there.
fn with(old: &str, new: &str) -> String {
    assert!(MINIMAL.contains(old), "{old}");
    MINIMAL.replace(old, new)
}

/// The one error of a policy: path, line, message, hint.
fn only_error(text: &str) -> (String, Option<u64>, String, Option<String>) {
    let mut findings = findings(text);
    assert_eq!(findings.len(), 1, "{findings:?}");
    let finding = findings.remove(0);
    (finding.path, finding.line, finding.message, finding.hint)
}

#[test]
fn loads_a_valid_policy() {
    let loaded = from_text(MINIMAL, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}"));
    assert_eq!(&**loaded.policy.name(), "shop");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert!(loaded.canonical_json.starts_with(
        r#"{"apiVersion":"security.sallyport.dev/v1alpha1","kind":"MeshTrustPolicy","metadata":"#
    ));
    assert_eq!(
        loaded.sha256,
        sallyport_credentials::sha256(loaded.canonical_json.as_bytes())
    );
}

#[test]
fn the_canonical_form_is_a_policy_with_the_same_canonical_form() {
    let loaded = from_text(MINIMAL, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}"));
    let again = from_text(&loaded.canonical_json, Path::new("/nowhere"))
        .unwrap_or_else(|found| panic!("{found:?}"));
    assert_eq!(again.canonical_json, loaded.canonical_json);
    assert_eq!(again.sha256, loaded.sha256);
}

#[test]
fn the_order_of_keys_and_comments_change_nothing() {
    let other = with("  mode: enforce\n  trustDomains: [d.example]\n", "").replace(
        "  segments:\n",
        "  # moved\n  trustDomains:\n    - d.example\n  segments:\n",
    ) + "  mode: enforce\n";
    let hash = |text: &str| match from_text(text, Path::new(".")) {
        Ok(loaded) => loaded.sha256,
        Err(found) => panic!("{found:?}"),
    };
    assert_eq!(hash(&other), hash(MINIMAL));
    assert_ne!(hash(&with("[GET]", "[HEAD]")), hash(MINIMAL));
}

#[test]
fn names_the_place_of_an_error_of_meaning() {
    let (path, line, message, _) = only_error(&with("to: orders", "to: order"));
    assert_eq!((path.as_str(), line), ("spec.flows[0].to", Some(17)));
    assert_eq!(
        message,
        "there is no segment `order`: did you mean `orders`?"
    );

    let (path, line, message, _) = only_error(&with("/v1/orders/{order}", "/v1/*"));
    let place = "spec.flows[0].operations[0].paths[0]";
    assert_eq!((path.as_str(), line), (place, Some(20)));
    assert!(message.contains("`*` is ambiguous"), "{message}");
}

#[test]
fn names_all_errors_at_once() {
    let text = with("to: orders", "to: nowhere")
        .replace("name: shop", "name: Shop")
        .replace("[8080]", "[0]")
        .replace("[GET]", "[get]");
    let paths: Vec<String> = findings(&text)
        .into_iter()
        .map(|finding| finding.path)
        .collect();
    let operation = "spec.flows[0].operations[0]";
    assert_eq!(paths.len(), 4, "{paths:?}");
    for path in ["metadata.name", "spec.flows[0].to"] {
        assert!(paths.iter().any(|found| found == path), "{paths:?}");
    }
    assert!(
        paths.contains(&format!("{operation}.methods[0]")),
        "{paths:?}"
    );
    assert!(
        paths.contains(&format!("{operation}.ports[0]")),
        "{paths:?}"
    );
}

#[test]
fn refuses_a_list_without_a_value_where_absence_means_any() {
    let text = with(
        "namespaces: [web]\n",
        "namespaces: [web]\n      serviceAccounts:\n",
    );
    let (path, line, message, hint) = only_error(&text);
    assert_eq!(
        (path.as_str(), line),
        ("spec.segments[0].serviceAccounts", Some(12))
    );
    assert_eq!(message, "is empty, where a list is expected");
    assert_eq!(
        hint.as_deref(),
        Some("give it a value, or leave the key out")
    );
}

// === files ===

struct Keys {
    folder: TempDir,
}

const AUTHORITIES: &str = "  authorities:
    certificates:
      - name: mesh-ca
        trustDomain: d.example
        caCertificate: {file: keys/ca.crt}
        alternativeKey:
          algorithm: ML-DSA-65
          publicKey: {file: keys/ca.mldsa.pub}
    tokens:
      - name: issuer
        trustDomain: d.example
        issuer: https://issuer
        audience: mesh
        classicalKey: {kid: issuer-rsa, algorithm: PS256, publicKey: {file: keys/token.pub}}
        alternativeKey: {kid: issuer-pq, algorithm: Dilithium5, publicKey: {file: keys/token.pq.pub}}
";

fn keys() -> Keys {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let options = AuthorityOptions::new("mesh-ca", TimeMs(0), TimeMs(4_000_000_000_000));
    let options = AuthorityOptions {
        rsa_bits: RsaBits::Bits2048,
        ..options
    };
    HybridAuthority::generate(&options)
        .unwrap()
        .save(&keys)
        .unwrap();
    let issuer = TokenIssuerOptions {
        name: "issuer".to_owned(),
        trust_domain: "d.example".to_owned(),
        issuer: "https://issuer".to_owned(),
        audience: "mesh".to_owned(),
        classical_algorithm: ClassicalTokenAlgorithm::PS256,
        algorithm: AlternativeTokenAlgorithm::Dilithium5,
        rsa_bits: RsaBits::Bits2048,
        maximum_lifetime_seconds: None,
    };
    TokenIssuer::generate(issuer).unwrap().save(&keys).unwrap();
    Keys { folder }
}

impl Keys {
    fn load(&self, text: &str) -> Result<LoadedPolicy, Vec<Finding>> {
        from_text(text, self.folder.path())
    }

    fn error(&self, text: &str) -> Finding {
        match self.load(text) {
            Ok(_) => panic!("the policy is valid"),
            Err(mut findings) => {
                assert_eq!(findings.len(), 1, "{findings:?}");
                findings.remove(0)
            }
        }
    }
}

fn pinned() -> String {
    with("  segments:\n", &format!("{AUTHORITIES}  segments:\n"))
}

#[test]
fn puts_the_text_of_files_in_their_place() {
    let keys = keys();
    let loaded = keys
        .load(&pinned())
        .unwrap_or_else(|found| panic!("{found:?}"));
    assert!(!loaded.canonical_json.contains("\"file\""));
    let certificate = fs::read_to_string(keys.folder.path().join("keys/ca.crt")).unwrap();
    let escaped = serde_json::to_string(&certificate).unwrap();
    assert!(loaded.canonical_json.contains(&escaped));
    // The canonical form stands alone.
    assert!(from_text(&loaded.canonical_json, Path::new("/nowhere")).is_ok());
}

#[test]
fn warns_of_the_algorithm_from_before_the_standard() {
    let loaded = keys()
        .load(&pinned())
        .unwrap_or_else(|found| panic!("{found:?}"));
    let paths: Vec<&str> = loaded
        .warnings
        .iter()
        .map(|warning| warning.path.as_str())
        .collect();
    assert_eq!(
        paths,
        ["spec.authorities.tokens[0].alternativeKey.algorithm"]
    );
}

#[test]
fn reads_no_file_outside_the_folder_of_the_policy() {
    let keys = keys();
    let outside = tempfile::NamedTempFile::new().unwrap();
    for name in [
        "../ca.crt",
        "/etc/passwd",
        "keys/../../ca.crt",
        "\"\"",
        "keys/..",
    ] {
        let finding = keys.error(&pinned().replace("keys/ca.crt", name));
        assert_eq!(
            finding.path, "spec.authorities.certificates[0].caCertificate",
            "{name}"
        );
        assert!(
            finding.message.contains("is no path below the folder"),
            "{finding}"
        );
    }
    #[cfg(unix)]
    {
        let link = keys.folder.path().join("link");
        std::os::unix::fs::symlink(outside.path(), link).unwrap();
        let finding = keys.error(&pinned().replace("keys/ca.crt", "link"));
        assert!(
            finding.message.contains("is no path below the folder"),
            "{finding}"
        );
    }
}

#[test]
fn names_a_file_that_cannot_take_its_place() {
    let keys = keys();
    let folder = keys.folder.path();
    fs::write(folder.join("long"), vec![b'x'; 64 * 1024 + 1]).unwrap();
    fs::write(folder.join("bytes"), [0xff, 0xfe]).unwrap();
    let cases = [
        ("absent", "cannot read `absent`"),
        ("keys", "`keys` is no regular file"),
        ("long", "`long` is longer than 64 KiB"),
        ("bytes", "`bytes` is no text"),
        ("keys/ca.key", "holds a private key"),
    ];
    for (name, message) in cases {
        let finding = keys.error(&pinned().replace("keys/ca.crt", name));
        assert!(finding.message.starts_with(message), "{finding}");
        assert_eq!(finding.line, Some(13), "{finding}");
        assert!(finding.hint.is_some());
    }
}

#[cfg(unix)]
#[test]
fn does_not_wait_for_a_named_pipe() {
    let keys = keys();
    let pipe = keys.folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(pipe).status();
    assert!(made.unwrap().success());
    let finding = keys.error(&pinned().replace("keys/ca.crt", "pipe"));
    assert!(
        finding.message.contains("`pipe` is no regular file"),
        "{finding}"
    );
}

#[test]
fn reads_the_longest_file_that_is_allowed() {
    let keys = keys();
    fs::write(keys.folder.path().join("long"), vec![b'\n'; 64 * 1024]).unwrap();
    // It is read, and is no certificate.
    let finding = keys.error(&pinned().replace("keys/ca.crt", "long"));
    assert!(!finding.message.contains("64 KiB"), "{finding}");
}

#[test]
fn never_quotes_key_material() {
    let keys = keys();
    let secret = fs::read_to_string(keys.folder.path().join("keys/ca.key")).unwrap();
    let body: String = secret.lines().nth(1).unwrap().to_owned();
    let inline = |text: &str| serde_json::json!({ "inline": text }).to_string();
    let variants = [
        pinned().replace("{file: keys/ca.crt}", &inline(&secret)),
        pinned().replace("{file: keys/ca.crt}", &inline(&body)),
        pinned().replace(
            "{file: keys/ca.crt}",
            &serde_json::to_string(&secret).unwrap(),
        ),
        pinned().replace("{file: keys/ca.crt}", &format!("[\"{body}\"]")),
    ];
    for text in variants {
        let Err(findings) = keys.load(&text) else {
            panic!("the policy is valid")
        };
        let said = format!("{findings:?}");
        assert!(!said.contains(body.get(..16).unwrap()), "{said}");
        assert!(
            said.contains("spec.authorities.certificates[0].caCertificate"),
            "{said}"
        );
    }
}

#[test]
fn says_one_thing_about_a_name_that_two_crates_look_at() {
    let finding = keys().error(&pinned().replace("name: mesh-ca", "name: Mesh_CA"));
    assert_eq!(finding.path, "spec.authorities.certificates[0].name");
}

#[test]
fn reports_authorities_and_flows_together() {
    let text = pinned()
        .replace("keys/ca.mldsa.pub", "keys/token.pub")
        .replace("to: orders", "to: x");
    let Err(findings) = keys().load(&text) else {
        panic!("the policy is valid")
    };
    let paths: Vec<&str> = findings
        .iter()
        .map(|finding| finding.path.as_str())
        .collect();
    let key = "spec.authorities.certificates[0].alternativeKey.publicKey";
    assert_eq!(paths, ["spec.flows[0].to", key]);
}

#[test]
fn says_which_file_cannot_be_read() {
    let Err(error) = load(Path::new("/nowhere/policy.yaml")) else {
        panic!("there is no file")
    };
    assert!(
        error
            .to_string()
            .starts_with("cannot read `/nowhere/policy.yaml`: "),
        "{error}"
    );
}

// === warnings ===

#[test]
fn warns_of_shadow() {
    let policy = warnings_of(&with("mode: enforce", "mode: shadow"));
    assert_eq!(policy.len(), 1);
    assert_eq!(policy[0].0, "spec.mode");
    let flow = warnings_of(&with("to: orders\n", "to: orders\n      mode: shadow\n"));
    assert_eq!(flow.len(), 1);
    assert_eq!(flow[0].0, "spec.flows[0].mode");
    assert!(flow[0].1.contains("flow `web-to-orders`"));
    // Other callers of the same operations get through, which is easily overlooked.
    let text = with("to: orders\n", "to: orders\n      mode: enforce\n");
    let both = warnings_of(&text.replacen("mode: enforce", "mode: shadow", 1));
    let [policy, flow] = both.as_slice() else {
        panic!("{both:?}")
    };
    assert_eq!(policy.0, "spec.mode");
    assert!(policy.1.contains("only flows that enforce refuse"));
    assert_eq!(flow.0, "spec.flows[0].mode");
    assert_eq!(
        flow.1,
        "flow `web-to-orders` enforces within a policy in shadow: only callers whose segment the \
         flow names are refused; others pass until the policy enforces"
    );
}

#[test]
fn warns_of_a_segment_that_no_flow_names() {
    let text = with(
        "  flows:\n",
        "    - name: lonely\n      namespaces: [lonely]\n  flows:\n",
    );
    assert_eq!(
        warnings_of(&text),
        [(
            "spec.segments[2]".to_owned(),
            "no flow leads to or from segment `lonely`".to_owned()
        )],
    );
}

#[test]
fn warns_of_what_nobody_can_reach() {
    let assurance = warnings_of(&with(
        "minimumAssurance: classical",
        "minimumAssurance: hybrid",
    ));
    assert_eq!(assurance.len(), 1);
    assert_eq!(assurance[0].0, "spec.minimumAssurance");
}

#[test]
fn warns_of_an_authority_for_nobody() {
    let text = pinned()
        .replace("[d.example]", "[d.example, e.example]")
        .replace(
            "namespaces: [web]",
            "namespaces: [web]\n      trustDomains: [e.example]",
        )
        .replace(
            "namespaces: [orders]",
            "namespaces: [orders]\n      trustDomains: [e.example]",
        );
    let loaded = keys()
        .load(&text)
        .unwrap_or_else(|found| panic!("{found:?}"));
    let idle = loaded
        .warnings
        .iter()
        .filter(|warning| warning.message.starts_with("no segment is"));
    let paths: Vec<&str> = idle.map(|warning| warning.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "spec.authorities.certificates[0]",
            "spec.authorities.tokens[0]"
        ]
    );
}
