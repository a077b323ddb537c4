//! `cred`: from issue to decision, and files.

use std::fs;
use std::path::PathBuf;

use crate::support::*;

#[test]
fn credentials_go_from_issue_to_decision() {
    let world = world();
    let folder = world.path();
    let checked = sallyport(&["check", "policy.yaml"], folder);
    assert_eq!(code(&checked), 0, "{}", stdout(&checked));
    assert!(stdout(&checked).contains("3 authorities"));

    assert_eq!(
        code(&certificate(
            folder,
            "mesh-ca",
            "hybrid",
            &["--dns-name", "web.svc"]
        )),
        0
    );
    assert_eq!(
        code(&certificate(
            folder,
            "old-ca",
            "classical",
            &["--key", "ecdsa-p256"]
        )),
        0
    );
    let token = [
        "cred",
        "issue",
        "token",
        "--authority",
        "issuer",
        "--out",
        "token",
    ];
    let token = [&token[..], &["--certificate", "classical/cert-chain.pem"]].concat();
    assert_eq!(code(&sallyport(&token, folder)), 0);

    let ask = |more: &[&str]| {
        let fixed = ["--path", "/v1/orders/7", "--output", "json"];
        json(&explain(folder, &[&fixed[..], more].concat()))
    };
    let hybrid = ask(&["--certificate", "hybrid/cert-chain.pem"]);
    assert_eq!(hybrid["outcome"], "allowed");
    assert_eq!(hybrid["record"]["assurance"], "hybrid");
    let classical = ask(&["--certificate", "classical/cert-chain.pem"]);
    assert_eq!(classical["record"]["reason"], "assurance_too_low");
    let halves = ["--token", "token/hybrid-identity-token"];
    let both = ["--signature", "token/hybrid-identity-signature"];
    let certificate = ["--certificate", "classical/cert-chain.pem"];
    let with_token = ask(&[&certificate[..], &halves, &both].concat());
    assert_eq!(with_token["outcome"], "allowed");
    assert_eq!(with_token["record"]["assurance"], "hybrid");

    let identity = ["cred", "issue", "identity", "--authority", "issuer"];
    let identity = [&identity[..], &["--out", "identity"], &certificate].concat();
    let issued = sallyport(&identity, folder);
    assert_eq!(code(&issued), 0, "{}", stderr(&issued));
    let prove = ["cred", "prove", "--identity", "identity", "--to", ORDERS];
    let proof = stdout(&sallyport(&prove, folder));
    assert!(proof.starts_with("workload-proof-token: ey"), "{proof}");
    fs::write(folder.join("proof"), proof).unwrap();
    let parts = [
        "--token",
        "identity/workload-identity-token",
        "--signature",
        "identity/hybrid-identity-signature",
    ];
    let proven = ask(&[&certificate[..], &parts, &["--proof", "proof"]].concat());
    assert_eq!(proven["record"]["assurance"], "hybridProven", "{proven}");
    let unproven = ask(&[&certificate[..], &parts].concat());
    assert_eq!(unproven["record"]["reason"], "credential_algorithm_refused");
    let half = ask(&[&certificate[..], &halves].concat());
    assert_eq!(half["record"]["reason"], "hybrid_signature_missing");
}

