//! What the setting means for every workload, segment and flow.

use sallyport_engine::identity::Assurance;
use sallyport_engine::policy::raw::{Flow, PostQuantumAuth, RequiredAssurance, Segment, Spec};
use sallyport_engine::policy::{KeyExchangeRule, Mode};
use serde::Serialize;

use crate::policy_file::LoadedPolicy;
use crate::workloads::{Inventory, Workload};

/// What the setting means.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meaning {
    /// What is asked; none where nothing is.
    pub asked: Option<Asked>,
    /// The segments of the policy, as they are called.
    pub segments: Vec<SegmentMeaning>,
    /// The flows of the policy; twice, where only some of the called namespaces are exempt.
    pub flows: Vec<FlowMeaning>,
    /// The workloads of the manifests, as they are called.
    pub workloads: Vec<WorkloadMeaning>,
}

/// What is asked, with nothing left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Whether it is enforced.
    pub mode: Mode,
    /// The least assurance.
    pub minimum_assurance: RequiredAssurance,
    /// What is asked of the key exchange.
    pub key_exchange: KeyExchangeRule,
    /// The namespaces that do not ask.
    pub exempt_namespaces: Vec<String>,
}

/// Which workloads of a segment ask.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentMeaning {
    /// Its name.
    pub segment: String,
    /// Its namespaces that ask.
    pub asks_in: Vec<String>,
    /// Its namespaces that are exempt.
    pub exempt_in: Vec<String>,
}

/// What a flow asks of its callers, with the mesh.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowMeaning {
    /// Its name.
    pub flow: String,
    /// The called segment.
    pub to: String,
    /// The called namespaces that this is about.
    pub namespaces: Vec<String>,
    /// Whether the mesh asks there.
    pub is_asked: bool,
    /// What the flow asks by itself.
    pub own_minimum_assurance: RequiredAssurance,
    /// Its mode.
    pub own_mode: Mode,
    /// The higher of what flow and mesh ask.
    pub minimum_assurance: RequiredAssurance,
    /// What becomes of callers with good credentials, from the least assurance on.
    pub callers: Vec<CallerMeaning>,
}

/// What becomes of callers of an assurance.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallerMeaning {
    /// Their assurance.
    pub assurance: RequiredAssurance,
    /// What becomes of them.
    pub answer: AnswerMeaning,
    /// Who refuses or reports them: `flow`, `mesh`.
    pub by: Vec<&'static str>,
}

/// What becomes of a caller, as far as its credentials go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AnswerMeaning {
    /// It may go on.
    Allowed,
    /// It may go on, and is reported.
    Reported,
    /// It is refused.
    Refused,
}

/// Whether a workload asks.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadMeaning {
    /// Its namespace.
    pub namespace: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its service account.
    pub service_account: String,
    /// Its segment, if the policy has one for it.
    pub segment: Option<String>,
    /// Whether it asks.
    pub is: WorkloadIs,
}

/// Whether a workload asks what the mesh asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum WorkloadIs {
    /// It does.
    Asking,
    /// Its namespace is exempt.
    Exempt,
    /// It has no sidecar, so nobody asks.
    Unseen,
}

/// Says what `asked` means with a policy and the workloads that there are.
#[must_use]
pub fn meaning(
    asked: Option<&PostQuantumAuth>,
    loaded: Option<&LoadedPolicy>,
    inventory: &Inventory,
) -> Meaning {
    let spec = loaded.map(|loaded| &loaded.document.spec);
    let segments = spec.iter().flat_map(|spec| &spec.segments);
    let flows = spec.iter().flat_map(|spec| {
        spec.flows
            .iter()
            .flat_map(|flow| of_flow(asked, spec, flow))
    });
    let workloads = inventory.workloads.iter();
    Meaning {
        asked: asked.map(|asked| Asked {
            mode: asked.mode(),
            minimum_assurance: asked.minimum_assurance(),
            key_exchange: asked.key_exchange(),
            exempt_namespaces: asked.exempt_namespaces().map(str::to_owned).collect(),
        }),
        segments: segments.map(|segment| of_segment(asked, segment)).collect(),
        flows: flows.collect(),
        workloads: workloads
            .map(|workload| of_workload(asked, loaded, workload))
            .collect(),
    }
}

fn asks(asked: Option<&PostQuantumAuth>, namespace: &str) -> bool {
    asked.is_some_and(|asked| !asked.exempt_namespaces().any(|name| name == namespace))
}

