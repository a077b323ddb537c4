//! The MeshTrustPolicy that says what was reckoned.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_engine::policy::raw::PolicyDocument;
use serde_json::{Value, json};

use super::Options;
use super::mesh::Mesh;
use super::pattern::Match;
use super::region::{Region, open_values};
use super::segments::{Matrix, Segment, unique};
use super::template::Template;
use super::values::Values;
use crate::finding::{Code, Finding};

pub(super) fn document(
    options: &Options,
    mesh: &Mesh,
    segments: &[Segment],
    matrix: &Matrix,
    findings: &mut Vec<Finding>,
) -> Result<PolicyDocument, serde_json::Error> {
    let foreign = mesh.foreign.iter().map(|(domain, _, _)| domain.clone());
    let mut domains = mesh.trust_domains.clone();
    for domain in foreign.collect::<BTreeSet<_>>() {
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    let flows = flows(mesh, segments, matrix, findings);
    let segments: Vec<Value> = segments
        .iter()
        .map(|segment| segment_value(segment, domains.len() > 1))
        .collect();
    serde_json::from_value(json!({
        "apiVersion": "security.sallyport.dev/v1alpha1",
        "kind": "MeshTrustPolicy",
        "metadata": {"name": options.name},
        "spec": {
            "mode": if options.is_shadow { "shadow" } else { "enforce" },
            "trustDomains": domains,
            "minimumAssurance": "classical",
            "segments": segments,
            "flows": flows,
        },
    }))
}

fn segment_value(segment: &Segment, says_domains: bool) -> Value {
    let mut value = json!({"name": segment.name, "namespaces": [segment.namespace]});
    if let Some(members) = value.as_object_mut() {
        if says_domains {
            members.insert("trustDomains".to_owned(), json!(segment.trust_domains));
        }
        if let Some(accounts) = &segment.accounts {
            members.insert("serviceAccounts".to_owned(), json!(accounts));
        }
    }
    value
}

fn flows(
    mesh: &Mesh,
    segments: &[Segment],
    matrix: &Matrix,
    findings: &mut Vec<Finding>,
) -> Vec<Value> {
    let mut names = BTreeSet::new();
    let mut flows = Vec::new();
    let (mut methods, mut ports) = (BTreeSet::new(), BTreeSet::new());
    for to in segments {
        let Some(row) = to.called.and_then(|number| matrix.admissions.get(number)) else {
            continue;
        };
        // Callers who may ask the same share a flow, so that no two flows meet.
        let mut callers: BTreeMap<(Vec<Operation>, bool), Vec<&str>> = BTreeMap::new();
        for from in segments {
            let Some(admission) = row.get(from.caller) else {
                continue;
            };
            for region in &admission.regions {
                if open_values(&region.methods, &mesh.methods) {
                    methods.insert(to.name.clone());
                }
                if open_values(&region.ports, &mesh.ports) {
                    ports.insert(to.name.clone());
                }
            }
            let operations = operations(&admission.regions, mesh);
            if !operations.is_empty() {
                let key = (operations, admission.is_trial);
                callers.entry(key).or_default().push(&from.name);
            }
        }
        let mut by_first: Vec<_> = callers.into_iter().collect();
        by_first.sort_by(|(_, a), (_, b)| a.cmp(b));
        for ((operations, is_trial), from) in by_first {
            let wanted = match from.as_slice() {
                [one] => format!("{one}-to-{}", to.name),
                _ => format!("to-{}", to.name),
            };
            let mut flow = json!({
                "name": unique(&wanted, &mut names),
                "from": from,
                "to": to.name,
                "operations": operations.iter().map(Operation::value).collect::<Vec<_>>(),
            });
            if let Some(members) = flow.as_object_mut().filter(|_| is_trial) {
                members.insert("mode".to_owned(), json!("shadow"));
            }
            flows.push(flow);
        }
    }
    findings.extend(left_open("methods", &methods));
    findings.extend(left_open("ports", &ports));
    flows
}

fn left_open(what: &str, segments: &BTreeSet<String>) -> Option<Finding> {
    if segments.is_empty() {
        return None;
    }
    let names: Vec<String> = segments.iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "\"all {what} but\" cannot be said: {what} that no standard, policy or manifest names are left \
         out, towards {}",
        names.join(", ")
    );
    Some(Finding::new(
        Code::ImportValuesUnknown,
        "spec.flows",
        message,
    ))
}

/// An operation of a flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Operation {
    /// Absent: each one.
    ports: Option<Vec<u16>>,
    paths: Vec<String>,
    methods: Vec<String>,
}

impl Operation {
    fn value(&self) -> Value {
        let mut value = json!({"methods": self.methods, "paths": self.paths});
        if let (Some(members), Some(ports)) = (value.as_object_mut(), &self.ports) {
            members.insert("ports".to_owned(), json!(ports));
        }
        value
    }
}

/// Regions with the same methods and ports in one operation, then those with the same paths and ports.
fn operations(regions: &[Region], mesh: &Mesh) -> Vec<Operation> {
    let mut by_method: BTreeMap<(Values<String>, Values<u16>), BTreeSet<&Template>> =
        BTreeMap::new();
    for region in regions {
        let methods = said(&region.methods, &mesh.methods);
        let ports = said(&region.ports, &mesh.ports);
        let paths = by_method.entry((methods, ports)).or_default();
        paths.insert(&region.paths);
    }
    let mut by_path: BTreeMap<(Values<u16>, BTreeSet<&Template>), Values<String>> = BTreeMap::new();
    for ((methods, ports), paths) in by_method {
        let nobody = Values {
            named: BTreeSet::new(),
            others: Match::No,
        };
        let all = by_path.entry((ports, paths)).or_insert(nobody);
        *all = all.union(&methods);
    }
    let mut operations = Vec::new();
    for ((ports, paths), methods) in by_path {
        // Nobody listens at port 0.
        let named = ports.named.into_iter().filter(|port| *port != 0);
        let ports = (ports.others == Match::No).then(|| named.collect());
        let methods = if methods.others == Match::Yes {
            vec!["*".to_owned()]
        } else {
            methods.named.into_iter().collect()
        };
        let is_none = ports.as_ref().is_some_and(Vec::is_empty) || methods.is_empty();
        if !is_none {
            operations.push(Operation {
                ports,
                paths: paths.iter().map(ToString::to_string).collect(),
                methods,
            });
        }
    }
    operations.sort();
    operations
}

/// Values as the policy can say them: all of them, or those with a name.
fn said<T: Ord + Clone>(values: &Values<T>, known: &BTreeSet<T>) -> Values<T> {
    let mut values = values.clone();
    if open_values(&values, known) {
        values.others = Match::No;
    }
    values
}
