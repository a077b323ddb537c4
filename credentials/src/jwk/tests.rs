use super::*;

/// RFC 7638, section 3.1.
const RSA_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
/// RFC 7515, appendix A.3.
const EC_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const EC_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

fn encoded(byte: u8, length: usize) -> String {
    Base64UrlUnpadded::encode_string(&vec![byte; length])
}

fn akp() -> Value {
    json!({"kty": "AKP", "alg": "ML-DSA-65", "pub": encoded(7, 1952)})
}

fn rsa() -> Value {
    json!({"kty": "RSA", "n": RSA_N, "e": "AQAB"})
}

fn elliptic() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": EC_X, "y": EC_Y})
}

fn with(mut key: Value, name: &str, value: impl Into<Value>) -> Value {
    key[name] = value.into();
    key
}

fn without(mut key: Value, name: &str) -> Value {
    key.as_object_mut().unwrap().remove(name);
    key
}

fn outcome(text: &str) -> Result<Vec<String>, (String, InvalidJwkCause)> {
    match read(text.as_bytes()) {
        Ok(keys) => Ok(keys.iter().map(|key| key.key().name()).collect()),
        Err(error) => Err((error.path, error.cause)),
    }
}

#[test]
fn reads_each_kind_alone_and_in_a_set() {
    let keys = [
        (akp(), "ML-DSA-65"),
        (
            json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": encoded(7, 1312)}),
            "ML-DSA-44",
        ),
        (
            json!({"kty": "AKP", "alg": "ML-DSA-87", "pub": encoded(7, 2592)}),
            "ML-DSA-87",
        ),
        (rsa(), "RSA-2048"),
        (elliptic(), "P-256"),
        (
            json!({"kty": "EC", "crv": "P-384", "x": encoded(1, 48), "y": encoded(2, 48)}),
            "P-384",
        ),
    ];
    for (key, name) in &keys {
        assert_eq!(outcome(&key.to_string()), Ok(vec![(*name).to_owned()]));
    }
    let set = json!({"keys": keys.iter().map(|(key, _)| key).collect::<Vec<_>>(), "more": 1});
    let names = keys.iter().map(|(_, name)| (*name).to_owned()).collect();
    assert_eq!(outcome(&set.to_string()), Ok(names));
}

#[test]
fn what_is_written_is_read_again() {
    for key in [akp(), rsa(), elliptic()] {
        let key = with(with(key, "kid", "a"), "use", "sig");
        let found = read(key.to_string().as_bytes()).unwrap();
        assert_eq!(found[0].to_json(), key);
    }
}

