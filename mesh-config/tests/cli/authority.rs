//! `cred authority`: kinds, intermediates, successors, descriptions.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::*;

fn new(folder: &Path, kind: &str, name: &str, more: &[&str]) -> Value {
    let fixed = ["cred", "authority", "new", "--kind", kind, "--name", name];
    let rest = [
        "--trust-domain",
        "d.example",
        "--out",
        name,
        "--output",
        "json",
    ];
    let output = sallyport(&[&fixed[..], &rest, more].concat(), folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    json(&output)
}

fn verified(folder: &Path, certificate: &str, issuer: &str) -> Value {
    let arguments = ["cred", "verify", "--output", "json"];
    let which = ["--certificate", certificate, "--issuer", issuer];
    let output = sallyport(&[&arguments[..], &which].concat(), folder);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    json(&output)
}

/// A policy that pins what a command printed.
fn pin(folder: &Path, authorities: &Value) {
    let mut policy: Value = serde_saphyr::from_str(POLICY).unwrap();
    policy["spec"]["authorities"] = authorities.clone();
    let text = serde_json::to_string(&policy).unwrap();
    fs::write(folder.join("pinned.json"), text).unwrap();
    let output = sallyport(&["check", "pinned.json"], folder);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
}

#[test]
fn certifies_with_each_kind_of_key() {
    let folder = folder();
    let folder = folder.path();
    for (key, algorithm, classical) in [
        ("rsa-2048", "ML-DSA-87", "sha256WithRSAEncryption"),
        ("ecdsa-p256", "ml-dsa-44", "ecdsa-with-SHA256"),
        ("ecdsa-p384", "ML-DSA-65", "ecdsa-with-SHA384"),
    ] {
        new(
            folder,
            "hybrid",
            key,
            &["--key", key, "--algorithm", algorithm],
        );
        let issued = certificate(folder, key, &format!("{key}-leaf"), &[]);
        assert_eq!(code(&issued), 0, "{}", stderr(&issued));
        let report = verified(folder, &format!("{key}-leaf/cert-chain.pem"), key);
        assert_eq!(report["classical"]["algorithm"], classical);
        let alternative = &report["alternative"]["algorithm"];
        assert_eq!(*alternative, algorithm.to_ascii_uppercase());
        assert_eq!(report["assurance"], "hybrid");
        assert_eq!(report["profile"]["workload"], true);
    }
}

#[test]
fn issues_each_kind_of_leaf_in_both_encodings() {
    let folder = folder();
    let folder = folder.path();
    new(folder, "hybrid", "ca", &["--key", "ecdsa-p256"]);
    for (key, name) in [
        ("rsa-2048", "RSA-2048"),
        ("rsa-3072", "RSA-3072"),
        ("ecdsa-p256", "P-256"),
        ("ecdsa-p384", "P-384"),
        ("ml-dsa-44", "ML-DSA-44"),
        ("ml-dsa-65", "ML-DSA-65"),
        ("ml-dsa-87", "ML-DSA-87"),
    ] {
        let more = ["--key", key, "--format", "der"];
        let issued = certificate(folder, "ca", key, &more);
        assert_eq!(code(&issued), 0, "{}", stderr(&issued));
        let report = verified(
            folder,
            &format!("{key}/cert.der"),
            &format!("{key}/root-cert.der"),
        );
        assert_eq!(report["public_key"]["algorithm"], name);
        assert_eq!(report["assurance"], "hybrid");
        let private = fs::read(folder.join(key).join("key.der")).unwrap();
        assert_eq!(private.first(), Some(&0x30));
        let path = format!("{key}/key.der");
        let shown = sallyport(&["cred", "inspect", &path], folder);
        assert_eq!(code(&shown), 1);
        assert!(stderr(&shown).contains("holds a private key"));
    }
}

#[test]
fn an_intermediate_is_issued_and_its_chain_goes_to_the_leaf() {
    let folder = folder();
    let folder = folder.path();
    new(folder, "hybrid", "root", &["--path-length", "2"]);
    new(folder, "hybrid", "middle", &["--issuer", "root"]);
    let last = new(folder, "hybrid", "last", &["--issuer", "middle"]);
    assert_eq!(code(&certificate(folder, "last", "leaf", &[])), 0);
    for (certificate, issuer) in [
        ("leaf/cert-chain.pem", "last"),
        ("last/ca.crt", "middle"),
        ("middle/ca.crt", "root"),
        ("root/ca.crt", "leaf/root-cert.pem"),
    ] {
        let report = verified(folder, certificate, issuer);
        assert_eq!(report["assurance"], "hybrid", "{certificate}");
        let found = &report["issuer_certificate"];
        assert_eq!(found["name_matches"], true);
        assert_eq!(found["key_identifier_matches"], true);
    }
    // The chain has the leaf and both intermediates, so it verifies by itself.
    let chain = fs::read_to_string(folder.join("leaf/cert-chain.pem")).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 3);
    let arguments = ["cred", "verify", "--certificate", "leaf/cert-chain.pem"];
    assert_eq!(code(&sallyport(&arguments, folder)), 0);
    // The policy pins the intermediate alone, and sees a hybrid leaf.
    pin(folder, &last["authorities"]);
    let arguments = [
        "cred",
        "inspect",
        "leaf/cert-chain.pem",
        "--policy",
        "pinned.json",
    ];
    let shown = stdout(&sallyport(&arguments, folder));
    assert!(shown.contains("hybrid by authority last"), "{shown}");

    let full = [
        "cred",
        "authority",
        "new",
        "--kind",
        "hybrid",
        "--name",
        "below",
    ];
    let rest = ["--trust-domain", "d.example", "--out", "below"];
    let below = |issuer: &str| {
        let more = ["--issuer", issuer, "--output", "json"];
        sallyport(&[&full[..], &rest, &more].concat(), folder)
    };
    let refused = below("last");
    assert_eq!(code(&refused), 3);
    assert_eq!(error(&refused)["code"], "path_length");
    new(folder, "classical", "classical", &[]);
    assert_eq!(error(&below("classical"))["code"], "issuer_kind");
    assert!(!folder.join("below").exists());
}

