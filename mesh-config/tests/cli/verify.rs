//! `cred verify` on certificates of OpenSSL.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::*;

/// Runs the command `openssl`, which these tests need.
fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|cause| panic!("the command openssl is missing: {cause}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {text}");
}

/// A self-signed certificate of OpenSSL in `<name>.pem`, with its key in `<name>.key`.
fn self_signed(folder: &Path, name: &str, key: &[&str], more: &[&str]) {
    let (key_file, certificate) = (format!("{name}.key"), format!("{name}.pem"));
    openssl(
        folder,
        &[&["genpkey", "-out", &key_file, "-algorithm"], key].concat(),
    );
    let subject = format!("/CN={name}");
    let fixed = [
        "req",
        "-x509",
        "-key",
        &key_file,
        "-out",
        &certificate,
        "-subj",
        &subject,
    ];
    openssl(folder, &[&fixed[..], more].concat());
}

/// A leaf of OpenSSL in `<name>.pem`, issued by `<issuer>.pem`.
fn leaf(folder: &Path, name: &str, issuer: &str, more: &[&str]) {
    let (key, request, certificate) = (
        format!("{name}.key"),
        format!("{name}.csr"),
        format!("{name}.pem"),
    );
    let new = [
        "genpkey",
        "-out",
        &key,
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ];
    openssl(folder, &new);
    let subject = format!("/CN={name}");
    openssl(
        folder,
        &[
            "req", "-new", "-key", &key, "-out", &request, "-subj", &subject,
        ],
    );
    let (ca, ca_key) = (format!("{issuer}.pem"), format!("{issuer}.key"));
    fs::write(
        folder.join("ext"),
        "subjectAltName=DNS:a.example\nauthorityKeyIdentifier=keyid\n",
    )
    .unwrap();
    let fixed = [
        "x509",
        "-req",
        "-in",
        &request,
        "-CA",
        &ca,
        "-CAkey",
        &ca_key,
        "-out",
        &certificate,
    ];
    let rest = ["-extfile", "ext", "-set_serial", "7"];
    openssl(folder, &[&fixed[..], &rest, more].concat());
}

const RSA: [&str; 3] = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"];

#[test]
fn verifies_classical_certificates_of_openssl() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let p256 = ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let p384 = ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
    let pss = [
        "-sha384",
        "-sigopt",
        "rsa_padding_mode:pss",
        "-sigopt",
        "rsa_pss_saltlen:48",
    ];
    for (name, key, more, algorithm) in [
        (
            "rsa256",
            &RSA[..],
            &["-sha256"][..],
            "sha256WithRSAEncryption",
        ),
        ("rsa384", &RSA, &["-sha384"], "sha384WithRSAEncryption"),
        ("rsa512", &RSA, &["-sha512"], "sha512WithRSAEncryption"),
        ("rsa-pss", &RSA, &pss, "RSASSA-PSS"),
        ("p256-256", &p256, &["-sha256"], "ecdsa-with-SHA256"),
        ("p256-384", &p256, &["-sha384"], "ecdsa-with-SHA384"),
        ("p256-512", &p256, &["-sha512"], "ecdsa-with-SHA512"),
        ("p384-256", &p384, &["-sha256"], "ecdsa-with-SHA256"),
        ("p384-384", &p384, &["-sha384"], "ecdsa-with-SHA384"),
        ("p384-512", &p384, &["-sha512"], "ecdsa-with-SHA512"),
    ] {
        self_signed(folder, name, key, more);
        leaf(folder, "leaf", name, more.get(..1).unwrap());
        let ca = format!("{name}.pem");
        for arguments in [
            &["--certificate", ca.as_str()][..],
            &["--certificate", "leaf.pem", "--issuer", &ca],
        ] {
            let (exit, report) = verify(folder, arguments);
            assert_eq!(
                results(&report),
                ("verified", "absent", "classical"),
                "{name}"
            );
            assert_eq!(exit, 0);
            assert_eq!(report["issuer_certificate"]["name_matches"], true);
        }
        let (_, own) = verify(folder, &["--certificate", &ca]);
        assert_eq!(own["classical"]["algorithm"], algorithm);
        assert_eq!(own["subject"], format!("CN={name}"));
        assert_eq!(own["issuer_certificate"]["self_issued"], true);
        assert_eq!(own["profile"]["workload"], false);
    }
    // Of another key.
    let (exit, report) = verify(
        folder,
        &["--certificate", "leaf.pem", "--issuer", "p384-256.pem"],
    );
    assert_eq!(results(&report), ("failed", "absent", "none"));
    assert_eq!(exit, 1);
    assert_eq!(report["issuer_certificate"]["name_matches"], false);
    assert_eq!(
        report["issuer_certificate"]["key_identifier_matches"],
        false
    );
}

#[test]
fn algorithms_that_are_not_known_are_unsupported() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let p521 = ["EC", "-pkeyopt", "ec_paramgen_curve:P-521"];
    let weak = ["RSA", "-pkeyopt", "rsa_keygen_bits:1024"];
    for (name, key, more, algorithm) in [
        ("ed25519", &["ED25519"][..], &[][..], "Ed25519"),
        ("ed448", &["ED448"], &[], "Ed448"),
        ("p521", &p521, &["-sha512"], "ecdsa-with-SHA512"),
        ("sha1", &RSA, &["-sha1"], "sha1WithRSAEncryption"),
        ("weak", &weak, &["-sha256"], "sha256WithRSAEncryption"),
    ] {
        self_signed(folder, name, key, more);
        let (exit, report) = verify(folder, &["--certificate", &format!("{name}.pem")]);
        assert_eq!(
            results(&report),
            ("unsupported", "absent", "none"),
            "{name}"
        );
        assert_eq!(report["classical"]["algorithm"], algorithm);
        assert_eq!(exit, 1);
    }
}

