use std::path::Path;

use sallyport_credentials::issue::{AuthorityOptions, HybridAuthority, RsaBits};

use super::*;
use crate::finding::Code;
use crate::policy_file::from_text;

const MINIMAL: &str = include_str!("../../tests/data/policy.yaml");
const NOW: TimeMs = TimeMs(1_800_000_000_000);
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn with(old: &str, new: &str) -> String {
    assert!(MINIMAL.contains(old), "{old}");
    MINIMAL.replace(old, new)
}

/// Code, path and line of what is found, but for the authority that most of these policies lack.
fn found(text: &str, folder: &Path) -> Vec<(&'static str, String, Option<u64>)> {
    let loaded = from_text(text, folder).unwrap_or_else(|found| panic!("{found:?}"));
    let findings = lint(&loaded, None, NOW).into_iter();
    findings
        .filter(|finding| finding.code != Code::UnpinnedTrustDomain)
        .map(|finding| (finding.code.as_str(), finding.path, finding.line))
        .collect()
}

fn codes(text: &str) -> Vec<(&'static str, String)> {
    let findings = found(text, Path::new(".")).into_iter();
    findings.map(|(code, path, _)| (code, path)).collect()
}

#[test]
fn finds_nothing_in_a_plain_policy() {
    assert_eq!(codes(MINIMAL), []);
}

#[test]
fn finds_an_operation_behind_a_wider_one() {
    let second = |methods: &str, path: &str, ports: &str| {
        format!("{MINIMAL}        - methods: [{methods}]\n          paths: [\"{path}\"]\n{ports}")
    };
    let port = "          ports: [8080]\n";
    let place = "spec.flows[0].operations[1]".to_owned();
    for (text, hidden) in [
        (second("GET", "/v1/orders/7", port), true),
        (second("GET", "/v1/orders/{other}", port), true),
        (second("GET, HEAD", "/v1/orders/7", port), false),
        (second("GET", "/v1/orders/7/items", port), false),
        (second("GET", "/v1/orders/7", ""), false),
    ] {
        let expected = if hidden {
            vec![("SP113", place.clone())]
        } else {
            vec![]
        };
        assert_eq!(codes(&text), expected, "{text}");
    }
    let line = found(&second("GET", "/v1/orders/7", port), Path::new("."));
    assert_eq!(line.first().and_then(|(_, _, line)| *line), Some(22));
}

#[test]
fn finds_a_trust_that_nobody_reaches() {
    // A classical caller with the default prior has 99 at best.
    let flow = |trust: &str| {
        with(
            "      to: orders\n",
            &format!("      to: orders\n      minimumTrust: {trust}\n"),
        )
    };
    assert_eq!(codes(&flow("99")), []);
    let prior = flow("99").replace(
        "namespaces: [web]",
        "namespaces: [web]\n      trust: {prior: -3000}",
    );
    assert_eq!(
        codes(&prior),
        [("SP303", "spec.flows[0].minimumTrust".to_owned())]
    );
    let policy = with(
        "  segments:\n",
        "  minimumTrust: 99\n  trust: {defaults: {prior: -3000}}\n  segments:\n",
    );
    assert_eq!(codes(&policy), [("SP303", "spec.flows[0]".to_owned())]);
}

fn signal(effect: &str, expires: &str) -> String {
    format!(
        "  signals:\n    - name: alert\n      source: siem\n      reason: r\n      author: a\n      \
         issued: 2027-01-01T00:00:00Z\n      expires: {expires}\n      about: {{segment: web}}\n      \
         effect: {effect}\n"
    )
}

#[test]
fn finds_signals_that_are_over_or_shut_a_flow() {
    // NOW is 2027-01-15T08:00:00Z.
    let text = MINIMAL.to_owned();
    let quarantine = "2027-03-01T00:00:00Z";
    let cases = [
        (
            signal("quarantine", quarantine),
            vec![("SP112", "spec.flows[0].from")],
        ),
        (signal("release", quarantine), vec![]),
        (
            signal("quarantine", "2027-01-15T08:00:00Z"),
            vec![("SP304", "spec.signals[0].expires")],
        ),
        (
            signal("release", "2027-01-16T07:59:59Z"),
            vec![("SP305", "spec.signals[0].expires")],
        ),
    ];
    for (signals, expected) in cases {
        let text = text.clone() + &signals;
        let expected: Vec<(&str, String)> = expected
            .into_iter()
            .map(|(code, path)| (code, path.to_owned()))
            .collect();
        assert_eq!(codes(&text), expected, "{text}");
    }
}

#[test]
fn finds_a_floor_in_the_future() {
    let floor = |time: &str| {
        with(
            "  segments:\n",
            &format!(
                "  notBeforeFloors: [{{identity: \"spiffe://d.example/ns/web/sa/web\", notBefore: \"{time}\"}}]\n  segments:\n"
            ),
        )
    };
    assert_eq!(codes(&floor("2027-01-15T08:00:00Z")), []);
    assert_eq!(
        codes(&floor("2027-01-15T08:00:01Z")),
        [("SP306", "spec.notBeforeFloors[0].notBefore".to_owned())]
    );
}

