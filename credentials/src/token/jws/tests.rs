use super::*;

const HEADER: &str = r#"{"alg":"PS256","typ":"hybrid-identity+jwt","kid":"a"}"#;
const DETACHED: &str = r#"{"alg":"ML-DSA-65","typ":"hybrid-identity-sig+jws","kid":"b"}"#;
const CLAIMS: &str = r#"{"iss":"https://tokens.example"}"#;

fn encode(text: &str) -> String {
    Base64UrlUnpadded::encode_string(text.as_bytes())
}

fn parse(header: &str, claims: &str, detached: &str) -> Result<Option<String>, CredentialFault> {
    let token = format!(
        "{}.{}.{}",
        encode(header),
        encode(claims),
        encode("signature")
    );
    let signature = format!("{}..{}", encode(detached), encode("signature"));
    let headers = TokenHalves {
        token: token.as_bytes(),
        signature: signature.as_bytes(),
    };
    HybridToken::parse(headers).map(|token| token.issuer)
}

#[test]
fn reads_the_issuer_of_a_token_in_the_right_form() {
    assert_eq!(
        parse(HEADER, CLAIMS, DETACHED),
        Ok(Some("https://tokens.example".to_owned()))
    );
}

#[test]
fn refuses_header_members_beyond_the_three() {
    for member in [
        "crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t#S256", "zip", "cty", "nonce",
    ] {
        let more = format!(r#","{member}":1}}"#);
        let refused = Err(CredentialFault::AlgorithmRefused);
        assert_eq!(
            parse(&HEADER.replace('}', &more), CLAIMS, DETACHED),
            refused,
            "{member}"
        );
        assert_eq!(
            parse(HEADER, CLAIMS, &DETACHED.replace('}', &more)),
            refused,
            "{member}"
        );
    }
}

#[test]
fn refuses_members_that_stand_twice() {
    let malformed = Err(CredentialFault::Malformed);
    let twice = |text: &str, member: &str| text.replace('}', &format!(r#","{member}":"a"}}"#));
    assert_eq!(parse(&twice(HEADER, "kid"), CLAIMS, DETACHED), malformed);
    assert_eq!(parse(HEADER, &twice(CLAIMS, "iss"), DETACHED), malformed);
    assert_eq!(
        parse(HEADER, CLAIMS, &twice(DETACHED, r"\u0061lg")),
        malformed
    );
}

#[test]
fn decodes_only_the_one_encoding_of_bytes() {
    for (part, is_canonical) in [
        ("AA", true),
        ("AAA", true),
        ("AAAA", true),
        ("_-8", true),
        ("AB", false),
        ("AAB", false),
        ("AA==", false),
        ("AAA=", false),
        ("A", false),
        ("AAAAA", false),
        ("A A", false),
        ("AA\n", false),
        ("+/8", false),
        ("", false),
    ] {
        assert_eq!(decode(part).is_ok(), is_canonical, "{part:?}");
    }
}

#[test]
fn refuses_bytes_beyond_the_limits() {
    let token = vec![b'A'; MAXIMUM_TOKEN_BYTES + 1];
    assert_eq!(
        ascii(&token, MAXIMUM_TOKEN_BYTES),
        Err(CredentialFault::Malformed)
    );
    assert!(ascii(token.get(1..).unwrap(), MAXIMUM_TOKEN_BYTES).is_ok());
    assert_eq!(ascii(b"\x80", 1), Err(CredentialFault::Malformed));
}

#[test]
fn signs_the_whole_jwt_as_payload() {
    assert_eq!(signing_input("aGVhZGVy", "a.b.c"), "aGVhZGVy.YS5iLmM");
}
