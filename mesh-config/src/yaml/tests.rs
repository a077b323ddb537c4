use super::*;

fn refused(text: &str) -> Finding {
    parse(text).unwrap_err()
}

#[test]
fn reads_values_with_their_lines() {
    let document = parse("a: 1\nb:\n  - x\n  - c: on\n    d: true\ne: |\n  line\nf: -3\n").unwrap();
    let expected = serde_json::json!({
        "a": 1, "b": ["x", {"c": "on", "d": true}], "e": "line\n", "f": -3,
    });
    assert_eq!(document.value, expected);
    let lines = [
        ("a", 1),
        ("b", 2),
        ("b[0]", 3),
        ("b[1]", 4),
        ("b[1].d", 5),
        ("e", 6),
        ("", 1),
    ];
    for (path, line) in lines {
        assert_eq!(document.lines.of(path), Some(line), "{path}");
    }
}

#[test]
fn gives_the_line_of_the_nearest_place_for_one_that_is_absent() {
    let document = parse("a:\n  b:\n    - c: 1\n").unwrap();
    assert_eq!(document.lines.of("a.b[0].missing"), Some(3));
    assert_eq!(document.lines.of("a.b[7].missing[2]"), Some(2));
    assert_eq!(document.lines.of("z"), None);
}

#[test]
fn reads_json_too() {
    assert_eq!(
        parse(r#"{"a": [1, "x"]}"#).unwrap().value,
        serde_json::json!({"a": [1, "x"]})
    );
}

#[test]
fn refuses_a_key_that_stands_twice() {
    let finding = refused("a: 1\nb:\n  c: 2\n  c: 3\n");
    assert_eq!(finding.line, Some(4));
    assert_eq!(
        finding.message,
        "the key `c` stands twice in the same mapping"
    );
    assert!(finding.hint.unwrap().starts_with("remove one of them"));
}

#[test]
fn refuses_what_leaves_room_for_doubt() {
    let cases = [
        ("several documents", "a: 1\n---\nb: 2\n"),
        ("a merge key", "x: &x {a: 1}\ny:\n  <<: *x\n"),
        ("an unknown tag", "a: !secret 1\n"),
        ("broken syntax", "a: {b: 1\n"),
        ("a number that is none", "a: .nan\n"),
    ];
    for (what, text) in cases {
        let finding = refused(text);
        assert!(
            finding
                .message
                .starts_with("this is no YAML that a policy may use"),
            "{what}"
        );
        assert!(finding.line.is_some() && finding.hint.is_some(), "{what}");
    }
}

#[test]
fn refuses_a_document_that_grows_while_it_is_read() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let last = level - 1;
        let repeated = vec![format!("*a{last}"); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{repeated}]\n"));
    }
    refused(&bomb);
    refused(&"[".repeat(1000));
    refused(&format!("{}1{}", "[".repeat(40), "]".repeat(40)));
}

#[test]
fn takes_words_that_older_yaml_reads_as_booleans_for_text() {
    for word in ["yes", "no", "on", "off", "y", "n"] {
        let document = parse(&format!("a: {word}\n")).unwrap();
        assert_eq!(document.value, serde_json::json!({"a": word}));
    }
}

#[test]
fn messages_hold_no_part_of_the_file_but_keys() {
    let finding = refused("a:\n  inline: -----BEGIN SECRET-----\n   c2VjcmV0: [\n");
    let text = finding.to_string();
    assert!(!text.contains("BEGIN") && !text.contains('^'), "{text}");
}

#[test]
fn escapes_and_cuts_keys() {
    assert_eq!(member("spec", "a\nb"), "spec.a\\nb");
    assert_eq!(member("", &"k".repeat(500)).len(), 64);
}

#[test]
fn manifests_are_several_documents_with_the_lines_of_their_file() {
    let text = "---\n# nothing\n---\na: 1\n---\nb:\n- 0400\n";
    let documents = parse_manifests(text).unwrap();
    let values: Vec<&Value> = documents.iter().map(|document| &document.value).collect();
    let expected = [serde_json::json!({"a": 1}), serde_json::json!({"b": [256]})];
    assert_eq!(values, expected.iter().collect::<Vec<_>>());
    assert_eq!(documents[1].lines.of("b[0]"), Some(7));
}

#[test]
fn words_that_kubernetes_reads_as_booleans_need_quotes_in_manifests() {
    for word in ["yes", "No", "on", "OFF", "y", "n"] {
        for text in [
            format!("a: 1\n\u{e9}: {word}\n"),
            format!("a: 1\n{word}: x\n"),
            format!("a:\n- {word}\n"),
            format!("a:\n- &w {word}\n"),
            format!("a:\n  {{{word}: 1}}\n"),
        ] {
            let finding = parse_manifests(&text).unwrap_err();
            assert!(finding.message.contains(word), "{text}");
            assert_eq!(finding.line, Some(2), "{text}");
        }
        for text in [
            format!("a: '{word}'\n"),
            format!("\u{e9}: \"{word}\"\n\"{word}\": 1\n"),
            format!("a: [true, \"{word}\"]\n"),
        ] {
            parse_manifests(&text).expect(&text);
        }
    }
}