#[test]
fn a_successor_overlaps_with_the_old_authority() {
    let folder = folder();
    let folder = folder.path();
    new(
        folder,
        "hybrid",
        "ca",
        &["--key", "ecdsa-p384", "--algorithm", "ML-DSA-87"],
    );
    let rotate = |from: &str, to: &str, more: &[&str]| {
        let fixed = [
            "cred",
            "authority",
            "rotate",
            from,
            "--out",
            to,
            "--output",
            "json",
        ];
        sallyport(&[&fixed[..], more].concat(), folder)
    };
    let second = rotate("ca", "second", &[]);
    assert_eq!(code(&second), 0, "{}", stderr(&second));
    let both = &json(&second)["authorities"];
    pin(folder, both);
    let names: Vec<&str> = [0, 1]
        .map(|number| both["certificates"][number]["name"].as_str().unwrap())
        .to_vec();
    assert_eq!(names, ["ca", "ca-2"]);
    // What each of them issues is hybrid under the policy that pins both.
    for authority in ["ca", "second"] {
        let out = format!("{authority}-leaf");
        assert_eq!(code(&certificate(folder, authority, &out, &[])), 0);
        let path = format!("{out}/cert-chain.pem");
        let arguments = ["cred", "inspect", &path, "--policy", "pinned.json"];
        let shown = stdout(&sallyport(&arguments, folder));
        assert!(shown.contains("hybrid by authority ca"), "{shown}");
    }
    let show = |path: &str| {
        let arguments = ["cred", "authority", "show", path, "--output", "json"];
        json(&sallyport(&arguments, folder))["certificate"].clone()
    };
    let (old, new) = (show("ca"), show("second"));
    for same in [
        "subject",
        "issuer",
        "signature_algorithm",
        "path_length",
        "key_usage",
    ] {
        assert_eq!(old[same], new[same], "{same}");
    }
    for other in [
        "serial",
        "subject_key_identifier",
        "public_key",
        "alternative_public_key",
    ] {
        assert_ne!(old[other], new[other], "{other}");
    }
    assert_eq!(new["alternative_public_key"]["algorithm"], "ML-DSA-87");

    let third = rotate("second", "third", &[]);
    assert_eq!(
        json(&third)["authorities"]["certificates"][1]["name"],
        "ca-3"
    );
    let text = ["cred", "authority", "rotate", "third", "--out", "fourth"];
    let text = stdout(&sallyport(&text, folder));
    assert!(
        text.contains("1. Pin both") && text.contains("name: ca-4"),
        "{text}"
    );
    assert!(!text.contains("PRIVATE"));
    assert_eq!(
        error(&rotate("ca", "fifth", &["--issuer", "ca"]))["code"],
        "usage"
    );
}