#[test]
fn a_certificate_must_name_the_caller_that_was_given() {
    let world = world();
    assert_eq!(
        code(&certificate(world.path(), "mesh-ca", "hybrid", &[])),
        0
    );
    let more = [
        "--certificate",
        "hybrid/cert-chain.pem",
        "--from",
        ORDERS,
        "--path",
        "/",
    ];
    let output = explain(world.path(), &more);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains(WEB), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn private_keys_are_for_their_owner_and_are_not_printed() {
    use std::os::unix::fs::PermissionsExt;

    let world = world();
    let folder = world.path();
    let issued = certificate(folder, "mesh-ca", "leaf", &[]);
    assert!(!stdout(&issued).contains("PRIVATE") && !stderr(&issued).contains("PRIVATE"));
    for path in [
        "mesh-ca/ca.key",
        "mesh-ca/ca.mldsa.key",
        "issuer/token.key",
        "issuer/token.pq.key",
        "leaf/key.pem",
    ] {
        let mode = fs::metadata(folder.join(path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
        let shown = sallyport(&["cred", "inspect", path], folder);
        assert_eq!(code(&shown), 1);
        assert!(shown.stdout.is_empty());
        assert!(stderr(&shown).contains("holds a private key, which is not shown"));
    }
}

#[test]
fn nothing_is_overwritten_unless_forced() {
    let folder = folder();
    let files = |name: &str| -> Vec<(PathBuf, Vec<u8>)> {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder.path().join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths
            .into_iter()
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    };
    assert_eq!(code(&authority(folder.path(), "hybrid", "ca", &[])), 0);
    let mut first = files("ca");
    let again = authority(folder.path(), "hybrid", "ca", &[]);
    assert_eq!(code(&again), 3);
    assert!(
        stderr(&again).contains("give `--force` to replace it"),
        "{}",
        stderr(&again)
    );
    assert_eq!(files("ca"), first, "and nothing is left over");
    assert_eq!(
        code(&authority(folder.path(), "hybrid", "ca", &["--force"])),
        0
    );
    let mut second = files("ca");
    assert_eq!(second.len(), first.len());
    // The name stays; everything else is new.
    let named = |file: &(PathBuf, Vec<u8>)| file.0.ends_with("authority.json");
    first.retain(|file| !named(file));
    second.retain(|file| !named(file));
    assert!(
        first
            .iter()
            .zip(&second)
            .all(|(old, new)| old.0 == new.0 && old.1 != new.1)
    );
    // Nothing of the old authority is left over that would make the new one another.
    assert_eq!(
        code(&authority(folder.path(), "classical", "ca", &["--force"])),
        0
    );
    let names: Vec<String> = files("ca")
        .iter()
        .map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, ["authority.json", "ca.crt", "ca.key"]);
}

#[test]
fn an_authority_that_no_policy_could_pin_is_not_made() {
    let folder = folder();
    let named = authority(folder.path(), "hybrid", "Mesh_CA", &[]);
    assert_eq!(code(&named), 3);
    assert!(stderr(&named).contains("is no DNS label"));
    let legacy = authority(
        folder.path(),
        "hybrid",
        "ca",
        &["--algorithm", "Dilithium5"],
    );
    assert_eq!(code(&legacy), 3);
    assert!(stderr(&legacy).contains("for token authorities only"));
    assert!(!folder.path().join("Mesh_CA").exists());
    assert!(!folder.path().join("ca/ca.key").exists());
}

#[test]
fn shows_what_public_files_hold() {
    let world = world();
    let folder = world.path();
    assert_eq!(code(&certificate(folder, "mesh-ca", "leaf", &[])), 0);
    let token = [
        "cred",
        "issue",
        "token",
        "--authority",
        "issuer",
        "--out",
        "token",
        "--audience",
        "other",
    ];
    let token = [&token[..], &["--certificate", "leaf/cert-chain.pem"]].concat();
    assert_eq!(code(&sallyport(&token, folder)), 0);

    let arguments = [
        "cred",
        "inspect",
        "leaf/cert-chain.pem",
        "--policy",
        "policy.yaml",
    ];
    let text = stdout(&sallyport(&arguments, folder));
    assert!(
        text.contains(WEB) && text.contains("hybrid by authority mesh-ca"),
        "{text}"
    );
    let arguments = [
        "--output",
        "json",
        "cred",
        "inspect",
        "token/hybrid-identity-token",
    ];
    let shown = json(&sallyport(&arguments, folder));
    assert_eq!(
        (&shown["kind"], &shown["claims"]["aud"]),
        (&"token".into(), &"other".into())
    );
    assert_eq!(shown["claims"]["sub"], WEB);
    let text = stdout(&sallyport(
        &["cred", "inspect", "mesh-ca/ca.mldsa.pub"],
        folder,
    ));
    assert!(
        text.starts_with("kind: public_key\nalgorithm: ML-DSA-65\n"),
        "{text}"
    );
    assert_eq!(
        code(&sallyport(&["cred", "inspect", "policy.yaml"], folder)),
        1
    );
}
