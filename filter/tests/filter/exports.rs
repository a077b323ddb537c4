//! What the module that ships exports is what it has an answer to. A host goes on without a callback
//! that is missing, so one that is left out by mistake lets requests pass.

use std::collections::BTreeSet;

#[test]
fn the_module_exports_the_callbacks_that_it_implements() {
    let listed: BTreeSet<String> = include_str!("../../exports.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    // Callbacks change something; helpers of ours with such a name do not. A signature may go over
    // lines.
    let implemented = include_str!("../../src/entry.rs")
        .split("fn on_")
        .skip(1)
        .filter_map(|rest| rest.split_once('('))
        .filter(|(_, parameters)| parameters.trim_start().starts_with("&mut self"))
        .map(|(name, _)| format!("proxy_on_{}", without_http(name)));
    let always = ALWAYS.iter().map(|name| (*name).to_owned());
    assert_eq!(listed, implemented.chain(always).collect());
}

/// The SDK says `http_` of what the ABI does not.
fn without_http(name: &str) -> &str {
    match name.strip_prefix("http_") {
        Some(short) if !name.starts_with("http_call_") => short,
        Some(_) | None => name,
    }
}

/// What the SDK itself answers, so that contexts come and go and the host can hand over bytes.
const ALWAYS: [&str; 7] = [
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_memory_allocate",
    "proxy_on_vm_start",
];
