//! `cred signer`, `cred sign`, and programs that sign.

use std::fs;
use std::path::Path;

use crate::support::*;

const MANIFEST: &str = include_str!("../data/artifacts/models.yaml");

fn world() -> (tempfile::TempDir, String) {
    let folder = folder();
    fs::write(folder.path().join("models.yaml"), MANIFEST).unwrap();
    let pin = signer(folder.path(), "release");
    (folder, pin)
}

/// A program in the folder that does this.
fn program(folder: &Path, name: &str, script: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    format!("./{name}")
}

fn sign_by(folder: &Path, command: &str, pin: &str) -> std::process::Output {
    let fixed = [
        "artifacts",
        "sign",
        "models.yaml",
        "--at",
        "2026-11-02T00:00:00Z",
    ];
    let by = ["--signer-command", command, "--signer-authority", pin];
    sallyport(&[&fixed[..], &by, &["--output", "json"]].concat(), folder)
}

#[test]
#[cfg(unix)]
fn a_program_signs_with_keys_that_the_command_never_sees() {
    let (folder, pin) = world();
    let folder = folder.path();
    let command = format!(
        "{} cred sign --keys release",
        env!("CARGO_BIN_EXE_sallyport")
    );
    let output = sign_by(folder, &command, &pin);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let verify =
        format!("artifacts verify models.yaml --authority {pin} --at 2026-11-02T00:00:00Z");
    ok(folder, &verify);

    // What a program is told, and that it is asked once for each half.
    let script = format!(
        "echo $SALLYPORT_SIGN_HALF $SALLYPORT_SIGN_ALGORITHM $SALLYPORT_SIGN_AUTHORITY >> asked\n\
         echo \"$SALLYPORT_SIGN_KEY_ID\" | grep -q . || exit 1\n\
         exec {command}"
    );
    let told = program(folder, "told", &script);
    assert_eq!(code(&sign_by(folder, &told, &pin)), 0);
    assert_eq!(
        fs::read_to_string(folder.join("asked")).unwrap(),
        "classical ES256 release\nalternative ML-DSA-65 release\n"
    );
}

#[test]
#[cfg(unix)]
fn nothing_is_written_when_a_program_does_not_sign() {
    let (folder, pin) = world();
    let folder = folder.path();
    signer(folder, "other");
    let other = format!("{} cred sign --keys other", env!("CARGO_BIN_EXE_sallyport"));
    for (command, said) in [
        (
            program(folder, "fails", "exit 7"),
            "failed for the classical half",
        ),
        (
            program(folder, "silent", "cat > /dev/null"),
            "printed no signature",
        ),
        (
            program(folder, "chatty", "echo signed!"),
            "printed no signature",
        ),
        (program(folder, "guesses", "echo AAAA"), "does not hold"),
        (
            program(folder, "endless", "yes AAAA"),
            "for the classical half",
        ),
        (other, "does not hold"),
        ("./absent".to_owned(), "cannot be run"),
    ] {
        let output = sign_by(folder, &command, &pin);
        assert_eq!(code(&output), 1, "{command}: {}", stdout(&output));
        let finding = error(&output)["findings"][0].clone();
        assert_eq!(finding["code"], "SP710", "{command}");
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains(said), "{command}: {message}");
        assert!(!folder.join("models.yaml.sig").exists(), "{command}");
    }
}

#[test]
fn private_keys_stay_in_their_files() {
    let (folder, pin) = world();
    let folder = folder.path();
    let key = fs::read_to_string(folder.join("release/signing.key")).unwrap();
    assert!(key.contains("PRIVATE KEY"));
    let public = fs::read_to_string(folder.join(&pin)).unwrap();
    assert!(!public.contains("PRIVATE KEY") && !public.contains("\"d\""));
    let output = run(folder, "cred signer --name release --out release");
    assert_eq!(code(&output), 3, "keys are not overwritten");
    assert_eq!(
        fs::read_to_string(folder.join("release/signing.key")).unwrap(),
        key
    );
    // A folder whose parts do not belong together signs nothing.
    signer(folder, "other");
    fs::copy(
        folder.join("other/signing.pq.key"),
        folder.join("release/signing.pq.key"),
    )
    .unwrap();
    let output = run(
        folder,
        "artifacts sign models.yaml --keys release --output json",
    );
    assert_eq!(code(&output), 3);
    assert_eq!(error(&output)["code"], "authority_unusable");
}

#[test]
fn an_authority_is_made_of_the_public_keys_of_a_kms() {
    let folder = folder();
    let folder = folder.path();
    authority(folder, "token", "kms", &[]);
    let fixed = "cred signer --name release --out pins --public-key kms/token.pub";
    ok(folder, &format!("{fixed} --public-key kms/token.pq.pub"));
    let pins = fs::read_to_string(folder.join("pins/signing-authority.json")).unwrap();
    assert!(
        pins.contains("PS256") && pins.contains("ML-DSA-65"),
        "{pins}"
    );
    assert!(!folder.join("pins/signing.key").exists());
    for line in [
        fixed.to_owned(),
        format!("{fixed} --public-key kms/token.pub"),
    ] {
        let line = line.replace("--out pins", "--out none");
        assert_eq!(refused(folder, &line), ["SP709"], "{line}");
    }
    let output = run(
        folder,
        "cred signer --name r --out none --public-key kms/token.key",
    );
    assert_eq!(code(&output), 1);
    assert!(!folder.join("none").exists());
}
