use alloc::format;
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

#[test]
fn cuts_off_the_query_without_reading_it() {
    assert_eq!(
        RequestPath::parse(b"/a/b?x=//%2f;..").map(RequestPath::as_str),
        Ok("/a/b")
    );
    assert_eq!(RequestPath::parse(b"/?").map(RequestPath::as_str), Ok("/"));
}

#[test]
fn gives_the_parts_between_the_slashes() {
    let parts = |path: &'static str| -> Vec<&str> {
        RequestPath::parse(path.as_bytes())
            .unwrap()
            .segments()
            .collect()
    };
    assert_eq!(parts("/"), [""]);
    assert_eq!(parts("/a"), ["a"]);
    assert_eq!(parts("/a/b/"), ["a", "b", ""]);
}

#[test]
fn allows_ordinary_paths() {
    for path in [
        "/",
        "/v1/models",
        "/v1/models/",
        "/a.b",
        "/...",
        "/.well-known/x",
        "/a..b",
        "/~u",
        "/v1/models/m:predict",
        "/a%20b",
        "/%41",
        "/a@b",
        "/a%2Bb",
        "/a,b=c",
    ] {
        assert!(RequestPath::parse(path.as_bytes()).is_ok(), "{path}");
    }
}

#[test]
fn refuses_each_way_to_hide_a_path() {
    for (path, error) in [
        ("", InvalidPath::NotAbsolute),
        ("*", InvalidPath::NotAbsolute),
        ("inference:8080", InvalidPath::NotAbsolute),
        ("?a", InvalidPath::NotAbsolute),
        ("//", InvalidPath::DoubledSlash),
        ("//a", InvalidPath::DoubledSlash),
        ("/a//b", InvalidPath::DoubledSlash),
        ("/a//", InvalidPath::DoubledSlash),
        ("/.", InvalidPath::DotSegment),
        ("/..", InvalidPath::DotSegment),
        ("/a/../b", InvalidPath::DotSegment),
        ("/a/./b", InvalidPath::DotSegment),
        ("/%2e%2e/b", InvalidPath::DotSegment),
        ("/.%2E/b", InvalidPath::DotSegment),
        ("/%252e%252e/b", InvalidPath::DoubleEncoding),
        ("/a%2fb", InvalidPath::HiddenSlash),
        ("/a%2Fb", InvalidPath::HiddenSlash),
        ("/a%5cb", InvalidPath::HiddenSlash),
        ("/a%5Cb", InvalidPath::HiddenSlash),
        ("/a\\b", InvalidPath::HiddenSlash),
        ("/a%252fb", InvalidPath::DoubleEncoding),
        ("/a%25252f", InvalidPath::DoubleEncoding),
        ("/a%25%32%66b", InvalidPath::DoubleEncoding),
        ("/%25", InvalidPath::DoubleEncoding),
        ("/a%255Cb", InvalidPath::DoubleEncoding),
        ("/a%00", InvalidPath::NullByte),
        ("/a%2500", InvalidPath::DoubleEncoding),
        ("/a;x=1", InvalidPath::Parameter),
        ("/;/a", InvalidPath::Parameter),
        ("/a%", InvalidPath::Encoding),
        ("/a%2", InvalidPath::Encoding),
        ("/a%zz", InvalidPath::Encoding),
        ("/a b", InvalidPath::Character),
        ("/a#b", InvalidPath::Character),
        ("/a\0b", InvalidPath::Character),
        ("/\u{e9}", InvalidPath::Character),
    ] {
        assert_eq!(RequestPath::parse(path.as_bytes()), Err(error), "{path}");
    }
    assert_eq!(
        RequestPath::parse(b"/\xff\xfe"),
        Err(InvalidPath::Character)
    );
}

#[test]
fn bounds_length_and_segments() {
    let long = format!("/{}", "a".repeat(RequestPath::MAXIMUM_BYTES));
    assert_eq!(
        RequestPath::parse(long.as_bytes()),
        Err(InvalidPath::TooLong)
    );
    let deep = "/a".repeat(RequestPath::MAXIMUM_SEGMENTS);
    assert!(RequestPath::parse(deep.as_bytes()).is_ok());
    let deeper = "/a".repeat(RequestPath::MAXIMUM_SEGMENTS + 1);
    assert_eq!(
        RequestPath::parse(deeper.as_bytes()),
        Err(InvalidPath::TooLong)
    );
}

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
proptest::proptest! {
    #[test]
    fn what_is_allowed_means_the_same_after_decoding_once_or_twice(path in "/[a/.%25;2fFeEcC0\\\\]{0,24}") {
        if let Ok(parsed) = RequestPath::parse(path.as_bytes()) {
            let once = percent_decode(parsed.as_str());
            let twice = percent_decode(&once);
            for decoded in [&once, &twice] {
                proptest::prop_assert_eq!(
                    decoded.matches('/').count(),
                    parsed.as_str().matches('/').count()
                );
                proptest::prop_assert!(!decoded.contains(['\\', '\0']));
                proptest::prop_assert!(!decoded.split('/').any(|part| part == "." || part == ".."));
            }
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
fn percent_decode(text: &str) -> alloc::string::String {
    let hex = |pair: &[u8]| match pair {
        [b'%', high, low] => {
            let high = char::from(*high).to_digit(16)?;
            let low = char::from(*low).to_digit(16)?;
            char::from_u32((high << 4) | low)
        }
        _ => None,
    };
    let mut decoded = alloc::string::String::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = rest.get(..3).and_then(hex);
        decoded.push(escape.unwrap_or(char::from(*first)));
        rest = if escape.is_some() { &rest[3..] } else { tail };
    }
    decoded
}
