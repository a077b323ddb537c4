use alloc::format;
use alloc::string::ToString;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

#[test]
fn splits_an_istio_identity() {
    let id: SpiffeId = "spiffe://ai.example/ns/inference/sa/model-server"
        .parse()
        .unwrap();
    assert_eq!(id.trust_domain(), "ai.example");
    assert_eq!(id.path(), "/ns/inference/sa/model-server");
    assert_eq!(
        id.workload(),
        Some(Workload {
            namespace: "inference",
            service_account: "model-server"
        })
    );
    assert_eq!(
        id.to_string(),
        "spiffe://ai.example/ns/inference/sa/model-server"
    );
}

#[test]
fn knows_no_workload_in_other_shapes_of_path() {
    for path in [
        "/ns/a",
        "/ns/a/sa",
        "/ns/a/sa/b/c",
        "/ns/a/x/sa/b",
        "/sa/b/ns/a",
        "/workload",
    ] {
        let id: SpiffeId = format!("spiffe://d{path}").parse().unwrap();
        assert_eq!(id.workload(), None, "{path}");
    }
}

#[test]
fn refuses_each_broken_rule_with_its_own_error() {
    let long = format!("spiffe://d/{}", "a".repeat(2048));
    for (text, error) in [
        (long.as_str(), InvalidSpiffeId::TooLong),
        ("", InvalidSpiffeId::Scheme),
        ("SPIFFE://d/a", InvalidSpiffeId::Scheme),
        ("https://d/a", InvalidSpiffeId::Scheme),
        (
            "spiffe:///a",
            InvalidSpiffeId::TrustDomain(InvalidTrustDomain::Empty),
        ),
        (
            "spiffe://D/a",
            InvalidSpiffeId::TrustDomain(InvalidTrustDomain::Character),
        ),
        (
            "spiffe://d:80/a",
            InvalidSpiffeId::TrustDomain(InvalidTrustDomain::Character),
        ),
        (
            "spiffe://u@d/a",
            InvalidSpiffeId::TrustDomain(InvalidTrustDomain::Character),
        ),
        ("spiffe://d", InvalidSpiffeId::PathMissing),
        ("spiffe://d/", InvalidSpiffeId::PathMissing),
        ("spiffe://d/a/", InvalidSpiffeId::SegmentEmpty),
        ("spiffe://d//a", InvalidSpiffeId::SegmentEmpty),
        ("spiffe://d/./a", InvalidSpiffeId::SegmentDots),
        ("spiffe://d/a/..", InvalidSpiffeId::SegmentDots),
        ("spiffe://d/a?x=1", InvalidSpiffeId::PathCharacter),
        ("spiffe://d/a#x", InvalidSpiffeId::PathCharacter),
        ("spiffe://d/a%2fb", InvalidSpiffeId::PathCharacter),
        ("spiffe://d/a\0b", InvalidSpiffeId::PathCharacter),
    ] {
        assert_eq!(text.parse::<SpiffeId>(), Err(error), "{text}");
    }
}

#[test]
fn allows_exactly_the_path_characters_of_the_standard() {
    for byte in 0..=255_u8 {
        let character = char::from(byte);
        let allowed = character.is_ascii_alphanumeric() || "-_".contains(character);
        // `.` alone is a dot segment and `/` alone an empty one, so each is tried beside a letter.
        let text = format!("spiffe://d/a{character}");
        let expected = allowed || character == '.';
        assert_eq!(
            text.parse::<SpiffeId>().is_ok(),
            expected,
            "byte {byte:#04x}"
        );
    }
}

#[test]
fn bounds_the_trust_domain() {
    assert!("a".repeat(255).parse::<TrustDomain>().is_ok());
    assert_eq!(
        "a".repeat(256).parse::<TrustDomain>(),
        Err(InvalidTrustDomain::TooLong)
    );
    assert_eq!("".parse::<TrustDomain>(), Err(InvalidTrustDomain::Empty));
}

#[test]
fn assurance_is_ordered() {
    assert!(Assurance::Plaintext < Assurance::Classical);
    assert!(Assurance::Classical < Assurance::Hybrid);
    assert!(Assurance::Hybrid < Assurance::HybridProven);
}