/// A policy that pins a hybrid authority of this lifetime, and its folder.
fn pinned(days: u64, rsa_bits: RsaBits, domain: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let start = TimeMs(NOW.0 - DAY_MS);
    let options = AuthorityOptions {
        rsa_bits,
        ..AuthorityOptions::new("mesh-ca", start, TimeMs(NOW.0 + days * DAY_MS))
    };
    let keys = folder.path().join("keys");
    HybridAuthority::generate(&options)
        .unwrap()
        .save(&keys)
        .unwrap();
    let authorities = format!(
        "  authorities:\n    certificates:\n      - name: mesh-ca\n        trustDomain: {domain}\n        \
         caCertificate: {{file: keys/ca.crt}}\n        \
         alternativeKey: {{algorithm: ML-DSA-65, publicKey: {{file: keys/ca.mldsa.pub}}}}\n"
    );
    (
        folder,
        with("  segments:\n", &format!("{authorities}  segments:\n")),
    )
}

#[test]
fn finds_authorities_at_their_end_and_short_keys() {
    let place = "spec.authorities.certificates[0].caCertificate";
    for (days, bits, expected) in [
        (91, RsaBits::Bits3072, None),
        (90, RsaBits::Bits3072, Some("SP213")),
        (0, RsaBits::Bits3072, Some("SP212")),
        (91, RsaBits::Bits2048, Some("SP214")),
    ] {
        let (folder, text) = pinned(days, bits, "d.example");
        let found = found(&text, folder.path());
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(code, path, _)| (*code, path.as_str()))
            .collect();
        let expected: Vec<(&str, &str)> = expected.into_iter().map(|code| (code, place)).collect();
        assert_eq!(found, expected, "{days}");
    }
}

#[test]
fn finds_a_revocation_of_an_authoritys_key() {
    let (folder, text) = pinned(400, RsaBits::Bits3072, "d.example");
    let certificate = std::fs::read(folder.path().join("keys/ca.crt")).unwrap();
    let der = sallyport_credentials::document::read(&certificate)
        .unwrap()
        .remove(0)
        .bytes;
    let certificate = sallyport_credentials::report::Certificate::parse(&der).unwrap();
    let digest = certificate.describe().public_key.spki_sha256;
    let revoke = |digest: &str| {
        text.replace(
            "  segments:\n",
            &format!("  revocations: [{{key: {digest}}}]\n  segments:\n"),
        )
    };
    let codes = |text: &str| -> Vec<&str> {
        found(text, folder.path())
            .into_iter()
            .map(|(code, _, _)| code)
            .collect()
    };
    assert_eq!(codes(&revoke(&digest)), ["SP216"]);
    assert!(codes(&revoke(&"ab".repeat(32))).is_empty());
}

#[test]
fn finds_a_flow_whose_callers_no_authority_makes_hybrid() {
    let (folder, text) = pinned(400, RsaBits::Bits3072, "e.example");
    let text = text
        .replace("[d.example]", "[d.example, e.example]")
        .replace("minimumAssurance: classical", "minimumAssurance: hybrid")
        .replace(
            "namespaces: [orders]",
            "namespaces: [orders]\n      trustDomains: [e.example]",
        );
    let of = |domain: &str| {
        let segment = format!("namespaces: [web]\n      trustDomains: [{domain}]");
        let findings = found(&text.replace("namespaces: [web]", &segment), folder.path());
        findings
            .into_iter()
            .map(|(code, path, _)| (code, path))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("d.example"),
        [("SP112", "spec.flows[0].from".to_owned())]
    );
    assert_eq!(of("e.example"), []);
}

#[test]
fn a_break_glass_is_compared_with_the_clock() {
    let place = || "spec.breakGlass.until".to_owned();
    // The tests' time is 2027-01-15T08:00:00Z.
    for (until, code) in [
        ("2027-01-15T08:00:00Z", "SP406"),
        ("2027-01-15T08:00:01Z", "SP407"),
        ("2027-01-22T08:00:00Z", "SP407"),
        ("2027-01-22T08:00:01Z", "SP405"),
    ] {
        let glass = format!("spec:\n  breakGlass: {{until: \"{until}\", reason: incident 7}}\n");
        assert_eq!(
            codes(&with("spec:\n", &glass)),
            [(code, place())],
            "{until}"
        );
    }
}

/// A grant of the tests' policy at 2027-01-15T08:00:00Z, with a change.
fn granting(old: &str, new: &str) -> String {
    let grant = "  grants:\n    - name: incident-7\n      from: [web]\n      to: orders\n      \
         notBefore: 2027-01-15T07:00:00Z\n      notAfter: 2027-01-15T09:00:00Z\n      \
         reason: incident 7\n      approvedBy: on-call lead\n      operations:\n        \
         - methods: [DELETE]\n          paths: [\"/v1/orders/{order}\"]\n";
    assert!(grant.contains(old), "{old}");
    format!("{MINIMAL}{}", grant.replace(old, new))
}

