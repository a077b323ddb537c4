//! A plain list of workloads, for meshes whose manifests are not at hand.

use std::collections::BTreeSet;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Inventory, Place, Port, Protocol, Workload};
use crate::finding::{Code, Finding};
use crate::policy_file::shape;
use crate::{schema, yaml};

/// Which workloads a mesh has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadList {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// Always `WorkloadList`.
    pub kind: Kind,
    /// The workloads.
    pub workloads: Vec<Entry>,
}

/// The versions of the format that this build reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first format; may still change.
    #[serde(rename = "security.sallyport.dev/v1alpha1")]
    V1Alpha1,
}

/// The kinds of document that this build reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// The workloads of a mesh.
    WorkloadList,
}

/// A workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its service account. Absent: `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// The ports that it is called at.
    pub ports: Vec<ListedPort>,
}

/// A port of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListedPort {
    /// The number, as the pods have it.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// What is spoken there, as the service says it to Istio.
    pub protocol: Protocol,
}

/// Reads a list. `file` is what findings call it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn from_text(text: &str, file: &Path) -> Result<Inventory, Vec<Finding>> {
    let name = file.display().to_string();
    let located = |findings: Vec<Finding>, lines: &yaml::Lines| -> Vec<Finding> {
        let findings = findings.into_iter().map(|finding| {
            let line = lines.of(&finding.path);
            finding.in_file(name.clone(), line)
        });
        findings.collect()
    };
    let document = yaml::parse(text).map_err(|finding| {
        let line = finding.line;
        vec![finding.in_file(name.clone(), line)]
    })?;
    let deviations = shape::check(&document.value, &schema::workloads_for_validation());
    if !deviations.is_empty() {
        return Err(located(deviations, &document.lines));
    }
    let list: WorkloadList = serde_json::from_value(document.value).map_err(|error| {
        let finding = Finding::new(
            Code::OtherForm,
            "",
            format!("is no list of workloads: {error}"),
        );
        located(vec![finding], &document.lines)
    })?;
    let mut findings = Vec::new();
    let mut names = BTreeSet::new();
    let mut workloads = Vec::new();
    for (number, entry) in list.workloads.into_iter().enumerate() {
        let path = format!("workloads[{number}]");
        check(&entry, &path, &mut findings);
        if !names.insert((entry.namespace.clone(), entry.name.clone())) {
            let text = format!("`{}` stands twice in its namespace", entry.name);
            findings.push(Finding::new(Code::NameTaken, format!("{path}.name"), text));
        }
        workloads.push(Workload {
            asks_for_sidecar: true,
            namespace: entry.namespace,
            kind: "Workload".to_owned(),
            name: entry.name,
            service_account: entry
                .service_account
                .unwrap_or_else(|| "default".to_owned()),
            ports: ports(&entry.ports),
            without_sidecar: None,
            place: document.lines.of(&path).map(|line| Place {
                file: file.to_owned(),
                line,
            }),
        });
    }
    if !findings.is_empty() {
        return Err(located(findings, &document.lines));
    }
    workloads
        .sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
    Ok(Inventory { workloads })
}

fn check(entry: &Entry, path: &str, findings: &mut Vec<Finding>) {
    let mut numbers = BTreeSet::new();
    for (number, port) in entry.ports.iter().enumerate() {
        if !numbers.insert(port.port) {
            let text = format!("port {} stands twice", port.port);
            let path = format!("{path}.ports[{number}].port");
            findings.push(Finding::new(Code::NameTaken, path, text));
        }
    }
}

fn ports(listed: &[ListedPort]) -> Vec<Port> {
    let mut ports: Vec<Port> = listed
        .iter()
        .map(|port| Port {
            number: port.port,
            protocol: port.protocol,
            bypass: None,
        })
        .collect();
    ports.sort_by_key(|port| port.number);
    ports
}
