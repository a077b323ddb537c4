use sallyport_engine::policy::raw::{AlternativeTokenAlgorithm, ClassicalTokenAlgorithm, Material};
use serde_json::json;

use super::*;
use crate::document;
use crate::issue::{RsaBits, TokenIssuer, TokenIssuerOptions};
use crate::jwk;

/// RFC 7515, appendix A.3.
const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// RFC 7515, appendix A.2.
const RSA: &str = r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
const RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

fn key(text: &str) -> Jwk {
    jwk::read(text.as_bytes()).unwrap().remove(0)
}

fn verdict(jws: &str, payload: Option<&[u8]>, key: &Jwk) -> Result<(), JwsFault> {
    let jws = Jws::parse(jws.as_bytes()).unwrap();
    jws.signed_text(payload).unwrap().verify(key)
}

fn issuer(algorithm: AlternativeTokenAlgorithm) -> (TokenIssuer, Jwk, Jwk) {
    let issuer = TokenIssuer::generate(TokenIssuerOptions {
        name: "tokens".to_owned(),
        trust_domain: "d.example".to_owned(),
        issuer: "https://tokens.example".to_owned(),
        audience: "mesh".to_owned(),
        classical_algorithm: ClassicalTokenAlgorithm::PS256,
        algorithm,
        rsa_bits: RsaBits::Bits2048,
        maximum_lifetime_seconds: None,
    })
    .unwrap();
    let policy = issuer.to_policy();
    let jwk = |material: Material| {
        let Material::Inline(pem) = material else {
            panic!("a file");
        };
        let spki = document::read(pem.as_bytes()).unwrap().remove(0).bytes;
        Jwk::new(PublicKey::from_spki(&spki).unwrap(), None, None)
    };
    let classical = jwk(policy.classical_key.public_key);
    let alternative = jwk(policy.alternative_key.public_key);
    (issuer, classical, alternative)
}

#[test]
fn verifies_the_examples_of_the_standard() {
    for (jws, jwk) in [(ES256, EC), (RS256, RSA)] {
        assert_eq!(verdict(jws, None, &key(jwk)), Ok(()));
        let line = format!("{jws}\n");
        assert_eq!(verdict(&line, None, &key(jwk)), Ok(()));
        let changed = jws.replacen(".eyJpc3", ".eyJpc2", 1);
        assert_eq!(verdict(&changed, None, &key(jwk)), Err(JwsFault::Signature));
    }
}

#[test]
fn verifies_ml_dsa_attached_and_detached() {
    for (algorithm, name) in [
        (AlternativeTokenAlgorithm::MlDsa44, "ML-DSA-44"),
        (AlternativeTokenAlgorithm::MlDsa65, "ML-DSA-65"),
        (AlternativeTokenAlgorithm::MlDsa87, "ML-DSA-87"),
    ] {
        let (issuer, classical, alternative) = issuer(algorithm);
        let header = json!({"alg": name, "anything": true}).to_string();
        let detached = issuer.sign_detached("payload", &header).unwrap();
        assert_eq!(verdict(&detached, Some(b"payload"), &alternative), Ok(()));
        assert_eq!(
            verdict(&detached, Some(b"payloae"), &alternative),
            Err(JwsFault::Signature)
        );
        let attached = detached.replacen("..", ".cGF5bG9hZA.", 1);
        assert_eq!(verdict(&attached, None, &alternative), Ok(()));
        assert_eq!(
            verdict(&attached, None, &classical),
            Err(JwsFault::Algorithm)
        );
    }
}

#[test]
fn the_algorithm_is_that_of_the_key() {
    let pinned = RSA.replacen('{', r#"{"alg":"PS256","#, 1);
    assert_eq!(
        verdict(RS256, None, &key(&pinned)),
        Err(JwsFault::Algorithm)
    );
    assert_eq!(verdict(ES256, None, &key(RSA)), Err(JwsFault::Algorithm));
    assert_eq!(verdict(RS256, None, &key(EC)), Err(JwsFault::Algorithm));
    let (issuer, _, alternative) = issuer(AlternativeTokenAlgorithm::MlDsa65);
    for other in ["ML-DSA-87", "ML-DSA-44", "none", "RS256", "ml-dsa-65"] {
        let header = json!({"alg": other}).to_string();
        let jws = issuer.sign_detached("x", &header).unwrap();
        assert_eq!(
            verdict(&jws, Some(b"x"), &alternative),
            Err(JwsFault::Algorithm),
            "{other}"
        );
    }
}

#[test]
fn refuses_headers_that_change_what_is_signed() {
    let parse = |header: &str| {
        let encoded = Base64UrlUnpadded::encode_string(header.as_bytes());
        match Jws::parse(format!("{encoded}..AA").as_bytes()) {
            Ok(_) => Ok(()),
            Err(cause) => Err(cause),
        }
    };
    let cases = [
        (
            r#"{"alg":"ML-DSA-65","crit":["b64"]}"#,
            InvalidJws::Critical,
        ),
        (r#"{"alg":"ML-DSA-65","crit":[]}"#, InvalidJws::Critical),
        (r#"{"alg":"ML-DSA-65","b64":false}"#, InvalidJws::Unencoded),
        (r#"{"alg":"ML-DSA-65","b64":null}"#, InvalidJws::Unencoded),
        (r#"{"alg":"RS256","alg":"ML-DSA-65"}"#, InvalidJws::Header),
        (r#"["alg"]"#, InvalidJws::Header),
        (r#"{}"#, InvalidJws::Algorithm),
        (r#"{"alg":1}"#, InvalidJws::Algorithm),
        (r#"{"alg":"ML-DSA-65","kid":1}"#, InvalidJws::Algorithm),
    ];
    for (header, cause) in cases {
        assert_eq!(parse(header), Err(cause), "{header}");
    }
    assert_eq!(parse(r#"{"alg":"ML-DSA-65","b64":true}"#), Ok(()));
}

#[test]
fn refuses_what_is_no_compact_jws() {
    let padded = format!("{ES256}=");
    let spaced = ES256.replacen('.', ". ", 1);
    let long = "A".repeat(MAXIMUM_BYTES + 1);
    for (text, cause) in [
        ("", InvalidJws::Form),
        ("a.b", InvalidJws::Form),
        ("a.b.c.d", InvalidJws::Form),
        (padded.as_str(), InvalidJws::Form),
        (spaced.as_str(), InvalidJws::Form),
        (long.as_str(), InvalidJws::TooLong),
    ] {
        assert_eq!(Jws::parse(text.as_bytes()).err(), Some(cause));
    }
    assert!(Jws::parse(b"\xff..").is_err());
    let attached = Jws::parse(ES256.as_bytes()).unwrap();
    assert_eq!(
        attached.signed_text(Some(b"x")).err(),
        Some(InvalidJws::PayloadTwice)
    );
    let detached = Jws::parse(b"eyJhbGciOiJFUzI1NiJ9..AA").unwrap();
    assert_eq!(
        detached.signed_text(None).err(),
        Some(InvalidJws::PayloadMissing)
    );
}