#[test]
fn finds_grants_that_are_over_long_or_without_effect() {
    const END: &str = "notAfter: 2027-01-15T09:00:00Z";
    const BEGIN: &str = "notBefore: 2027-01-15T07:00:00Z\n      notAfter: 2027-01-15T09:00:00Z";
    const AT_END: &str = "spec.grants[0].notAfter";
    const OPERATION: &str = "spec.grants[0].operations[0]";
    // What is replaced, by what, and the code and path of each finding.
    type Case = (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
    );
    let cases: [Case; 12] = [
        ("", "", &[]),
        (END, "notAfter: 2027-01-15T08:00:00Z", &[("SP119", AT_END)]),
        (END, "notAfter: 2027-01-15T08:00:01Z", &[]),
        (END, "notAfter: 2027-01-16T07:00:00Z", &[]),
        (
            END,
            "notAfter: 2027-01-16T07:00:01Z",
            &[("SP121", AT_END), ("SP120", AT_END)],
        ),
        (END, "notAfter: 2027-01-16T08:00:01Z", &[("SP121", AT_END)]),
        // A long one that is to come is long, and does not end soon; one that is over is over.
        (
            BEGIN,
            "notBefore: 2027-01-15T08:00:01Z\n      notAfter: 2027-01-16T08:00:02Z",
            &[("SP121", AT_END)],
        ),
        (
            BEGIN,
            "notBefore: 2027-01-10T07:00:00Z\n      notAfter: 2027-01-12T07:00:00Z",
            &[("SP119", AT_END)],
        ),
        ("[DELETE]", "[GET]", &[("SP122", OPERATION)]),
        ("[DELETE]", "[DELETE, GET]", &[("SP122", OPERATION)]),
        (
            "[DELETE]\n          paths: [\"/v1/orders/{order}\"]",
            "[\"*\"]\n          paths: [\"/{**}\"]",
            &[("SP122", OPERATION), ("SP123", OPERATION)],
        ),
        (
            "      operations:\n",
            "      operations:\n        - {methods: [\"*\"], paths: [\"/v1/orders/{other}\"], ports: [1]}\n        \
             - {methods: [PUT], paths: [\"/v1/orders/7\"], ports: [1]}\n",
            &[("SP113", "spec.grants[0].operations[1]")],
        ),
    ];
    for (old, new, expected) in cases {
        let expected: Vec<(&str, String)> = expected
            .iter()
            .map(|(code, path)| (*code, (*path).to_owned()))
            .collect();
        assert_eq!(codes(&granting(old, new)), expected, "{new}");
    }
}

#[test]
fn finds_a_grant_for_all_segments() {
    let more = granting("from: [web]", "from: [web, jobs]").replace(
        "  flows:\n",
        "    - name: jobs\n      namespaces: [jobs]\n  flows:\n",
    );
    assert_eq!(codes(&more), [("SP123", "spec.grants[0].from".to_owned())]);
    // The one other segment that there is, is not everybody.
    assert_eq!(codes(&granting("", "")), []);
}

#[test]
fn a_segment_that_only_a_grant_names_is_not_lonely() {
    let policy = granting("from: [web]", "from: [jobs]").replace(
        "  flows:\n",
        "    - name: jobs\n      namespaces: [jobs]\n  flows:\n",
    );
    let loaded = from_text(&policy, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}"));
    assert_eq!(loaded.warnings, []);
}

#[test]
fn finds_trust_domains_without_a_certificate_authority() {
    let unpinned = |text: &str, folder: &str| {
        let loaded = from_text(text, Path::new(folder)).unwrap_or_else(|found| panic!("{found:?}"));
        let findings = lint(&loaded, None, NOW).into_iter();
        let unpinned = findings.filter(|finding| finding.code == Code::UnpinnedTrustDomain);
        unpinned.map(|finding| finding.path).collect::<Vec<_>>()
    };
    assert_eq!(unpinned(MINIMAL, "."), ["spec.trustDomains[0]"]);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/istio/quickstart");
    let pinned = include_str!("../../../examples/istio/quickstart/policy.yaml");
    assert_eq!(unpinned(pinned, folder), [""; 0]);
    let two = pinned.replace("[shop.example]", "[shop.example, other.example]");
    let two = ["web", "orders"].into_iter().fold(two, |text, name| {
        let domains = format!("    - name: {name}\n      trustDomains: [shop.example]\n");
        text.replace(&format!("    - name: {name}\n"), &domains)
    });
    assert_eq!(unpinned(&two, folder), ["spec.trustDomains[1]"]);
}

#[test]
fn finds_segments_that_are_variables_elsewhere() {
    let path = |path: &str| codes(&with("/v1/orders/{order}", path));
    let place = "spec.flows[0].operations[0].paths[0]".to_owned();
    assert_eq!(path("/v1/orders/:order"), [("SP124", place)]);
    for plain in ["/v1/orders:batch", "/v1/orders/:", "/v1/{order}"] {
        assert_eq!(path(plain), [], "{plain}");
    }
}
