//! The resources that can carry the filter, and the protocols that it meets.

use serde_json::Value;

use super::load::Load;
use super::{Stage, check, url};
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::{Deployment, Target};
use crate::mesh::error::MeshError;
use crate::mesh::report::Notes;
use crate::mesh::until;
use crate::settings::{EnvoyVersion, Settings};

/// From one carrier to the next, under load: the new one is applied before the old one goes.
pub(super) fn one_after_the_other(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    // While both are there, a request passes two filters. The first one takes away what only it may
    // read, and before Envoy 1.38 the certificate is among it.
    let envoy = EnvoyVersion::of(&Settings::from_environment()?.envoy)?;
    let load = envoy.shows_certificate().then(|| Load::start(stage));
    let load = load.transpose()?;
    notes.add("underLoad", load.is_some());
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
        until("one carrier alone", super::SETTLED, || decides(&stage.mesh))?;
    }
    load.map_or(Ok(()), |load| load.finish(notes))
}

/// An allowed request passes, and a denied one does not.
fn decides(mesh: &dyn Cluster) -> Result<(), String> {
    for (path, expected) in [("/v1/models/one", 200), ("/nobody/may", 403)] {
        let outcome = Caller::new("gateway-0", &url(mesh, "inference", path)).once(mesh);
        let outcome = outcome.map_err(|error| error.to_string())?;
        if outcome.status != Some(expected) {
            return Err(format!("{path}: {outcome:?}"));
        }
    }
    Ok(())
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
        // A frame went there and back.
        check(protocol != "websocket" || outcome.body == "hello", || {
            format!("the WebSocket gave back something else: {outcome:?}")
        })?;
        let outcome = ask(denied, protocol)?;
        check(outcome.status == Some(403), || {
            format!("{protocol} should be refused with 403: {outcome:?}")
        })?;
    }
    // Trailers get lost where a sidecar speaks HTTP/1.1 to the application.
    mesh.apply(CLIENT_PROTOCOL)?;
    let served = until("gRPC, from end to end", SETTLED, || {
        let outcome = ask("/v1/models/one/infer", "grpc").map_err(|error| error.to_string())?;
        let status = outcome.header("grpc-status");
        match status == Some("0") && outcome.is_from_application() {
            true => Ok(()),
            false => Err(format!("it should get through, with status 0: {outcome:?}")),
        }
    });
    mesh.delete(CLIENT_PROTOCOL)?;
    served?;
    let outcome = ask(denied, "grpc")?;
    let refused = outcome.status == Some(200) && outcome.header("grpc-status") == Some("7");
    check(refused && !outcome.is_from_application(), || {
        format!("gRPC should be refused with status 7: {outcome:?}")
    })?;
    check(outcome.reason() == Some("operation_not_allowed"), || {
        format!("its message should say why: {outcome:?}")
    })
}

/// gRPC is HTTP/2 all the way.
const CLIENT_PROTOCOL: &str = "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: client-protocol, namespace: inference}
spec:
  host: inference.inference.svc.cluster.local
  trafficPolicy: {connectionPool: {http: {useClientProtocol: true}}}
";
/// Long enough for a push, on a busy machine.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(60);
