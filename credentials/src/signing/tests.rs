//! Each way in which a signature file can be wrong.

use std::sync::OnceLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use serde_json::{Value, json};

use super::*;
use crate::issue::{AuthorityKey, RsaBits, SigningKeys, SigningOptions};
use crate::strict_json::canonical;

const AT: &str = "2026-11-21T08:00:00Z";

fn generate(name: &str, key: AuthorityKey, algorithm: AlternativeAlgorithm) -> SigningKeys {
    SigningKeys::generate(&SigningOptions {
        name: name.to_owned(),
        key,
        rsa_bits: RsaBits::Bits2048,
        algorithm,
    })
    .unwrap()
}

fn keys() -> &'static [SigningKeys; 2] {
    static KEYS: OnceLock<[SigningKeys; 2]> = OnceLock::new();
    KEYS.get_or_init(|| {
        ["release", "models"]
            .map(|name| generate(name, AuthorityKey::EcdsaP256, AlternativeAlgorithm::MlDsa65))
    })
}

fn pins(keys: &[&SigningKeys]) -> SigningAuthorities {
    let read = |keys: &&SigningKeys| {
        SigningAuthority::read(keys.authority().to_json().to_string().as_bytes()).unwrap()
    };
    SigningAuthorities::new(keys.iter().map(read).collect())
        .map_err(|(_, cause)| cause)
        .unwrap()
}

fn signed(keys: &SigningKeys, purpose: Purpose, subjects: &[Subject]) -> String {
    let draft = Draft::new(keys.authority(), purpose, subjects, AT).unwrap();
    let sign = |half| keys.sign(half, draft.input(half).as_bytes()).unwrap();
    draft
        .finish(&sign(Half::Classical), &sign(Half::Alternative))
        .unwrap()
}

fn subjects() -> [Subject; 1] {
    [Subject::of("bundle", b"content")]
}

fn verified(signature: &str) -> Result<Verified, InvalidSignature> {
    let [one, other] = keys();
    verify(
        &pins(&[one, other]),
        Purpose::Bundle,
        signature.as_bytes(),
        &subjects(),
    )
}

/// The file with a change to its JSON.
fn changed(signature: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_str(signature).unwrap();
    change(&mut value);
    canonical(&value).unwrap() + "\n"
}

fn encoded(value: &Value) -> Value {
    Base64UrlUnpadded::encode_string(value.to_string().as_bytes()).into()
}

#[test]
fn verifies_what_each_kind_of_key_signed() {
    for (key, algorithm) in [
        (AuthorityKey::Rsa, AlternativeAlgorithm::MlDsa65),
        (AuthorityKey::EcdsaP256, AlternativeAlgorithm::MlDsa87),
        (AuthorityKey::EcdsaP384, AlternativeAlgorithm::MlDsa65),
    ] {
        let keys = generate("release", key, algorithm);
        let text = signed(&keys, Purpose::Module, &subjects());
        let found = verify(
            &pins(&[&keys]),
            Purpose::Module,
            text.as_bytes(),
            &subjects(),
        );
        let found = found.unwrap();
        assert_eq!(found.authority(), "release");
        assert_eq!(found.signed_at(), TimeMs::parse_rfc3339(AT).unwrap());
    }
}

#[test]
fn what_a_key_signs_fits_into_a_kms() {
    let [keys, _] = keys();
    let subjects = ["module", "sbom"].map(|name| Subject::of(name, b""));
    let draft = Draft::new(keys.authority(), Purpose::Module, &subjects, AT).unwrap();
    for half in [Half::Classical, Half::Alternative] {
        assert!(draft.input(half).len() < 2048);
    }
}

#[test]
fn refuses_every_changed_byte() {
    let [keys, _] = keys();
    let text = signed(keys, Purpose::Bundle, &subjects());
    assert!(verified(&text).is_ok());
    let pins = pins(&[keys]);
    for index in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[index] ^= if index % 2 == 0 { 0x01 } else { 0x20 };
        let found = verify(&pins, Purpose::Bundle, &bytes, &subjects());
        assert!(found.is_err(), "byte {index}");
    }
    for index in (0..text.len()).step_by(64) {
        let cut = verify(
            &pins,
            Purpose::Bundle,
            &text.as_bytes()[..index],
            &subjects(),
        );
        assert!(cut.is_err(), "cut at {index}");
    }
}

