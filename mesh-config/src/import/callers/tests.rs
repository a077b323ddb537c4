use super::*;

fn caller(domain: &str, namespace: &str, account: Option<&str>) -> Caller {
    Caller {
        trust_domain: domain.to_owned(),
        namespace: namespace.to_owned(),
        account: account.map(str::to_owned),
    }
}

#[test]
fn says_maybe_where_the_account_is_not_known() {
    let own = ["mesh.example".to_owned(), "old.example".to_owned()];
    for (principal, known, unknown) in [
        ("cluster.local/ns/foo/sa/web", Match::Yes, Match::No),
        ("old.example/ns/foo/sa/web", Match::Yes, Match::No),
        ("other.example/ns/foo/sa/web", Match::No, Match::No),
        ("*/ns/foo/sa/web", Match::Yes, Match::Maybe),
        ("*/sa/web", Match::Yes, Match::Maybe),
        ("*/ns/bar/sa/web", Match::No, Match::No),
        ("mesh.example/ns/foo/*", Match::Yes, Match::Yes),
        ("mesh.example/ns/foo/sa/w*", Match::Yes, Match::Maybe),
        ("*", Match::Yes, Match::Yes),
        ("*eb", Match::Yes, Match::Maybe),
        ("*/ns/foo/*", Match::Maybe, Match::Maybe),
        // A star at the end of a trust domain: Istio writes the trust domains of the mesh instead.
        ("mesh*/ns/foo/sa/web", Match::Yes, Match::No),
        ("*example/ns/foo/sa/web", Match::Yes, Match::Maybe),
        ("other*/ns/foo/sa/web", Match::No, Match::No),
        // Behind a star at the front stands a regular expression.
        ("*/sa/w.b", Match::Maybe, Match::Maybe),
        ("*/sa/(web|db)", Match::Maybe, Match::Maybe),
    ] {
        let matches = |account| {
            let caller = caller("mesh.example", "foo", account);
            Attribute::Principal.matches(principal, &caller, &own)
        };
        assert_eq!(
            (matches(Some("web")), matches(None)),
            (known, unknown),
            "{principal}"
        );
    }
}

#[test]
fn knows_that_a_star_in_a_namespace_may_span_more() {
    let caller = caller("mesh.example", "foo", Some("web"));
    for (value, expected) in [
        ("foo", Match::Yes),
        ("f*", Match::Yes),
        ("*o", Match::Yes),
        ("*", Match::Yes),
        ("b*", Match::No),
        ("*r", Match::No),
        ("*a", Match::Maybe),
        ("f*o", Match::Maybe),
        ("f.o", Match::Maybe),
        ("(foo|bar)", Match::Maybe),
    ] {
        assert_eq!(
            Attribute::Namespace.matches(value, &caller, &[]),
            expected,
            "{value}"
        );
    }
}

#[test]
fn knows_that_a_service_account_is_a_regular_expression() {
    for (value, dotted, plain, unknown) in [
        ("foo/web.v1", Match::Yes, Match::Maybe, Match::Maybe),
        ("foo/web-v1", Match::No, Match::Yes, Match::No),
        ("foo/web[.]v1", Match::Maybe, Match::Maybe, Match::Maybe),
        ("bar/web-v1", Match::No, Match::No, Match::No),
    ] {
        let matches = |account| {
            let caller = caller("mesh.example", "foo", account);
            Attribute::ServiceAccount.matches(value, &caller, &[])
        };
        assert_eq!(
            (
                matches(Some("web.v1")),
                matches(Some("web-v1")),
                matches(None)
            ),
            (dotted, plain, unknown),
            "{value}"
        );
    }
}
