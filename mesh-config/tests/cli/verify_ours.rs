//! `cred verify` and `cred inspect` on what `cred` itself made: alternative keys, JWSs, tokens.

use std::fs;

use serde_json::{Value, json as object};

use crate::support::*;

#[test]
fn an_alternative_key_can_be_given_in_each_form() {
    let folder = folder();
    let folder = folder.path();
    assert_eq!(code(&authority(folder, "hybrid", "ca", &[])), 0);
    assert_eq!(code(&authority(folder, "hybrid", "other", &[])), 0);
    assert_eq!(code(&certificate(folder, "ca", "leaf", &[])), 0);
    let jwk = |name: &str| {
        let arguments = ["cred", "authority", "show", name, "--format", "jwks"];
        json(&sallyport(&arguments, folder))["keys"][1].clone()
    };
    fs::write(folder.join("key.jwk"), jwk("ca").to_string()).unwrap();
    let mut private = jwk("ca");
    private["priv"] = "AA".into();
    fs::write(folder.join("private.jwk"), private.to_string()).unwrap();
    let fixed = [
        "--certificate",
        "leaf/cert-chain.pem",
        "--issuer",
        "ca/ca.crt",
    ];
    for key in ["ca/ca.mldsa.pub", "key.jwk", "ca/ca.crt"] {
        let (exit, report) = verify(folder, &[&fixed[..], &["--alternative-key", key]].concat());
        assert_eq!(
            (exit, results(&report)),
            (0, ("verified", "verified", "hybrid")),
            "{key}"
        );
    }
    let other = [&fixed[..], &["--alternative-key", "other/ca.mldsa.pub"]].concat();
    let (exit, report) = verify(folder, &other);
    assert_eq!(
        (exit, results(&report)),
        (1, ("verified", "failed", "none"))
    );
    assert!(
        report["notes"]
            .to_string()
            .contains("not the one in extension 2.5.29.72")
    );
    let private = [&fixed[..], &["--alternative-key", "private.jwk"]].concat();
    let (exit, refused) = verify(folder, &private);
    assert_eq!((exit, refused["code"].as_str()), (1, Some("jwk_invalid")));
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("`priv` is part of a private")
    );
    // Both halves are judged with the keys of the named issuer only.
    let swapped = ["--certificate", "leaf/cert-chain.pem", "--issuer", "other"];
    let (exit, report) = verify(folder, &swapped);
    assert_eq!((exit, results(&report)), (1, ("failed", "failed", "none")));
}

#[test]
fn verifies_the_signature_of_a_jws_and_says_so() {
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
    ];
    let token = [&token[..], &["--certificate", "leaf/cert-chain.pem"]].concat();
    assert_eq!(code(&sallyport(&token, folder)), 0);
    for file in ["hybrid-identity-token", "hybrid-identity-signature"] {
        fs::copy(folder.join("token").join(file), folder.join(file)).unwrap();
    }
    let keys = ["cred", "authority", "show", "issuer", "--format", "jwks"];
    let keys = json(&sallyport(&keys, folder));
    fs::write(folder.join("jwks"), keys.to_string()).unwrap();
    fs::write(folder.join("rsa"), keys["keys"][0].to_string()).unwrap();
    fs::write(folder.join("akp"), keys["keys"][1].to_string()).unwrap();
    fs::write(folder.join("other"), "x").unwrap();
    let detached = [
        "--jws",
        "hybrid-identity-signature",
        "--payload",
        "hybrid-identity-token",
    ];
    for (arguments, key, exit, result, algorithm) in [
        (&detached[..], "akp", 0, "verified", "ML-DSA-65"),
        (&detached, "jwks", 0, "verified", "ML-DSA-65"),
        (&detached, "issuer/token.pq.pub", 0, "verified", "ML-DSA-65"),
        (&detached, "rsa", 1, "failed", "ML-DSA-65"),
        (
            &["--jws", "hybrid-identity-token"],
            "rsa",
            0,
            "verified",
            "PS256",
        ),
        (
            &["--jws", "hybrid-identity-token"],
            "jwks",
            0,
            "verified",
            "PS256",
        ),
        (
            &["--jws", "hybrid-identity-token"],
            "akp",
            1,
            "failed",
            "PS256",
        ),
        (
            &["--jws", "hybrid-identity-signature", "--payload", "other"],
            "akp",
            1,
            "failed",
            "ML-DSA-65",
        ),
    ] {
        let (found, report) = verify(folder, &[arguments, &["--key", key]].concat());
        assert_eq!(
            (found, &report["result"]),
            (exit, &object!(result)),
            "{arguments:?} {key}"
        );
        assert_eq!(report["algorithm"], algorithm);
        assert!(
            report["note"]
                .as_str()
                .unwrap()
                .contains("only the signature")
        );
    }
    let missing = ["--jws", "hybrid-identity-signature", "--key", "akp"];
    assert_eq!(verify(folder, &missing).0, 3);
    let twice = [
        "--jws",
        "hybrid-identity-token",
        "--key",
        "rsa",
        "--payload",
        "other",
    ];
    assert_eq!(verify(folder, &twice).0, 3);
    let (exit, refused) = verify(folder, &["--jws", "other", "--key", "akp"]);
    assert_eq!((exit, refused["code"].as_str()), (1, Some("jws_invalid")));
}