#[test]
fn refuses_other_forms_of_the_same_file() {
    let [keys, _] = keys();
    let text = signed(keys, Purpose::Bundle, &subjects());
    let twice = text.replacen('{', r#"{"payload":"","#, 1);
    let unknown = changed(&text, |file| file["header"] = json!({}));
    let unprotected = changed(&text, |file| file["signatures"][0]["header"] = json!({}));
    for file in [
        format!(" {text}"),
        format!("{text}\n"),
        text.trim_end().to_owned(),
        text.replace(":[", ": ["),
        twice,
        unknown,
        unprotected,
        String::new(),
        "[]".to_owned(),
    ] {
        let found = verified(&file);
        assert!(
            matches!(found, Err(InvalidSignature::Form(_))),
            "{file}: {found:?}"
        );
    }
    let long = " ".repeat(MAXIMUM_BYTES + 1);
    assert_eq!(verified(&long), Err(InvalidSignature::TooLong));
}

#[test]
fn refuses_half_a_signature_and_two_of_a_kind() {
    let [keys, _] = keys();
    let text = signed(keys, Purpose::Bundle, &subjects());
    let only = |index: usize| {
        changed(&text, |file| {
            let half = file["signatures"][index].clone();
            file["signatures"] = json!([half]);
        })
    };
    let twice = |index: usize| {
        changed(&text, |file| {
            let half = file["signatures"][index].clone();
            file["signatures"] = json!([half, half]);
        })
    };
    use Half::{Alternative, Classical};
    for (file, missing) in [
        (only(0), Alternative),
        (only(1), Classical),
        (twice(0), Alternative),
        (twice(1), Classical),
        (
            changed(&text, |file| file["signatures"] = json!([])),
            Classical,
        ),
    ] {
        assert_eq!(verified(&file), Err(InvalidSignature::HalfMissing(missing)));
    }
    let swapped = changed(&text, |file| {
        file["signatures"].as_array_mut().unwrap().reverse();
    });
    assert!(matches!(verified(&swapped), Err(InvalidSignature::Form(_))));
    let third = changed(&text, |file| {
        let half = file["signatures"][1].clone();
        file["signatures"].as_array_mut().unwrap().push(half);
    });
    assert!(matches!(verified(&third), Err(InvalidSignature::Form(_))));
}

#[test]
fn refuses_halves_of_two_authorities() {
    let [one, other] = keys();
    let (first, second) = (
        signed(one, Purpose::Bundle, &subjects()),
        signed(other, Purpose::Bundle, &subjects()),
    );
    let second: Value = serde_json::from_str(&second).unwrap();
    // Both say the same, so each half holds by itself.
    let mixed = changed(&first, |file| {
        assert_eq!(file["payload"], second["payload"]);
        file["signatures"][1] = second["signatures"][1].clone();
    });
    assert_eq!(
        verified(&mixed),
        Err(InvalidSignature::Mixed {
            classical: "release".to_owned(),
            alternative: "models".to_owned(),
        })
    );
}

#[test]
fn refuses_what_was_signed_as_something_else() {
    let [keys, _] = keys();
    for purpose in [Purpose::Artifacts, Purpose::Rollback, Purpose::Module] {
        let found = verified(&signed(keys, purpose, &subjects()));
        assert!(
            matches!(found, Err(InvalidSignature::Purpose { .. })),
            "{found:?}"
        );
    }
}

#[test]
fn refuses_unknown_keys_other_algorithms_and_further_header_members() {
    let [keys, other] = keys();
    let text = signed(keys, Purpose::Bundle, &subjects());
    let found = verify(
        &pins(&[other]),
        Purpose::Bundle,
        text.as_bytes(),
        &subjects(),
    );
    assert!(matches!(found, Err(InvalidSignature::AuthorityUnknown(_))));
    let with = |member: &str, value: Value| {
        changed(&text, |file| {
            let header = file["signatures"][0]["protected"].as_str().unwrap();
            let header = Base64UrlUnpadded::decode_vec(header).unwrap();
            let mut header: Value = serde_json::from_slice(&header).unwrap();
            header[member] = value;
            file["signatures"][0]["protected"] = encoded(&header);
        })
    };
    let none = verified(&with("alg", "none".into()));
    assert_eq!(none, Err(InvalidSignature::Algorithm(Half::Classical)));
    for (member, value) in [
        ("crit", json!(["b64"])),
        ("jwk", json!({})),
        ("b64", json!(false)),
    ] {
        let found = verified(&with(member, value));
        assert!(matches!(found, Err(InvalidSignature::Form(_))), "{member}");
    }
}

#[test]
fn refuses_other_files_than_those_that_were_signed() {
    let [keys, _] = keys();
    let check = |subjects: &[Subject]| {
        let text = signed(keys, Purpose::Bundle, &self::subjects());
        verify(&pins(&[keys]), Purpose::Bundle, text.as_bytes(), subjects)
    };
    let altered = check(&[Subject::of("bundle", b"Content")]);
    assert_eq!(altered, Err(InvalidSignature::Altered("bundle".to_owned())));
    for subjects in [
        vec![],
        vec![Subject::of("manifest", b"content")],
        vec![Subject::of("bundle", b"content"), Subject::of("sbom", b"")],
    ] {
        let found = check(&subjects);
        assert!(matches!(found, Err(InvalidSignature::OtherFiles { .. })));
    }
}

#[test]
fn gives_out_no_signature_that_does_not_hold() {
    let [one, other] = keys();
    let draft = Draft::new(one.authority(), Purpose::Bundle, &subjects(), AT).unwrap();
    let sign = |keys: &SigningKeys, half| keys.sign(half, draft.input(half).as_bytes()).unwrap();
    use Half::{Alternative, Classical};
    let wrong = draft.finish(&sign(other, Classical), &sign(one, Alternative));
    assert_eq!(wrong, Err(InvalidSignature::HalfInvalid(Classical)));
    let wrong = draft.finish(&sign(one, Classical), b"");
    assert!(wrong.is_err());
    assert!(Draft::new(one.authority(), Purpose::Bundle, &subjects(), "now").is_err());
}

#[test]
fn pins_one_key_of_each_kind_under_one_name() {
    let [one, other] = keys();
    let read = |value: &Value| match SigningAuthority::read(value.to_string().as_bytes()) {
        Ok(_) => panic!("{value}"),
        Err(cause) => cause,
    };
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value = one.authority().to_json();
        change(&mut value);
        read(&value)
    };
    use InvalidSigningAuthority as Invalid;
    assert_eq!(with(&|it| it["name"] = "Release".into()), Invalid::Name);
    assert_eq!(
        with(&|it| {
            it.as_object_mut().unwrap().remove("name");
        }),
        Invalid::Name
    );
    let first = |it: &Value| it["keys"][0].clone();
    assert_eq!(with(&|it| it["keys"] = json!([first(it)])), Invalid::Keys);
    let second = other.authority().to_json()["keys"][0].clone();
    assert_eq!(with(&|it| it["keys"][1] = second.clone()), Invalid::Keys);
    let remove = |it: &mut Value, member: &str| {
        it["keys"][0].as_object_mut().unwrap().remove(member);
    };
    assert_eq!(with(&|it| remove(it, "kid")), Invalid::Incomplete);
    assert_eq!(with(&|it| remove(it, "alg")), Invalid::Incomplete);
    let private = with(&|it| it["keys"][0]["d"] = "AA".into());
    assert!(matches!(private, Invalid::Jwks(_)));
    let weak = generate(
        "weak",
        AuthorityKey::EcdsaP256,
        AlternativeAlgorithm::MlDsa65,
    );
    let weak = SigningAuthorities::new(
        [one, &weak, one]
            .map(|keys| SigningAuthority::read(keys.authority().to_json().to_string().as_bytes()))
            .into_iter()
            .map(Result::unwrap)
            .collect(),
    );
    assert!(matches!(weak, Err((2, Invalid::Taken))));
}

#[test]
fn makes_no_keys_of_a_level_that_is_too_low() {
    let options = SigningOptions {
        name: "weak".to_owned(),
        key: AuthorityKey::EcdsaP256,
        rsa_bits: RsaBits::Bits2048,
        algorithm: AlternativeAlgorithm::MlDsa44,
    };
    assert!(SigningKeys::generate(&options).is_err());
}

#[test]
#[cfg(unix)]
fn keys_go_to_files_that_only_their_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let [keys, _] = keys();
    let folder = tempfile::tempdir().unwrap();
    keys.save(folder.path()).unwrap();
    for name in ["signing.key", "signing.pq.key"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let public = std::fs::read_to_string(folder.path().join("signing-authority.json")).unwrap();
    assert!(!public.contains("PRIVATE KEY") && !public.contains("\"d\""));
    let loaded = SigningKeys::load(folder.path()).unwrap();
    let text = signed(&loaded, Purpose::Bundle, &subjects());
    assert!(verified(&text).is_ok());
    assert!(keys.save(folder.path()).is_err(), "nothing is overwritten");
}
