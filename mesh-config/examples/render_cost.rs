//! What rendering a large mesh costs: 1 000 segments in 200 namespaces, 10 000 flows.
//!
//! `cargo run --release -p sallyport-mesh-config --example render_cost`
//!
//! Prints the time from the text of the policy to the text of the resources, and the most memory
//! that the process had (Linux only).
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot be made has nothing to say"
)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Instant;

use sallyport_mesh_config::policy_file;
use sallyport_mesh_config::render::FailStrategy;
use sallyport_mesh_config::render::fields::FIRST;
use sallyport_mesh_config::render::istio::{
    IstioVersion, Module, Request, Target, document, render,
};
use sallyport_mesh_config::workloads::list;

fn main() {
    let (policy, workloads) = mesh();
    println!(
        "policy {} bytes, workloads {} bytes",
        policy.len(),
        workloads.len()
    );
    let start = Instant::now();
    let loaded = policy_file::from_text(&policy, Path::new("."));
    let Ok(loaded) = loaded else {
        println!("the policy of this measurement is not valid");
        return;
    };
    println!("policy read after {:?}", start.elapsed());
    let inventory = list::from_text(&workloads, Path::new("w.yaml")).unwrap();
    println!("workloads read after {:?}", start.elapsed());
    let module = Module::new("file:///m.wasm", Some(&"0".repeat(64))).unwrap();
    let request = Request {
        policy: &loaded,
        inventory: &inventory,
        objects: &[],
        target: Target::WasmPlugin,
        version: IstioVersion::V1_31,
        module: &module,
        module_version: FIRST,
        image_pull_secret: None,
        strategy: FailStrategy::Reload,
        without: &BTreeSet::new(),
        open_tcp: &BTreeSet::new(),
        connection_seconds: 3600,
        root_namespace: "istio-system",
    };
    let rendering = render(&request, |_, _| {}).unwrap();
    println!("rendered after {:?}", start.elapsed());
    let text = document::yaml(&rendering.resources).unwrap();
    println!(
        "written after {:?}: {} resources, {} bytes",
        start.elapsed(),
        rendering.resources.len(),
        text.len()
    );
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!("{}", peak.unwrap_or("VmHWM: not known"));
}

fn mesh() -> (String, String) {
    let mut policy = String::from(
        "apiVersion: security.sallyport.dev/v1alpha1\nkind: MeshTrustPolicy\nmetadata: {name: large}\nspec:\n  \
         mode: enforce\n  trustDomains: [d.example]\n  minimumAssurance: classical\n  segments:\n",
    );
    let mut workloads = String::from(
        "apiVersion: security.sallyport.dev/v1alpha1\nkind: WorkloadList\nworkloads:\n",
    );
    for number in 0..1000 {
        let namespace = number % 200;
        writeln!(
            policy,
            "    - name: segment-{number}\n      namespaces: [namespace-{namespace}]\n      serviceAccounts: [account-{number}]"
        )
        .unwrap();
        writeln!(
            workloads,
            "  - name: workload-{number}\n    namespace: namespace-{namespace}\n    serviceAccount: account-{number}\n    \
             ports:\n      - {{port: 8080, protocol: http}}"
        )
        .unwrap();
    }
    policy.push_str("  flows:\n");
    for number in 0..10_000 {
        let (to, from) = (number % 1000, (number * 7 + number / 1000 + 1) % 1000);
        writeln!(
            policy,
            "    - name: flow-{number}\n      from: [segment-{from}]\n      to: segment-{to}\n      operations:\n        \
             - methods: [GET, POST]\n          paths: [\"/v1/things-{number}/{{id}}\"]\n          ports: [8080]"
        )
        .unwrap();
    }
    (policy, workloads)
}
