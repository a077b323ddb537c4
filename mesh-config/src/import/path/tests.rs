use super::*;

fn template(text: &str) -> Template {
    match PathPattern::parse(&text.replace("{any}", "{*}")) {
        Some(PathPattern::Template(template)) => template,
        Some(PathPattern::Plain(Pattern::Exact(path))) => Template::literal(&path).unwrap(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn says_patterns_in_templates() {
    for (text, templates, is_all) in [
        ("*", &["/{**}"][..], true),
        ("/*", &["/{**}"], true),
        ("/info", &["/info"], true),
        ("/info/", &["/info/"], true),
        ("/info/*", &["/info/{**}"], true),
        ("/info*", &["/info", "/info/{**}"], false),
        ("*.txt", &[], false),
        ("/a*b", &[], false),
        ("/a/{b}", &[], false),
        ("info*", &[], false),
        ("//*", &[], false),
        ("/a/{*}/b", &["/a/{any}/b"], true),
        ("/a/{**}", &["/a/{**}"], true),
        ("/a/{**}/b", &[], false),
    ] {
        let said = PathPattern::parse(text).unwrap().said();
        let shown: Vec<String> = said.templates.iter().map(ToString::to_string).collect();
        assert_eq!(
            (shown, said.is_all),
            (templates.iter().map(|t| (*t).to_owned()).collect(), is_all),
            "{text}"
        );
    }
}

#[test]
fn refuses_templates_that_istio_refuses() {
    for text in [
        "/{**}/a/{*}",
        "/a{*}",
        "/*/{*}",
        "/{a}/{*}",
        "{*}",
        "/{**}/{**}",
    ] {
        assert_eq!(PathPattern::parse(text), None, "{text}");
    }
}

#[test]
fn tells_how_templates_lie_to_patterns() {
    for (pattern, paths, relation) in [
        ("/a/*", "/a/{any}", Relation::Within),
        ("/a/*", "/a", Relation::Apart),
        ("/a*", "/ab/{**}", Relation::Within),
        ("/a*", "/{any}", Relation::Partly),
        ("/a/b*", "/a/{**}", Relation::Partly),
        ("/a/*", "/a/{**}", Relation::Within),
        ("/a/b", "/a/{any}", Relation::Partly),
        ("/a/b", "/b/{any}", Relation::Apart),
        ("*/b", "/{any}/b", Relation::Within),
        ("*/b", "/{any}/c", Relation::Apart),
        ("*b", "/a/{any}", Relation::Partly),
        ("*", "/{**}", Relation::Within),
        ("/{*}/b", "/a/b", Relation::Within),
        ("/{*}/b", "/a/{any}", Relation::Partly),
        ("/a/{**}/b", "/a/{any}/b", Relation::Partly),
        ("/a/{**}/b", "/c/{any}/b", Relation::Apart),
    ] {
        let found = PathPattern::parse(pattern)
            .unwrap()
            .relation(&template(paths));
        assert_eq!(found, relation, "{pattern} {paths}");
    }
}

#[test]
fn intersections_hold_what_both_hold() {
    for (a, b, both) in [
        ("/a/{**}", "/{any}/b", Some("/a/b")),
        ("/{**}", "/a", Some("/a")),
        ("/a/{**}", "/a", None),
        ("/{any}/{**}", "/a/{**}", Some("/a/{**}")),
        ("/{any}", "/{any}/b", None),
        ("/{any}/b", "/a/{any}", Some("/a/b")),
    ] {
        let found = template(a)
            .intersection(&template(b))
            .map(|found| found.to_string());
        assert_eq!(found.as_deref(), both, "{a} {b}");
    }
}