#[test]
fn thumbprints_are_those_of_the_standard() {
    let key = with(with(rsa(), "alg", "RS256"), "kid", "2011-04-29");
    let found = read(key.to_string().as_bytes()).unwrap();
    assert_eq!(
        found[0].thumbprint(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
    // RFC 9964: the members `alg`, `kty` and `pub`, in this order.
    let text = format!(
        r#"{{"alg":"ML-DSA-65","kty":"AKP","pub":"{}"}}"#,
        encoded(7, 1952)
    );
    let found = read(with(akp(), "kid", "x").to_string().as_bytes()).unwrap();
    assert_eq!(
        found[0].thumbprint(),
        Base64UrlUnpadded::encode_string(&crate::sha256(text.as_bytes()))
    );
}

#[test]
fn refuses_private_members_and_names_them() {
    for name in PRIVATE_MEMBERS {
        for key in [akp(), rsa(), elliptic()] {
            let refused = outcome(&with(key, name, "AA").to_string());
            assert_eq!(refused, Err((name.to_owned(), InvalidJwkCause::Private)));
        }
    }
    let symmetric = json!({"kty": "oct", "k": "AA"});
    let refused = outcome(&symmetric.to_string());
    assert_eq!(refused, Err(("k".to_owned(), InvalidJwkCause::Private)));
    let set = json!({"keys": [akp()], "priv": "AA"}).to_string();
    let refused = outcome(&set);
    assert_eq!(refused, Err(("priv".to_owned(), InvalidJwkCause::Private)));
}

#[test]
fn refuses_a_key_that_is_a_set_as_well() {
    let both = with(rsa(), "keys", json!([akp()])).to_string();
    let refused = outcome(&both);
    assert_eq!(refused, Err(("kty".to_owned(), InvalidJwkCause::KeyAndSet)));
    let described = json!({"keys": [akp()], "expires": 1}).to_string();
    assert_eq!(outcome(&described), Ok(vec!["ML-DSA-65".to_owned()]));
}

#[test]
fn refuses_what_is_ambiguous() {
    let text = rsa().to_string();
    let doubled = text.replacen('{', r#"{"e":"Aw","#, 1);
    let json = Err((String::new(), InvalidJwkCause::Json));
    assert_eq!(outcome(&doubled), json);
    for text in ["", "[]", "null", "{", &format!("{text}x")] {
        assert_eq!(outcome(text), json, "{text}");
    }
    let key = with(rsa(), "kid", "a");
    let set = json!({"keys": [key, with(akp(), "kid", "a")]});
    let taken = ("keys[1].kid".to_owned(), InvalidJwkCause::KeyIdTaken);
    assert_eq!(outcome(&set.to_string()), Err(taken));
    let long = format!("{}{text}", " ".repeat(MAXIMUM_BYTES));
    let too_long = (String::new(), InvalidJwkCause::TooLong);
    assert_eq!(outcome(&long), Err(too_long));
    for (keys, cause) in [
        (json!([]), InvalidJwkCause::Count),
        (json!(vec![rsa(); 65]), InvalidJwkCause::Count),
        (json!({}), InvalidJwkCause::Type),
    ] {
        let refused = outcome(&json!({"keys": keys}).to_string());
        assert_eq!(refused, Err(("keys".to_owned(), cause)));
    }
}

#[test]
fn refuses_each_broken_member_at_its_place() {
    let length = |expected, found| InvalidJwkCause::Length { expected, found };
    let rsa_algorithms = InvalidJwkCause::Algorithm("RS256 RS384 RS512 PS256 PS384 PS512");
    let ml_dsa = InvalidJwkCause::Algorithm("ML-DSA-44 ML-DSA-65 ML-DSA-87");
    let cases = [
        (without(akp(), "kty"), "kty", InvalidJwkCause::Missing),
        (with(akp(), "kty", 1), "kty", InvalidJwkCause::Type),
        (with(akp(), "kty", "OKP"), "kty", InvalidJwkCause::KeyType),
        (without(akp(), "alg"), "alg", InvalidJwkCause::Missing),
        (with(akp(), "alg", "ML-DSA-66"), "alg", ml_dsa),
        (without(akp(), "pub"), "pub", InvalidJwkCause::Missing),
        (
            with(akp(), "pub", encoded(7, 1951)),
            "pub",
            length(1952, 1951),
        ),
        (with(akp(), "pub", "A"), "pub", InvalidJwkCause::Base64),
        (with(akp(), "pub", "AA=="), "pub", InvalidJwkCause::Base64),
        (with(akp(), "alg", "ML-DSA-87"), "pub", length(2592, 1952)),
        (with(akp(), "use", "enc"), "use", InvalidJwkCause::Use),
        (
            with(akp(), "key_ops", json!(["sign"])),
            "key_ops",
            InvalidJwkCause::Operations,
        ),
        (
            with(akp(), "key_ops", json!(["verify", "sign"])),
            "key_ops",
            InvalidJwkCause::Operations,
        ),
        (
            with(akp(), "key_ops", "verify"),
            "key_ops",
            InvalidJwkCause::Operations,
        ),
        (with(akp(), "kid", ""), "kid", InvalidJwkCause::KeyId),
        (
            with(akp(), "kid", "x".repeat(257)),
            "kid",
            InvalidJwkCause::KeyId,
        ),
        (with(rsa(), "alg", "ES256"), "alg", rsa_algorithms),
        (with(rsa(), "n", "AAEC"), "n", InvalidJwkCause::Number),
        (with(rsa(), "e", ""), "e", InvalidJwkCause::Number),
        (
            with(elliptic(), "crv", "P-521"),
            "crv",
            InvalidJwkCause::Curve,
        ),
        (with(elliptic(), "x", encoded(1, 31)), "x", length(32, 31)),
        (
            with(elliptic(), "alg", "ES384"),
            "alg",
            InvalidJwkCause::Algorithm("ES256"),
        ),
    ];
    for (key, path, cause) in cases {
        let refused = outcome(&key.to_string());
        assert_eq!(refused, Err((path.to_owned(), cause)));
    }
    let verify = with(akp(), "key_ops", json!(["verify"]));
    assert!(outcome(&verify.to_string()).is_ok());
}

#[test]
fn rsa_keys_have_2048_to_4096_bits_and_an_odd_exponent() {
    for (name, value) in [
        ("e", "AQ".to_owned()),
        ("e", "BA".to_owned()),
        ("e", "AQAAAAE".to_owned()),
        ("n", encoded(0xff, 128)),
        ("n", encoded(0xff, 513)),
        ("n", encoded(0xfe, 256)),
    ] {
        let refused = outcome(&with(rsa(), name, value).to_string());
        let (path, cause) = refused.unwrap_err();
        assert!(matches!(cause, InvalidJwkCause::Key(_)), "{name}: {cause}");
        assert_eq!(path, "");
    }
    for (name, value) in [("e", "Aw".to_owned()), ("n", encoded(0xff, 512))] {
        assert!(outcome(&with(rsa(), name, value).to_string()).is_ok());
    }
}
