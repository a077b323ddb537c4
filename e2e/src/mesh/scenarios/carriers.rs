//! The resources that can carry the filter, and the protocols that it meets.

use serde_json::Value;

use super::load::Load;
use super::{Stage, check, url};
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::{Deployment, Target};
use crate::mesh::error::MeshError;
use crate::mesh::report::Notes;

/// From one carrier to the next, under load: the new one is applied before the old one goes.
pub(super) fn one_after_the_other(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let load = Load::start(stage)?;
    let folder = stage.mesh.authorities().folder().to_owned();
    let mut old = Target::WasmPlugin;
    for target in Target::all()? {
        let next = Deployment::render(&stage.mesh, &folder, &Value::Null, target)?;
        next.apply(&stage.mesh)?;
        let delete = [
            "delete",
            old.as_str(),
            "-A",
            "--field-selector=metadata.name=sallyport",
        ];
        stage.mesh.kubectl(&delete).run()?;
        stage.deployment = Some(next);
        old = target;
    }
    load.finish(notes)
}

/// HTTP/2, gRPC and WebSocket, let in and kept out.
pub(super) fn protocols(stage: &mut Stage, _: &mut Notes) -> Result<(), MeshError> {
    let mesh = &stage.mesh;
    let ask = |path: &str, protocol: &str| {
        Caller::new("gateway-0", &url(mesh, "inference", path))
            .option("protocol", protocol)
            .once(mesh)
    };
    let (allowed, denied) = ("/v1/models/one", "/nobody/may");
    for (protocol, status) in [("http2", 200), ("websocket", 101)] {
        let outcome = ask(allowed, protocol)?;
        check(
            outcome.status == Some(status) && outcome.is_from_application(),
            || format!("{protocol} should pass: {outcome:?}"),
        )?;
        let outcome = ask(denied, protocol)?;
        check(outcome.status == Some(403), || {
            format!("{protocol} should be refused: {outcome:?}")
        })?;
    }
    let outcome = ask(denied, "grpc")?;
    let refused = outcome.status == Some(200) && outcome.header("grpc-status") == Some("7");
    check(refused && !outcome.is_from_application(), || {
        format!("gRPC should be refused with status 7: {outcome:?}")
    })?;
    check(outcome.reason() == Some("operation_not_allowed"), || {
        format!("its message should say why: {outcome:?}")
    })
}

/// What Prometheus scrapes.
pub(super) fn metrics(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let scraped = "http://127.0.0.1:15090/stats/prometheus";
    let body = Caller::new("registry-0", scraped).once(&stage.mesh)?.body;
    let lines = body.lines().filter(|line| !line.starts_with('#'));
    let ours: Vec<&str> = lines.filter(|line| line.contains("sallyport")).collect();
    notes.add("samples", ours.len());
    for name in [
        "sallyport_enforcing",
        "sallyport_policy_hash",
        "sallyport_denied",
    ] {
        check(ours.iter().any(|line| line.contains(name)), || {
            format!("no metric {name} at the sidecar's Prometheus port: {ours:?}")
        })?;
    }
    Ok(())
}
