//! How long a quarantine of a model needs until its replicas are refused, and nobody else.

use std::fs;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::quarantine::{Answer, LIMIT_MS, Watch, goal, note, plugins, pushes, time};
use super::{SETTLED, Stage, check};
use crate::mesh::caller::{Caller, Probe};
use crate::mesh::cluster::Cluster;
use crate::mesh::error::MeshError;
use crate::mesh::layout::PORT;
use crate::mesh::report::Notes;

/// Replicas of the gateway, each with a certificate and a token of its own, ask one sidecar on
/// connections that stay open. Two carry the model that is quarantined in turns, and one of them asks
/// on a second connection without its token; a third one carries another model, and passes all the while.
pub(super) fn is_quarantined(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let passing = plugins(&stage.rendered(&patch(NOBODYS))?)?;
    let quarantined = plugins(&stage.rendered(&patch(BAD))?)?;
    stage.deploy(&patch(NOBODYS))?;
    let first = Replica::new(stage, "model-a", BAD)?;
    let second = Replica::new(stage, "model-b", BAD)?;
    let healthy = Replica::new(stage, "model-c", GOOD)?;
    let mut watch = Watch::of(vec![
        first.probe(stage, true)?,
        second.probe(stage, true)?,
        first.probe(stage, false)?,
    ]);
    let mut others = healthy.probe(stage, true)?;
    let mut changes = Vec::new();
    for _ in 0..stage.profile.quarantines {
        changes.push(watch.change(stage, &quarantined, Answer::Quarantined)?);
        watch.change(stage, &passing, Answer::Passed)?;
    }
    watch.finish()?;
    let refused = others.so_far()?.iter().find(|it| it.status != Some(200));
    check(refused.is_none(), || {
        format!("a replica of another model was refused: {refused:?}")
    })?;
    others.finish()?;
    let spread = note(notes, "modelQuarantine", &changes, &pushes(stage)?)?;
    goal(notes, "p99AfterPush", spread.after_push.p99, GOAL_MS);
    stage.deploy(&Value::Null)?;
    check(spread.after_apply.max <= LIMIT_MS, || {
        format!(
            "a quarantine of a model needed {} ms after it was applied",
            spread.after_apply.max
        )
    })
}

/// A replica of the gateway: its certificate, and the headers of its token.
struct Replica {
    folder: String,
    token: Vec<(String, String)>,
}

impl Replica {
    fn new(stage: &Stage, name: &str, model: &str) -> Result<Self, MeshError> {
        let issued = stage.mesh.steal("gateway", "1h", name)?;
        let path = issued.folder.join("cert-chain.pem");
        let certificate =
            fs::read_to_string(&path).map_err(|cause| crate::HarnessError::file(&path, cause))?;
        let authorities = stage.mesh.authorities();
        let claim = ["--model-digest", model];
        Ok(Self {
            folder: issued.folder.to_string_lossy().into_owned(),
            token: authorities.token_with(&certificate, "1h", &claim)?,
        })
    }

    /// Requests on one connection, from after a first answer on.
    fn probe(&self, stage: &Stage, with_token: bool) -> Result<Probe, MeshError> {
        let address = SocketAddr::from((stage.mesh.pod_address(CALLED)?, PORT));
        let mut caller = Caller::with_certificate(&self.folder, address, "/v1/models");
        caller = caller.option("protocol", "istio-http/1.1");
        if with_token {
            caller = caller.headers(&self.token);
        }
        let mut probe = caller.probe(&stage.mesh, RATE)?;
        probe.until("a first answer", SETTLED, |outcomes| {
            (outcomes.last()?.status == Some(200)).then_some(())
        })?;
        Ok(probe)
    }
}

fn patch(model: &str) -> Value {
    json!({"spec": {"signals": [{
        "name": "poisoned",
        "source": "e2e",
        "reason": "it answers with what it was trained on",
        "author": "e2e",
        "issued": time(-10),
        "expires": time(7200),
        "about": {"modelDigest": model},
        "effect": "quarantine",
    }]}})
}

const CALLED: &str = "registry-0";
/// Digests of one length: in quarantine in turns, of a healthy replica, and of nobody.
const BAD: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const GOOD: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const NOBODYS: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// Requests a second on each connection: as exact as twenty milliseconds.
const RATE: u32 = 50;
/// From when istiod begins to push, on a machine that does nothing else.
const GOAL_MS: u64 = 500;
