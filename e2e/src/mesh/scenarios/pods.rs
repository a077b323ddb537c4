//! Pods that come and go while the mesh serves, and addresses that others had before.

use std::net::IpAddr;

use super::load::Load;
use super::{Stage, check, url};
use crate::app::Outcome;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::stats;
use crate::mesh::error::MeshError;
use crate::mesh::report::Notes;
use crate::mesh::until;

/// A new replica may what its siblings may, and decides as they do, without a push of ours; when it
/// goes, no request is lost.
pub(super) fn come_and_go(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let load = Load::start(stage)?;
    let hash = policy_hash(stage, "inference-0")?;
    let fresh = stage.mesh.add_pod("inference", None)?;
    let serves = until("requests to a new replica", SETTLED, || {
        let seen = stats(&stage.mesh, &fresh).map_err(|error| error.to_string())?;
        match seen.get("allowed").copied().unwrap_or_default() {
            0 => Err(format!("{fresh} has allowed nothing yet")),
            count => Ok(count),
        }
    });
    let works = serves.and_then(|_| {
        check(policy_hash(stage, &fresh)? == hash, || {
            format!("{fresh} has another policy than its sibling")
        })?;
        passes(&asks(stage, &fresh, INFERENCE_MAY)?)?;
        is_refused(&asks(stage, &fresh, TRAINING_MAY)?, "operation_not_allowed")
    });
    stage.mesh.remove_pod(&fresh)?;
    works?;
    notes.add("added", 1);
    load.finish(notes)
}

/// What counts is who somebody is: neither what another one was allowed at this address, nor what was
/// held against it.
pub(super) fn address_of_another(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    // It has to be known before its sibling goes wrong.
    passes(&asks(stage, "training-0", TRAINING_MAY)?)?;
    let rogue = stage.mesh.add_pod("training", None)?;
    let address = stage.mesh.pod_address(&rogue)?;
    let isolated = isolate(stage, &rogue);
    stage.mesh.remove_pod(&rogue)?;
    notes.add("requestsUntilIsolated", isolated?);
    // The rogue's address, and no trace of it.
    at(stage, "inference", address, |stage, pod| {
        passes(&asks(stage, pod, INFERENCE_MAY)?)?;
        is_refused(&asks(stage, pod, TRAINING_MAY)?, "operation_not_allowed")
    })?;
    // An address at which somebody was trusted.
    at(stage, "outsider", address, |stage, pod| {
        // Its certificate is not hybrid.
        is_refused(&asks(stage, pod, INFERENCE_MAY)?, "assurance_too_low")
    })?;
    // The identity of the rogue: a certificate that comes after it starts restricted, wherever it
    // is; one that was there before does not suffer.
    at_another(stage, "training", address, |stage, pod| {
        is_refused(&asks(stage, pod, TRAINING_MAY)?, "trust_restricted")
    })?;
    passes(&asks(stage, "training-0", TRAINING_MAY)?)
}

/// Runs a pod of a workload at an address, for as long as a check takes.
fn at(
    stage: &mut Stage,
    workload: &str,
    address: IpAddr,
    holds: impl FnOnce(&Stage, &str) -> Result<(), MeshError>,
) -> Result<(), MeshError> {
    let pod = stage.mesh.add_pod(workload, Some(address))?;
    let held = match stage.mesh.pod_address(&pod)? == address {
        true => holds(stage, &pod),
        false => Err(MeshError::Wrong(format!("{pod} did not get {address}"))),
    };
    stage.mesh.remove_pod(&pod)?;
    held
}

/// Runs a pod of a workload at any address but one, for as long as a check takes.
fn at_another(
    stage: &mut Stage,
    workload: &str,
    address: IpAddr,
    holds: impl FnOnce(&Stage, &str) -> Result<(), MeshError>,
) -> Result<(), MeshError> {
    let pod = stage.mesh.add_pod(workload, None)?;
    let held = match stage.mesh.pod_address(&pod)? == address {
        true => Err(MeshError::Wrong(format!("{pod} got {address} again"))),
        false => holds(stage, &pod),
    };
    stage.mesh.remove_pod(&pod)?;
    held
}

/// Scans until nothing is answered any more; returns how many requests that took.
fn isolate(stage: &Stage, pod: &str) -> Result<u32, MeshError> {
    let scanned = url(&stage.mesh, "registry", "/{word}zone/secret");
    let outcomes = Caller::new(pod, &scanned)
        .option("count", "80")
        .option("rate", "40")
        .call(&stage.mesh)?;
    let isolated = outcomes
        .iter()
        .find(|outcome| outcome.reason() == Some("peer_isolated"));
    isolated
        .map(|outcome| outcome.number)
        .ok_or_else(|| MeshError::Wrong(format!("{pod} was not isolated: {:?}", outcomes.last())))
}

/// A request to the registry: method and path.
fn asks(stage: &Stage, pod: &str, (method, path): (&str, &str)) -> Result<Outcome, MeshError> {
    Caller::new(pod, &url(&stage.mesh, "registry", path))
        .option("method", method)
        .once(&stage.mesh)
}

fn passes(outcome: &Outcome) -> Result<(), MeshError> {
    check(
        outcome.status == Some(200) && outcome.is_from_application(),
        || format!("it should pass: {outcome:?}"),
    )
}

fn is_refused(outcome: &Outcome, reason: &str) -> Result<(), MeshError> {
    check(
        outcome.reason() == Some(reason) && !outcome.is_from_application(),
        || format!("it should be refused with {reason}: {outcome:?}"),
    )
}

fn policy_hash(stage: &Stage, pod: &str) -> Result<u64, MeshError> {
    let missing = || MeshError::Wrong(format!("{pod} has no policy"));
    let seen = stats(&stage.mesh, pod)?;
    seen.get("policy_hash").copied().ok_or_else(missing)
}

// What the flows of the example let them do at the registry.
const INFERENCE_MAY: (&str, &str) = ("GET", "/v1/models/one/versions/one/file");
const TRAINING_MAY: (&str, &str) = ("PUT", "/v1/models/one/versions/one/file");
/// Long enough to be told of a new replica, on a busy machine.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(60);