fn of_segment(asked: Option<&PostQuantumAuth>, segment: &Segment) -> SegmentMeaning {
    let names = segment.namespaces.iter().cloned();
    let (asks_in, exempt_in) = names.partition(|name| asks(asked, name));
    SegmentMeaning {
        segment: segment.name.clone(),
        asks_in,
        exempt_in,
    }
}

fn of_flow(asked: Option<&PostQuantumAuth>, spec: &Spec, flow: &Flow) -> Vec<FlowMeaning> {
    let called = spec.segments.iter().find(|segment| segment.name == flow.to);
    let Some(called) = called else {
        return Vec::new();
    };
    let SegmentMeaning {
        asks_in, exempt_in, ..
    } = of_segment(asked, called);
    let own = (
        flow.minimum_assurance.unwrap_or(spec.minimum_assurance),
        flow.mode.unwrap_or(spec.mode),
    );
    let with = asked.map(|asked| (asked.minimum_assurance(), asked.mode()));
    [(asks_in, with), (exempt_in, None)]
        .into_iter()
        .filter(|(namespaces, _)| !namespaces.is_empty())
        .map(|(namespaces, mesh)| FlowMeaning {
            flow: flow.name.clone(),
            to: flow.to.clone(),
            namespaces,
            is_asked: mesh.is_some(),
            own_minimum_assurance: own.0,
            own_mode: own.1,
            minimum_assurance: higher(own.0, mesh.map(|mesh| mesh.0)),
            callers: LEVELS.map(|level| of_caller(level, own, mesh)).into(),
        })
        .collect()
}

fn higher(own: RequiredAssurance, mesh: Option<RequiredAssurance>) -> RequiredAssurance {
    mesh.filter(|mesh| Assurance::from(*mesh) > Assurance::from(own))
        .unwrap_or(own)
}

/// The stricter of what lacks something decides (docs/adr/0016).
fn of_caller(
    assurance: RequiredAssurance,
    own: (RequiredAssurance, Mode),
    mesh: Option<(RequiredAssurance, Mode)>,
) -> CallerMeaning {
    let lacks = |(floor, _): &(RequiredAssurance, Mode)| {
        Assurance::from(assurance) < Assurance::from(*floor)
    };
    let asking = [("flow", Some(own)), ("mesh", mesh)];
    let unmet: Vec<(&'static str, Mode)> = asking
        .into_iter()
        .filter_map(|(name, asking)| Some((name, asking.filter(lacks)?.1)))
        .collect();
    let answer = if unmet.iter().any(|(_, mode)| *mode == Mode::Enforce) {
        AnswerMeaning::Refused
    } else if unmet.is_empty() {
        AnswerMeaning::Allowed
    } else {
        AnswerMeaning::Reported
    };
    let decides = |mode: Mode| answer != AnswerMeaning::Refused || mode == Mode::Enforce;
    let by = unmet.into_iter().filter(|(_, mode)| decides(*mode));
    CallerMeaning {
        assurance,
        answer,
        by: by.map(|(name, _)| name).collect(),
    }
}

fn of_workload(
    asked: Option<&PostQuantumAuth>,
    loaded: Option<&LoadedPolicy>,
    workload: &Workload,
) -> WorkloadMeaning {
    let Workload {
        namespace,
        service_account: account,
        ..
    } = workload;
    let is = if workload.without_sidecar.is_some() {
        WorkloadIs::Unseen
    } else if asks(asked, namespace) {
        WorkloadIs::Asking
    } else {
        WorkloadIs::Exempt
    };
    let segment = loaded.and_then(|loaded| {
        let domains = loaded.document.spec.trust_domains.iter();
        domains
            .filter_map(|domain| {
                let text = format!("spiffe://{domain}/ns/{namespace}/sa/{account}");
                let id = match text.parse() {
                    Ok(identity) => loaded.policy.segment_of(&identity)?,
                    Err(_) => return None,
                };
                Some(loaded.policy.segment(id)?.name().to_string())
            })
            .next()
    });
    WorkloadMeaning {
        namespace: namespace.clone(),
        kind: workload.kind.clone(),
        name: workload.name.clone(),
        service_account: account.clone(),
        segment,
        is,
    }
}

const LEVELS: [RequiredAssurance; 3] = [
    RequiredAssurance::Classical,
    RequiredAssurance::Hybrid,
    RequiredAssurance::HybridProven,
];
