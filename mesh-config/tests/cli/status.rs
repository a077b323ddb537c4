//! `status`, against an answer that a real Envoy gave.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::{fs, thread};

use crate::support::*;

const STATS: &str = include_str!("../data/envoy-stats.prom");
const DUMP: &str = include_str!("../data/envoy-config-dump.json");

/// An admin port on loopback that answers two requests, and its address.
fn admin() -> String {
    admin_with(DUMP.to_owned())
}

fn admin_with(dump: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            while !lines.next().unwrap().unwrap().is_empty() {}
            let body = if first.contains("/config_dump") {
                dump.as_str()
            } else {
                STATS
            };
            let length = body.len();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn says_in_one_line_whether_it_is_on() {
    let folder = folder();
    let address = admin();
    let arguments = ["status", "--policy", "policy.yaml", "--admin", &address];
    let output = sallyport(&arguments, folder.path());
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let hash = json(&sallyport(
        &["check", "--output", "json", "policy.yaml"],
        folder.path(),
    ));
    let expected = format!(
        "{address}: ON enforce, policy_hash {} (the whole policy), 1 denied, 0 would be, module /etc/envoy/sallyport.wasm\n",
        hash["policy_hash"]
    );
    assert_eq!(stdout(&output), expected);
}

#[test]
fn exits_with_1_for_what_is_not_on_or_another_policy() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("on", STATS);
    write(
        "shadow",
        &STATS.replace("sallyport_enforcing{} 1", "sallyport_enforcing{} 0"),
    );
    write(
        "rejected",
        &STATS.replace(
            "sallyport_config_rejected{} 0",
            "sallyport_config_rejected{} 1",
        ),
    );
    write("off", "up 1\n");
    write("other.yaml", &POLICY.replace("[GET]", "[HEAD]"));
    for (arguments, exit, said) in [
        (&["on"][..], 0, "on: ON enforce"),
        (&["shadow"], 0, "shadow: ON shadow"),
        (&["shadow", "--require-enforce"], 1, "shadow: ON shadow"),
        (&["rejected"], 1, "rejected: REJECTED"),
        (&["off"], 1, "off: OFF"),
        (&["on", "off"], 1, "on: ON enforce"),
        (&["on", "--policy", "other.yaml"], 1, "another policy"),
        (&["absent"], 3, "absent: NO ANSWER"),
        (&["http://127.0.0.1:1/"], 3, "NO ANSWER"),
    ] {
        let output = sallyport(
            &[&["status", "--metrics"], arguments].concat(),
            folder.path(),
        );
        assert_eq!(
            code(&output),
            exit,
            "{arguments:?}: {}{}",
            stdout(&output),
            stderr(&output)
        );
        assert!(stdout(&output).contains(said), "{}", stdout(&output));
    }
}

#[test]
fn names_what_no_filter_sees() {
    let folder = folder();
    let list = "apiVersion: security.sallyport.dev/v1alpha1\nkind: WorkloadList\nworkloads:\n  \
                - {name: db, namespace: orders, ports: [{port: 5432, protocol: tcp}, {port: 8080, protocol: http}]}\n";
    fs::write(folder.path().join("list.yaml"), list).unwrap();
    let output = sallyport(&["status", "--workloads", "list.yaml"], folder.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("db in namespace orders, port 5432: it is no HTTP"),
        "{text}"
    );
    assert!(!text.contains("8080"), "{text}");
}

#[test]
fn knows_the_policy_as_it_was_rendered_with_meshconfig() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("mesh.yaml", "postQuantumAuth: {mode: shadow}\n");
    let whole = POLICY.replace("spec:\n", "spec:\n  postQuantumAuth: {mode: shadow}\n");
    write("whole.yaml", &whole);
    let hash = json(&sallyport(
        &["check", "--output", "json", "whole.yaml"],
        folder.path(),
    ))["policy_hash"]
        .to_string();
    let of_whole = |line: &str| match line.strip_prefix("sallyport_policy_hash{} ") {
        Some(_) => format!("sallyport_policy_hash{{}} {hash}\n"),
        None => format!("{line}\n"),
    };
    let stats: String = STATS.lines().map(of_whole).collect();
    assert!(stats.contains(&hash), "{stats}");
    write("on", &stats);
    let ask = |more: &[&str]| {
        let fixed = ["status", "--metrics", "on", "--policy", "policy.yaml"];
        sallyport(&[&fixed[..], more].concat(), folder.path())
    };
    let without = ask(&[]);
    assert_eq!(code(&without), 1);
    let text = stdout(&without);
    assert!(
        text.contains("another policy") && text.contains("`--mesh`"),
        "{text}"
    );
    let with = ask(&["--mesh", "mesh.yaml"]);
    assert_eq!(code(&with), 0, "{}{}", stdout(&with), stderr(&with));
    assert!(stdout(&with).contains("(the whole policy)"));
}

#[test]
fn what_a_proxy_answers_cannot_write_lines_or_colours() {
    let folder = folder();
    let written = "/etc/envoy/sallyport.wasm";
    assert!(DUMP.contains(written));
    let evil = r"/x\u001b[31m\n127.0.0.1:1: ON enforce";
    let address = admin_with(DUMP.replace(written, evil));
    let arguments = ["status", "--policy", "policy.yaml", "--admin", &address];
    let said = stdout(&sallyport(&arguments, folder.path()));
    assert!(
        said.lines().count() == 1 && said.contains(r"\u{1b}"),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn metrics_and_workloads_without_an_end_are_given_up() {
    let folder = folder();
    let arguments = ["status", "--metrics", "/dev/zero"];
    let said = stdout(&sallyport(&arguments, folder.path()));
    assert!(said.contains("longer than 64 MiB"), "{said}");
    let arguments = ["check", "--workloads", "/dev/zero", "policy.yaml"];
    let output = sallyport(&arguments, folder.path());
    let said = stdout(&output) + &stderr(&output);
    assert!(said.contains("longer than 32 MiB"), "{said}");
}
