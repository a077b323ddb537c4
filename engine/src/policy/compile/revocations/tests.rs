#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::fixtures::{GATEWAY, document};
use crate::policy::compile;

fn errors(revocations: &str, floors: &str) -> Vec<String> {
    let mut document = document();
    document.spec.revocations = Some(serde_json::from_str(revocations).unwrap());
    document.spec.not_before_floors = Some(serde_json::from_str(floors).unwrap());
    match compile(&document) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

const DIGEST: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

#[test]
fn reads_serial_numbers_as_tools_print_them() {
    let serial = |bytes: &[u8]| Ok(CredentialNumber::Serial(Arc::from(bytes)));
    for (text, number) in [
        ("4f", serial(&[0x4f])),
        ("4F:0a", serial(&[0x4f, 0x0a])),
        ("004f0a", serial(&[0x4f, 0x0a])),
        ("f0a", serial(&[0x0f, 0x0a])),
    ] {
        assert_eq!(serial_number(text), number, "{text}");
    }
    for text in ["", "0", "0000", "4g", "0x4f", "+4", &"4f".repeat(21)] {
        assert!(serial_number(text).is_err(), "{text}");
    }
}

#[test]
fn reads_digests_and_nothing_else() {
    assert_eq!(digest(DIGEST).unwrap()[..3], [0, 0x11, 0x22]);
    let longer = DIGEST.to_string() + "00";
    let shorter = DIGEST.replacen('0', "", 1);
    for text in ["", "00", &shorter, &longer, &DIGEST.replace('0', ":")] {
        assert!(digest(text).is_err(), "{text}");
    }
}

#[test]
fn names_each_entry_that_is_wrong() {
    let revocations = r#"[
        {"certificate": "00"}, {"key": "x"}, {"identity": "spiffe://a"},
        {"serial": {"authority": "mesh", "number": "1"}},
        {"token": {"authority": "tokens", "jti": ""}}
    ]"#;
    let floors = r#"[
        {"notBefore": "2026-01-01T00:00:00Z"},
        {"identity": "x", "notBefore": "2026-01-01T00:00:00Z"},
        {"authority": "mesh", "notBefore": "2026-01-01T00:00:00Z"},
        {"authority": "mesh", "notBefore": "yesterday"}
    ]"#;
    let found = errors(revocations, floors);
    let paths: Vec<&str> = found
        .iter()
        .filter_map(|error| error.split(": ").next())
        .collect();
    assert_eq!(
        paths,
        [
            "spec.revocations[0].certificate",
            "spec.revocations[1].key",
            "spec.revocations[2].identity",
            "spec.revocations[3].serial.authority",
            "spec.revocations[4].token.authority",
            "spec.revocations[4].token.jti",
            "spec.notBeforeFloors[0]",
            "spec.notBeforeFloors[1].identity",
            "spec.notBeforeFloors[2].authority",
            "spec.notBeforeFloors[3].notBefore",
        ],
        "{found:#?}"
    );
}

#[test]
fn refuses_what_is_said_twice_and_empty_lists() {
    let twice = alloc::format!(r#"[{{"key": "{DIGEST}"}}, {{"key": "{DIGEST}"}}]"#);
    let floor = r#"{"identity": "spiffe://a/b", "notBefore": "2026-01-01T00:00:00Z"}"#;
    let found = errors(&twice, &alloc::format!("[{floor}, {floor}]"));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(errors("[]", "[]").len(), 2);
    let one = alloc::format!(r#"[{{"identity": "{GATEWAY}"}}, {{"certificate": "{DIGEST}"}}]"#);
    assert_eq!(errors(&one, &alloc::format!("[{floor}]")), [""; 0]);
}