#[test]
fn says_which_half_of_a_token_fails_and_why() {
    let world = world();
    let folder = world.path();
    for name in ["leaf", "another"] {
        assert_eq!(code(&certificate(folder, "mesh-ca", name, &[])), 0);
    }
    let issue = |out: &str, more: &[&str]| {
        let fixed = [
            "cred",
            "issue",
            "token",
            "--authority",
            "issuer",
            "--out",
            out,
        ];
        let bound = ["--certificate", "leaf/cert-chain.pem"];
        let output = sallyport(&[&fixed[..], &bound, more].concat(), folder);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    };
    issue("one", &[]);
    issue("two", &[]);
    issue("elsewhere", &["--audience", "other"]);
    let judge = |token: &str, signature: &str, more: &[&str]| {
        let token = format!("{token}/hybrid-identity-token");
        let signature = format!("{signature}/hybrid-identity-signature");
        let fixed = [
            "--token",
            &token,
            "--signature",
            &signature,
            "--policy",
            "policy.yaml",
        ];
        verify(folder, &[&fixed[..], more].concat())
    };
    let of = |report: &Value| {
        ["classical", "alternative", "claims"].map(|part| report[part]["result"].clone())
    };
    let bound = ["--certificate", "leaf/cert-chain.pem"];
    for (more, binding) in [(&bound[..], "verified"), (&[], "unchecked")] {
        let (exit, report) = judge("one", "one", more);
        assert_eq!(report["binding"], binding);
        assert_eq!((exit, of(&report)), (0, ["verified"; 3].map(Value::from)));
        assert_eq!(report["assurance"], "hybrid");
        assert_eq!(report["subject"], WEB);
        assert_eq!(report["validity"]["state"], "valid");
    }
    let (exit, report) = judge("one", "two", &bound);
    assert_eq!(
        (exit, of(&report)),
        (1, ["verified", "failed", "verified"].map(Value::from))
    );
    assert_eq!(report["alternative"]["reason"], "hybrid_signature_invalid");
    assert_eq!(report["assurance"], "none");
    let (exit, report) = judge("one", "one", &["--certificate", "another/cert-chain.pem"]);
    assert_eq!(
        (exit, of(&report)),
        (1, ["verified", "verified", "failed"].map(Value::from))
    );
    assert_eq!(report["claims"]["reason"], "credential_binding_mismatch");
    let (exit, report) = judge("elsewhere", "elsewhere", &bound);
    assert_eq!(
        (exit, of(&report)),
        (1, ["verified", "verified", "failed"].map(Value::from))
    );
}

#[test]
fn inspects_certificates_of_authorities_and_chains() {
    let world = world();
    let folder = world.path();
    let inspect = |file: &str| {
        let output = sallyport(&["cred", "inspect", file, "--output", "json"], folder);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        json(&output)
    };
    let authority = inspect("mesh-ca/ca.crt");
    assert_eq!(authority["kind"], "certificate");
    assert_eq!(authority["authority"], true);
    assert_eq!(
        authority["alternative_public_key"]["algorithm"],
        "ML-DSA-65"
    );
    assert_eq!(authority["alternative_signature_bytes"], 3309);
    assert_eq!(code(&certificate(folder, "mesh-ca", "leaf", &[])), 0);
    let leaf = inspect("leaf/cert-chain.pem");
    assert_eq!(leaf["spiffe_id"], WEB);
    assert_eq!(leaf["names"][0], format!("URI:{WEB}"));
    assert_eq!(leaf["profile"], object!([]));
    let both = ["leaf/cert-chain.pem", "mesh-ca/ca.mldsa.pub"];
    let both = both.map(|name| fs::read_to_string(folder.join(name)).unwrap());
    fs::write(folder.join("both.pem"), both.concat()).unwrap();
    let both = inspect("both.pem");
    assert_eq!(both["documents"][0]["kind"], "certificate");
    assert_eq!(both["documents"][1]["kind"], "public_key");
    assert_eq!(both["documents"][1]["algorithm"], "ML-DSA-65");
}