#[test]
fn certificates_without_extensions_are_judged_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    openssl(folder, &["genrsa", "-out", "old.key", "2048"]);
    let request = [
        "req", "-new", "-key", "old.key", "-out", "old.csr", "-subj", "/CN=old",
    ];
    openssl(folder, &request);
    // OpenSSL writes version 1 (and newer ones version 3) when it is asked for no extensions.
    let sign = [
        "x509", "-req", "-in", "old.csr", "-signkey", "old.key", "-out", "old.pem",
    ];
    openssl(folder, &sign);
    let (exit, report) = verify(folder, &["--certificate", "old.pem"]);
    assert_eq!(
        (exit, results(&report)),
        (0, ("verified", "absent", "classical"))
    );
    assert_eq!(report["issuer_certificate"]["is_authority"], false);
}

#[test]
fn validity_and_profile_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    self_signed(folder, "ca", &RSA, &["-days", "2"]);
    for (at, state) in [
        ("2020-01-01T00:00:00Z", "not_yet_valid"),
        ("2120-01-01T00:00:00Z", "expired"),
    ] {
        let (exit, report) = verify(folder, &["--certificate", "ca.pem", "--at", at]);
        assert_eq!(exit, 0);
        assert_eq!(results(&report), ("verified", "absent", "classical"));
        assert_eq!(report["validity"]["state"], state);
    }
    let (_, report) = verify(folder, &["--certificate", "ca.pem"]);
    assert_eq!(report["validity"]["state"], "valid");
    let findings = report["profile"]["findings"].to_string();
    assert!(findings.contains("exactly one URI name") && findings.contains("`cA` is true"));
    let text = sallyport(&["cred", "verify", "--certificate", "ca.pem"], folder);
    let text = stdout(&text);
    assert!(
        text.starts_with("classical    verified, sha256WithRSAEncryption\nalternative  absent\n"),
        "{text}"
    );
}

#[test]
fn reads_files_as_other_software_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    self_signed(folder, "ca", &RSA, &[]);
    self_signed(
        folder,
        "other",
        &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        &[],
    );
    leaf(folder, "leaf", "ca", &[]);
    openssl(
        folder,
        &[
            "x509", "-in", "leaf.pem", "-outform", "DER", "-out", "leaf.der",
        ],
    );
    openssl(
        folder,
        &["x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der"],
    );
    openssl(
        folder,
        &["x509", "-in", "leaf.pem", "-text", "-out", "text.pem"],
    );
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let write =
        |name: &str, parts: &[Vec<u8>]| fs::write(folder.join(name), parts.concat()).unwrap();
    write("chain.pem", &[read("leaf.pem"), read("ca.pem")]);
    write("bundle.pem", &[read("other.pem"), read("ca.pem")]);
    let crlf = String::from_utf8(read("leaf.pem"))
        .unwrap()
        .replace('\n', "\r\n");
    write("crlf.pem", &[crlf.into_bytes()]);
    for arguments in [
        &["--certificate", "leaf.der", "--issuer", "ca.pem"][..],
        &["--certificate", "leaf.pem", "--issuer", "ca.der"],
        &["--certificate", "text.pem", "--issuer", "ca.pem"],
        &["--certificate", "crlf.pem", "--issuer", "ca.pem"],
        &["--certificate", "chain.pem"],
        &["--certificate", "leaf.pem", "--issuer", "bundle.pem"],
    ] {
        let (exit, report) = verify(folder, arguments);
        assert_eq!(
            (exit, results(&report)),
            (0, ("verified", "absent", "classical")),
            "{arguments:?}"
        );
    }
    write("trailing.der", &[read("leaf.der"), vec![0]]);
    write(
        "cut.der",
        &[read("leaf.der").split_last().unwrap().1.to_vec()],
    );
    write("empty", &[]);
    write("huge", &[vec![b'A'; 1024 * 1024 + 1]]);
    write("text", &[b"hello".to_vec()]);
    write("with-key.pem", &[read("leaf.pem"), read("leaf.key")]);
    for (name, reason) in [
        ("trailing.der", "certificate_invalid"),
        ("cut.der", "certificate_invalid"),
        ("empty", "file_invalid"),
        ("huge", "file_too_long"),
        ("text", "file_invalid"),
        ("leaf.csr", "file_invalid"),
        ("with-key.pem", "private_key"),
        ("leaf.key", "private_key"),
    ] {
        let (exit, refused) = verify(folder, &["--certificate", name, "--issuer", "ca.pem"]);
        assert_eq!(
            (exit, refused["code"].as_str()),
            (1, Some(reason)),
            "{name}"
        );
        assert_eq!(refused["path"], name);
    }
    for arguments in [
        &["--certificate", "absent.pem", "--issuer", "ca.pem"][..],
        &["--certificate", "leaf.pem", "--issuer", "absent.pem"],
        &["--certificate", "leaf.pem"],
        &["--certificate", "leaf.pem", "--jws", "x", "--key", "y"],
        &["--jws", "x"],
        &["--token", "x"],
        &["--issuer", "ca.pem"],
        &[],
    ] {
        assert_eq!(verify(folder, arguments).0, 3, "{arguments:?}");
    }
}
