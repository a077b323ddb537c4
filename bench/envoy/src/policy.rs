//! One policy of many flows: for the filter, and the same for OPA.

use std::collections::BTreeMap;

use sallyport_e2e::settings::project_root;
use sallyport_mesh_config::policy_file::{self, LoadedPolicy};
use serde_json::{Value, json};

use crate::credentials::{Authorities, CALLERS, TRUST_DOMAIN, service_account, spiffe_id};
use crate::error::BenchError;

/// A policy with so many flows to the called workload, for so many callers. Each segment of callers
/// has as many flows as any other one; the last one covers what the callers ask for.
pub(crate) struct Mesh {
    flows: usize,
    peers: usize,
}

/// On whose behalf callers call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callers {
    /// Their own: what is refused counts against them.
    Workloads,
    /// Others': refused requests stay refused for the same reason, however many there are.
    Aggregators,
}

impl Mesh {
    pub(crate) const fn new(flows: usize, peers: usize) -> Self {
        Self { flows, peers }
    }

    /// As the filter is given it.
    pub(crate) fn load(
        &self,
        authorities: &Authorities,
        callers: Callers,
    ) -> Result<LoadedPolicy, BenchError> {
        let pinned = serde_json::to_value(authorities.pinned()?)
            .map_err(BenchError::json("the pinned authorities"))?;
        let document = self.document(&pinned, callers);
        policy_file::from_text(&document.to_string(), &project_root()).map_err(|findings| {
            let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
            BenchError::Credential(format!("the policy is not valid: {}", lines.join("; ")))
        })
    }

    fn document(&self, authorities: &Value, callers: Callers) -> Value {
        let mut segments = vec![json!({"name": "server", "namespaces": ["server"]})];
        for segment in 0..self.segments() {
            let members = (segment..self.peers.max(self.segments())).step_by(self.segments());
            let accounts: Vec<String> = members.map(service_account).collect();
            segments.push(json!({
                "name": segment_name(segment),
                "namespaces": [CALLERS],
                "serviceAccounts": accounts,
                "callers": match callers {
                    Callers::Workloads => "workload",
                    Callers::Aggregators => "aggregator",
                },
            }));
        }
        let flows = (0..self.flows).map(|number| {
            json!({
                "name": format!("flow-{number}"),
                "from": [segment_name(number % self.segments())],
                "to": "server",
                "operations": [{"methods": METHODS, "paths": self.paths(number)}],
            })
        });
        json!({
            "apiVersion": "security.sallyport.dev/v1alpha1",
            "kind": "MeshTrustPolicy",
            "metadata": {"name": "bench"},
            "spec": {
                "mode": "enforce",
                "trustDomains": [TRUST_DOMAIN],
                "minimumAssurance": "hybrid",
                "authorities": authorities,
                "segments": segments,
                "flows": flows.collect::<Vec<_>>(),
            },
        })
    }

    /// The data of the policy in Rego.
    pub(crate) fn rego_data(&self) -> Value {
        let segments: BTreeMap<String, String> = (0..self.peers)
            .map(|peer| (spiffe_id(peer), segment_name(peer % self.segments())))
            .collect();
        let mut flows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for number in 0..self.flows {
            let paths: Vec<String> = self
                .paths(number)
                .iter()
                .map(|path| path.replace("{id}", "*"))
                .collect();
            let operation = json!({"methods": METHODS, "paths": paths});
            let segment = segment_name(number % self.segments());
            flows.entry(segment).or_default().push(operation);
        }
        json!({"segments": segments, "flows": flows})
    }

    /// Segments of callers: a policy holds 2000 segments at most.
    fn segments(&self) -> usize {
        self.flows.clamp(1, MAXIMUM_SEGMENTS)
    }

    fn paths(&self, flow: usize) -> [String; 2] {
        let next = flow.saturating_add(self.segments());
        let collection = if next >= self.flows {
            "/v1/items".to_owned()
        } else {
            format!("/v1/items-{flow}")
        };
        [format!("{collection}/{{id}}"), collection]
    }
}

fn segment_name(number: usize) -> String {
    format!("callers-{number}")
}

const METHODS: [&str; 2] = ["GET", "POST"];
const MAXIMUM_SEGMENTS: usize = 1_000;
