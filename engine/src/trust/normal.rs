//! Which refused paths are one target.
//!
//! A client that walks `/v1/items/17`, `/v1/items/18`, .. of a route that its policy forgot asks
//! for one thing many times; a scanner asks for many things. So a segment of a path that is an
//! identifier by its form stands for any other: all digits, a UUID or other hexadecimal of at
//! least eight characters with a digit in it, or at least sixteen characters with three digits (as
//! ULIDs and random tokens have).
//!
//! What an attacker gains: walking the identifiers of a route that is refused counts as one target
//! and repeats, which restrict at most. All of these requests are refused; it learns nothing. Words
//! stay distinct, and adding digits to them does not find what they name.

/// Feeds the path to `sink`, with `#` for each segment that is an identifier. No path has a bare
/// `#`, so none is mistaken for one with an identifier.
pub(super) fn normalise(path: &[u8], mut sink: impl FnMut(&[u8])) {
    for (number, segment) in path.split(|byte| *byte == b'/').enumerate() {
        if number > 0 {
            sink(b"/");
        }
        sink(if is_identifier(segment) {
            b"#"
        } else {
            segment
        });
    }
}

fn is_identifier(segment: &[u8]) -> bool {
    let digits = segment.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_hexadecimal = || {
        segment
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
    };
    digits > 0
        && (digits == segment.len()
            || (segment.len() >= 8 && is_hexadecimal())
            || (segment.len() >= 16 && digits >= 3))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn normal(path: &str) -> Vec<u8> {
        let mut text = Vec::new();
        normalise(path.as_bytes(), |part| text.extend_from_slice(part));
        text
    }

    #[test]
    fn identifiers_stand_for_each_other() {
        for (path, expected) in [
            ("/v1/items/17", "/v1/items/#"),
            ("/v1/items/123456789", "/v1/items/#"),
            ("/u/6f1c2d3e-0000-4000-8000-1234567890ab/x", "/u/#/x"),
            ("/blobs/deadbeef01", "/blobs/#"),
            ("/e/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/e/#"),
            ("/1/2/3", "/#/#/#"),
        ] {
            assert_eq!(normal(path), expected.as_bytes(), "{path}");
        }
    }

    #[test]
    fn words_stay_as_they_are() {
        for path in [
            "/",
            "",
            "/admin",
            "/v1/models/llm-7b",
            "/deadbeef",
            "/backup1",
            "/.git/config",
            "//",
            "/a-long-word-without-any-digit",
        ] {
            assert_eq!(normal(path), path.as_bytes());
        }
    }
}
