#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn template(text: &str) -> PathTemplate {
    text.parse().unwrap()
}

fn matches(text: &str, path: &str) -> bool {
    template(text).matches(RequestPath::parse(path.as_bytes()).unwrap())
}

#[test]
fn literal_covers_itself_only() {
    assert!(matches("/v1/models", "/v1/models"));
    for path in [
        "/v1/models/",
        "/v1/model",
        "/v1/models/x",
        "/V1/models",
        "/v1",
        "/",
    ] {
        assert!(!matches("/v1/models", path), "{path}");
    }
    assert!(matches("/", "/"));
    assert!(!matches("/", "/a"));
    assert!(matches("/a/", "/a/"));
    assert!(!matches("/a/", "/a"));
}

#[test]
fn a_variable_covers_exactly_one_segment() {
    assert!(matches(
        "/v1/models/{model}/infer",
        "/v1/models/llm-7b/infer"
    ));
    for path in [
        "/v1/models//infer",
        "/v1/models/infer",
        "/v1/models/a/b/infer",
    ] {
        let covered = RequestPath::parse(path.as_bytes())
            .is_ok_and(|path| template("/v1/models/{model}/infer").matches(path));
        assert!(!covered, "{path}");
    }
    assert!(!matches("/a/{b}", "/a/"));
}

#[test]
fn the_rest_covers_whatever_follows_the_slash() {
    for path in ["/a/", "/a/b", "/a/b/c", "/a/b/"] {
        assert!(matches("/a/{**}", path), "{path}");
    }
    assert!(!matches("/a/{**}", "/a"));
    assert!(!matches("/a/{**}", "/ab"));
    assert!(matches("/{**}", "/"));
    assert!(matches("/{**}", "/x/y"));
}

#[test]
fn refuses_each_broken_rule_with_its_own_error() {
    for (text, error) in [
        ("", InvalidTemplate::Path(InvalidPath::NotAbsolute)),
        ("a", InvalidTemplate::Path(InvalidPath::NotAbsolute)),
        ("/a//b", InvalidTemplate::Path(InvalidPath::DoubledSlash)),
        ("/a/../b", InvalidTemplate::Path(InvalidPath::DotSegment)),
        ("/a?b=c", InvalidTemplate::Path(InvalidPath::Character)),
        ("/a;b", InvalidTemplate::Path(InvalidPath::Parameter)),
        ("/a{b}", InvalidTemplate::Brace),
        ("/{a}{b}", InvalidTemplate::VariableName),
        ("/{a", InvalidTemplate::Brace),
        ("/{Name}", InvalidTemplate::VariableName),
        ("/{a-b}", InvalidTemplate::VariableName),
        ("/{*}", InvalidTemplate::VariableName),
        ("/{**}/a", InvalidTemplate::RestNotLast),
        ("/{**}/", InvalidTemplate::RestNotLast),
        ("/*", InvalidTemplate::Star),
        ("/a/**", InvalidTemplate::Star),
    ] {
        assert_eq!(text.parse::<PathTemplate>(), Err(error), "{text}");
    }
    assert_eq!(
        "/{}".parse::<PathTemplate>(),
        Err(InvalidTemplate::VariableName)
    );
}

#[test]
fn overlap_is_symmetric_and_exact_on_examples() {
    for (a, b, expected) in [
        ("/a", "/a", true),
        ("/a", "/b", false),
        ("/a", "/{x}", true),
        ("/{x}", "/{y}", true),
        ("/a/{x}", "/{y}/b", true),
        ("/a/{x}", "/b/{y}", false),
        ("/a", "/a/{x}", false),
        ("/a/", "/a/{x}", false),
        ("/a/", "/a/{**}", true),
        ("/a", "/a/{**}", false),
        ("/a/b/c", "/a/{**}", true),
        ("/a/{**}", "/a/b/{**}", true),
        ("/a/{**}", "/b/{**}", false),
        ("/{**}", "/", true),
        ("/{**}", "/a/b", true),
    ] {
        assert_eq!(template(a).overlaps(&template(b)), expected, "{a} {b}");
        assert_eq!(template(b).overlaps(&template(a)), expected, "{b} {a}");
    }
}

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
proptest::proptest! {
    #[test]
    fn templates_that_cover_one_path_overlap(
        a in "(/(a|b|\\{x\\})){0,3}(/|/\\{\\*\\*\\}|/a)",
        b in "(/(a|b|\\{x\\})){0,3}(/|/\\{\\*\\*\\}|/a)",
        path in "(/(a|b)){0,4}/?a?",
    ) {
        if let Ok(path) = RequestPath::parse(path.as_bytes()) {
            let (a, b) = (template(&a), template(&b));
            if a.matches(path) && b.matches(path) {
                proptest::prop_assert!(a.overlaps(&b));
            }
        }
    }
}

#[test]
fn contains_what_covers_no_path_besides() {
    let cases = [
        ("/a/{x}", "/a/b", true),
        ("/a/b", "/a/{x}", false),
        ("/a/{x}", "/a/{y}", true),
        ("/a/{x}", "/a/", false),
        ("/a/{**}", "/a/", true),
        ("/a/{**}", "/a/b/{c}", true),
        ("/a/{**}", "/a/b/{**}", true),
        ("/a/{**}", "/a", false),
        ("/a/b/{**}", "/a/{**}", false),
        ("/a/{x}", "/a/{**}", false),
        ("/a/b", "/a/b/c", false),
    ];
    for (wide, narrow, expected) in cases {
        let (wide, narrow) = (template(wide), template(narrow));
        assert_eq!(wide.contains(&narrow), expected, "{wide} {narrow}");
        assert!(wide.contains(&wide) && (!expected || wide.overlaps(&narrow)));
        assert!(!expected || matches(wide.as_str(), &narrow.example()));
    }
}

#[test]
fn covers_its_own_example() {
    for text in ["/", "/a/{x}/b", "/{**}", "/a/{x}/{**}", "/a/"] {
        assert!(matches(text, &template(text).example()), "{text}");
    }
}
