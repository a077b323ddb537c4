//! A policy against the workloads that there are.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_engine::identity::SpiffeId;

use crate::finding::{Code, Finding};
use crate::policy_file::LoadedPolicy;
use crate::workloads::{Inventory, Workload};

pub(super) fn findings(loaded: &LoadedPolicy, inventory: &Inventory) -> Vec<Finding> {
    let mut ports: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
    let mut findings = Vec::new();
    for workload in &inventory.workloads {
        let segments = segments(loaded, workload);
        if segments.is_empty() {
            findings.push(unplaced(workload));
        }
        for segment in segments {
            let declared = workload.ports.iter().map(|port| port.number);
            ports.entry(segment).or_default().extend(declared);
        }
    }
    findings.extend(absent(loaded, &ports));
    findings.extend(undeclared(loaded, &ports));
    findings
}

/// The segments of a workload: of one in each trust domain at most.
fn segments(loaded: &LoadedPolicy, workload: &Workload) -> BTreeSet<String> {
    let domains = loaded.document.spec.trust_domains.iter();
    let segment = |domain: &String| {
        let (namespace, account) = (&workload.namespace, &workload.service_account);
        let identity = format!("spiffe://{domain}/ns/{namespace}/sa/{account}").parse::<SpiffeId>();
        let id = match identity {
            Ok(identity) => loaded.policy.segment_of(&identity)?,
            Err(_) => return None,
        };
        Some(loaded.policy.segment(id)?.name().to_string())
    };
    domains.filter_map(segment).collect()
}

fn unplaced(workload: &Workload) -> Finding {
    let Workload {
        namespace,
        kind,
        name,
        service_account,
        ..
    } = workload;
    let message = format!(
        "{kind} `{name}` in namespace `{namespace}`, with service account `{service_account}`, is in \
         no segment"
    );
    let finding = Finding::new(Code::UnplacedWorkload, "", message);
    match &workload.place {
        Some(place) => finding.in_file(place.file.display().to_string(), Some(place.line)),
        None => finding,
    }
}

fn absent(loaded: &LoadedPolicy, ports: &BTreeMap<String, BTreeSet<u16>>) -> Vec<Finding> {
    let segments = loaded.document.spec.segments.iter().enumerate();
    segments
        .filter(|(_, segment)| !ports.contains_key(&segment.name))
        .map(|(number, segment)| {
            let message = format!(
                "no workload of the manifests is in segment `{}`",
                segment.name
            );
            Finding::new(
                Code::AbsentSegment,
                format!("spec.segments[{number}]"),
                message,
            )
        })
        .collect()
}

/// Ports that nobody in the called segment declares. A segment without workloads is said once.
fn undeclared(loaded: &LoadedPolicy, ports: &BTreeMap<String, BTreeSet<u16>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let spec = &loaded.document.spec;
    let flows = spec.flows.iter().enumerate();
    let flows =
        flows.map(|(number, flow)| (format!("flows[{number}]"), &flow.to, &flow.operations));
    let grants = spec.grants.iter().flatten().enumerate();
    let grants = grants.map(|(number, it)| (format!("grants[{number}]"), &it.to, &it.operations));
    for (at, to, operations) in flows.chain(grants) {
        let Some(declared) = ports.get(to) else {
            continue;
        };
        for (place, operation) in operations.iter().enumerate() {
            let named = operation.ports.iter().flatten().enumerate();
            for (nth, port) in named.filter(|(_, port)| !declared.contains(port)) {
                let path = format!("spec.{at}.operations[{place}].ports[{nth}]");
                let message = format!("no workload of segment `{}` declares port {port}", to);
                let known: Vec<String> = declared.iter().map(u16::to_string).collect();
                let hint = match known.as_slice() {
                    [] => "its workloads declare no ports".to_owned(),
                    known => format!("declared there: {}", known.join(", ")),
                };
                findings.push(Finding::new(Code::UndeclaredPort, path, message).with_hint(hint));
            }
        }
    }
    findings
}