#[test]
fn an_intermediate_and_a_token_authority_have_successors_too() {
    let folder = folder();
    let folder = folder.path();
    new(folder, "classical", "root", &[]);
    new(
        folder,
        "classical",
        "middle",
        &["--issuer", "root", "--key", "ecdsa-p256"],
    );
    let rotate = |from: &str, to: &str, more: &[&str]| {
        let fixed = [
            "cred",
            "authority",
            "rotate",
            from,
            "--out",
            to,
            "--output",
            "json",
        ];
        sallyport(&[&fixed[..], more].concat(), folder)
    };
    let alone = rotate("middle", "middle-2", &[]);
    assert_eq!(code(&alone), 3);
    assert_eq!(error(&alone)["code"], "issuer_missing");
    let renewed = rotate("middle", "middle-2", &["--issuer", "root"]);
    assert_eq!(code(&renewed), 0, "{}", stderr(&renewed));
    assert_eq!(
        verified(folder, "middle-2/ca.crt", "root")["assurance"],
        "classical"
    );

    new(
        folder,
        "token",
        "issuer",
        &["--algorithm", "ML-DSA-87", "--key", "rsa-2048"],
    );
    let both = json(&rotate("issuer", "issuer-2", &[]));
    pin(folder, &both["authorities"]);
    let tokens = &both["authorities"]["tokens"];
    assert_eq!(tokens[1]["issuer"], "https://issuer.d.example/2");
    assert_eq!(tokens[1]["alternativeKey"]["algorithm"], "ML-DSA-87");
    assert_ne!(
        tokens[0]["classicalKey"]["kid"],
        tokens[1]["classicalKey"]["kid"]
    );
    let third = json(&rotate("issuer-2", "issuer-3", &[]));
    assert_eq!(
        third["authorities"]["tokens"][1]["issuer"],
        "https://issuer.d.example/3"
    );
}

#[test]
fn shows_public_keys_and_pins_and_nothing_private() {
    let folder = folder();
    let folder = folder.path();
    let hybrid = new(folder, "hybrid", "ca", &[]);
    let token = new(folder, "token", "issuer", &["--key", "rsa-2048"]);
    let show = |name: &str, format: &str| {
        let arguments = ["cred", "authority", "show", name, "--format", format];
        let output = sallyport(&[&arguments[..], &["--output", "json"]].concat(), folder);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        json(&output)
    };
    assert_eq!(show("ca", "policy")["authorities"], hybrid["authorities"]);
    assert_eq!(
        show("issuer", "policy")["authorities"],
        token["authorities"]
    );
    for (name, kinds) in [("ca", ["RSA", "AKP"]), ("issuer", ["RSA", "AKP"])] {
        let jwks = show(name, "jwks");
        for (key, kind) in jwks["keys"].as_array().unwrap().iter().zip(kinds) {
            assert_eq!(key["kty"], kind);
            assert_eq!(key["use"], "sig");
            assert!(key["kid"].is_string());
            assert!(key.get("priv").is_none() && key.get("d").is_none());
        }
        fs::write(folder.join("jwks.json"), jwks.to_string()).unwrap();
        let inspected = sallyport(&["cred", "inspect", "jwks.json"], folder);
        assert_eq!(code(&inspected), 0, "{}", stderr(&inspected));
        assert!(stdout(&inspected).contains("ML-DSA-65"));
    }
    assert_eq!(show("issuer", "jwks")["keys"][0]["kid"], "issuer-rsa");
    assert_eq!(show("issuer", "jwks")["keys"][0]["alg"], "PS256");

    // The public files suffice.
    for private in ["ca.key", "ca.mldsa.key"] {
        fs::remove_file(folder.join("ca").join(private)).unwrap();
    }
    assert_eq!(show("ca", "text")["kind"], "hybrid");
    fs::remove_file(folder.join("ca/authority.json")).unwrap();
    let unnamed = ["cred", "authority", "show", "ca", "--output", "json"];
    let refused = sallyport(&unnamed, folder);
    assert_eq!(code(&refused), 3);
    assert_eq!(error(&refused)["code"], "authority_unnamed");
    let named = ["--name", "ca", "--trust-domain", "d.example"];
    let named = json(&sallyport(&[&unnamed[..], &named].concat(), folder));
    assert_eq!(named["policy"]["authorities"], hybrid["authorities"]);
}

#[cfg(unix)]
#[test]
fn folders_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder();
    new(folder.path(), "classical", "ca", &["--key", "ecdsa-p256"]);
    assert_eq!(code(&certificate(folder.path(), "ca", "leaf", &[])), 0);
    for name in ["ca", "leaf"] {
        let metadata = fs::metadata(folder.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o700, "{name}");
    }
}
