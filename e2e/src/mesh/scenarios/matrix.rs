//! Who may call whom: each pair of workloads, as the policy says it. What is expected is not written
//! down anywhere, but asked of the engine.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sallyport_engine::artifact::ArtifactClaims;
use sallyport_engine::facts::{KeyExchange, TlsVersion};
use sallyport_engine::policy::raw::{Flow, Operation, PolicyDocument, RequiredAssurance};
use sallyport_mesh_config::explain::request_line;
use sallyport_mesh_config::explain::{Caller as From, Outcome as Verdict, Question, explain};
use sallyport_mesh_config::policy_file::LoadedPolicy;

use super::url;
use crate::app::Outcome;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::stats;
use crate::mesh::error::MeshError;
use crate::mesh::layout::{Leaf, PORT, Pod, WORKLOADS, Workload, pods};
use crate::mesh::report::Notes;
use crate::world::now_ms;

/// A request that stands for all of an operation, or for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) method: String,
    pub(super) path: String,
}

/// Headers that a workload's requests carry, for example its token.
pub(super) type Headers = Vec<(String, String)>;

/// Makes all requests, and compares each answer with the engine's.
pub(super) fn every_pair(
    cluster: &dyn Cluster,
    loaded: &LoadedPolicy,
    token: (&str, &Headers),
    notes: &mut Notes,
) -> Result<(), MeshError> {
    let (mut allowed, mut refused, mut differences) = (0_u32, 0_u32, Vec::new());
    let mut reported = BTreeSet::new();
    for pod in pods().iter().filter(|pod| pod.workload.has_sidecar()) {
        for called in WORKLOADS.into_iter().filter(|other| other.has_sidecar()) {
            let with_token = token.0 == pod.workload.name;
            let mut questions = Vec::new();
            for sample in samples(&loaded.document, pod.workload, called) {
                let expected = expected(loaded, pod, called, &sample, with_token)?;
                questions.push((expected, sample));
            }
            // What is refused counts against the caller, so it comes last.
            questions.sort_by_key(|((verdict, _), _)| *verdict == Verdict::Denied);
            for ((verdict, reason), sample) in questions {
                let headers = if with_token { token.1.as_slice() } else { &[] };
                let outcome = Caller::new(&pod.name, &url(cluster, called.name, &sample.path))
                    .option("method", &sample.method)
                    .headers(headers)
                    .once(cluster)?;
                if let (Verdict::WouldBeDenied, Some(reason)) = (verdict, &reason) {
                    reported.insert((called.name, reason.clone()));
                }
                let passes = verdict != Verdict::Denied;
                match passes {
                    true => allowed = allowed.saturating_add(1),
                    false => refused = refused.saturating_add(1),
                }
                if !agrees(passes, reason.as_deref(), called, &outcome) {
                    differences.push(format!(
                        "{} to {}: {} {}: expected {verdict:?} {reason:?}, got {:?} {:?} {:?} {}",
                        pod.name,
                        called.name,
                        sample.method,
                        sample.path,
                        outcome.status,
                        outcome.reason(),
                        outcome.error,
                        outcome.body.get(..80).unwrap_or(&outcome.body),
                    ));
                }
            }
        }
    }
    for (called, reason) in &reported {
        let stats = stats(cluster, &format!("{called}-0"))?;
        let name = format!("would_deny.{reason}");
        if stats.get(&name).copied().unwrap_or_default() == 0 {
            differences.push(format!("{called} should have counted {name}"));
        }
    }
    notes.add("allowed", allowed);
    notes.add("reported", reported.len());
    notes.add("refused", refused);
    if differences.is_empty() {
        return Ok(());
    }
    Err(MeshError::Wrong(differences.join("\n")))
}

/// Each operation of the flows between two workloads, the first one that others may do there, and
/// what nobody may.
fn samples(policy: &PolicyDocument, from: Workload, to: Workload) -> Vec<Sample> {
    let flows = policy.spec.flows.iter().filter(|flow| flow.to == to.name);
    let (own, others): (Vec<&Flow>, Vec<&Flow>) =
        flows.partition(|flow| flow.from.iter().any(|name| name == from.name));
    let own = own.iter().flat_map(|flow| flow.operations.iter());
    let others = others.iter().filter_map(|flow| flow.operations.first());
    let nobody = Sample {
        method: "GET".to_owned(),
        path: "/nobody/may".to_owned(),
    };
    let mut samples = Vec::new();
    for sample in own.chain(others.take(1)).filter_map(sample).chain([nobody]) {
        if !samples.contains(&sample) {
            samples.push(sample);
        }
    }
    samples
}

/// A request of an operation.
pub(super) fn sample(operation: &Operation) -> Option<Sample> {
    Some(Sample {
        method: operation.methods.first()?.clone(),
        path: filled(operation.paths.first()?),
    })
}

/// A path template with something in its variables.
fn filled(template: &str) -> String {
    let segments = template.split('/').map(|segment| match segment {
        "{**}" => "some/file",
        variable if variable.starts_with('{') => "one",
        literal => literal,
    });
    segments.collect::<Vec<_>>().join("/")
}

fn expected(
    loaded: &LoadedPolicy,
    from: &Pod,
    to: Workload,
    sample: &Sample,
    with_token: bool,
) -> Result<(Verdict, Option<String>), MeshError> {
    let identity = |workload: Workload| {
        workload
            .spiffe_id()
            .parse()
            .map_err(|_| MeshError::Wrong(format!("`{}` is no SPIFFE ID", workload.spiffe_id())))
    };
    let hybrid = from.workload.leaf == Leaf::Hybrid || with_token;
    let question = Question {
        caller: From::Assumed {
            identity: identity(from.workload)?,
            assurance: match hybrid {
                true => RequiredAssurance::Hybrid,
                false => RequiredAssurance::Classical,
            },
        },
        called: Some(identity(to)?),
        tls: TlsVersion::Tls13,
        key_exchange: KeyExchange::Hidden,
        source_ip: IpAddr::V4(from.address()),
        port: PORT,
        headers: request_line(&sample.method, &sample.path),
        now: now_ms(),
        claims: ArtifactClaims::default(),
        denials: 0,
    };
    let answer = explain(loaded, &question);
    let reason = answer.reason.map(|reason| reason.code().to_owned());
    Ok((answer.outcome, reason))
}

/// A workload of no segment has the filter only where its namespace has one that has a segment.
fn agrees(passes: bool, reason: Option<&str>, called: Workload, outcome: &Outcome) -> bool {
    if called.name == "outsider" {
        return outcome.is_from_application();
    }
    match passes {
        true => outcome.status == Some(200) && outcome.is_from_application(),
        false => outcome.reason() == reason && !outcome.is_from_application(),
    }
}
