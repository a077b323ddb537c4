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
    let implemented = include_str!("../../src/entry.rs")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("fn on_"))
        .filter_map(|rest| rest.split_once("(&mut self"))
        .map(|(name, _)| format!("proxy_on_{}", name.trim_start_matches("http_")));
    let always = ALWAYS.iter().map(|name| (*name).to_owned());
    assert_eq!(listed, implemented.chain(always).collect());
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
