//! Certificates and tokens that are replaced, expire or are revoked while requests go on.

use std::net::SocketAddr;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use super::load::{Load, has_passed};
use super::{SETTLED, Stage, check, policy, url};
use crate::app::Outcome;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::deployment::{Deployment, Target, stats};
use crate::mesh::error::MeshError;
use crate::mesh::layout::{PORT, pods};
use crate::mesh::report::Notes;
use crate::mesh::{Issued, until};
use crate::upstream::Echo;
use crate::world::now_ms;

/// Who calls and who is called get other certificates and keys: no allowed request fails, and the
/// called one sees the new certificate.
pub(super) fn are_replaced(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let load = Load::start(stage)?;
    for pod in ["gateway-0", "inference-0", "inference-1", "registry-0"] {
        let issued = stage.mesh.replace_leaf(pod, "24h")?;
        until("a certificate's way into its sidecar", SETTLED, || {
            let shown = policy::leaf(&stage.mesh, pod).map_err(|error| error.to_string())?;
            match digest(&shown) {
                Some(digest) if digest == issued.sha256 => Ok(()),
                digest => Err(format!("{pod} has {digest:?}, not {}", issued.sha256)),
            }
        })?;
        if pod == "gateway-0" {
            is_seen(stage, &issued)?;
        }
    }
    load.finish(notes)
}

/// A certificate that ends soon is replaced in time. Sidecars go on with connections that they opened
/// with the old one, which is refused once it has ended: so nobody fails only because what is rendered
/// lets connections end before.
pub(super) fn end_after_they_are_replaced(
    stage: &mut Stage,
    notes: &mut Notes,
) -> Result<(), MeshError> {
    let_connections_end(stage)?;
    let end = now_ms().0.saturating_add(40_000);
    stage.mesh.replace_leaf("gateway-0", "40s")?;
    stage.mesh.restart_sidecar("gateway-0")?;
    let mut load = Load::start(stage)?;
    let issued = stage.mesh.replace_leaf("gateway-0", "24h")?;
    is_seen(stage, &issued)?;
    let left = end.saturating_sub(now_ms().0);
    notes.add("msLeft", left);
    check(left > CONNECTIONS_MS, || {
        format!("it was replaced {left} ms before its end: too late")
    })?;
    for probe in load.allowed() {
        probe.until("the end of the old certificate", SETTLED, |outcomes| {
            (outcomes.last()?.sent_at_ms > end.saturating_add(3_000)).then_some(())
        })?;
    }
    load.finish(notes)?;
    stage.redeploy()
}

/// Renders the policy that is in force with a short life of connections, and waits for it.
fn let_connections_end(stage: &Stage) -> Result<(), MeshError> {
    let folder = stage.mesh.authorities().folder();
    let short = ["--max-connection-duration", CONNECTIONS];
    let target = Target::WasmPlugin;
    let rendered = Deployment::render_with(&stage.mesh, folder, &Value::Null, target, &short)?;
    rendered.apply(&stage.mesh)?;
    let shown = "http://127.0.0.1:15000/config_dump?resource=dynamic_listeners";
    let wanted = format!("\"max_connection_duration\": \"{CONNECTIONS}\"");
    for pod in pods() {
        if !policy::is_in_a_segment(pod.workload.name) {
            continue;
        }
        until("a short life of connections", SETTLED, || {
            let outcome = Caller::new(&pod.name, shown).once(&stage.mesh);
            match outcome.map_err(|error| error.to_string())?.body {
                body if body.contains(&wanted) => Ok(()),
                body => Err(format!("{}: no {wanted} in {} bytes", pod.name, body.len())),
            }
        })?;
    }
    Ok(())
}

/// A certificate on its own connection, a token through sidecars: refused from their end on.
pub(super) fn expire(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    let mesh = &stage.mesh;
    let issued = mesh.steal("gateway", LIFETIME, "brief")?;
    let certificate = thief(stage, &issued, MODELS)?.probe(mesh, RATE)?;
    let leaf = policy::leaf(mesh, "validation-0")?;
    let token = mesh.authorities().token(&leaf, LIFETIME)?;
    let file = url(mesh, "registry", "/v1/models/one/versions/one/file");
    let token = Caller::new("validation-0", &file)
        .headers(&token)
        .probe(mesh, RATE)?;
    for (name, mut probe) in [("certificate", certificate), ("token", token)] {
        probe.until("its expiry", SETTLED, |outcomes| {
            first_refusal(outcomes).map(drop)
        })?;
        let outcomes = probe.finish()?;
        let (passed, refused) = turn(&outcomes, "credential_expired")?;
        notes.add(&format!("{name}Passed"), passed);
        notes.add(&format!("{name}Refused"), refused);
    }
    // Nor does it open another connection.
    let outcome = thief(stage, &issued, MODELS)?.once(&stage.mesh)?;
    check(!has_passed(&outcome), || {
        format!("an expired certificate should open no connection: {outcome:?}")
    })
}

/// By its number, in a policy: refused from then on, and the stream that it has open is ended.
pub(super) fn are_revoked(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    // Its answers are looked at while they are under way, short ones too. Those of the other flows are
    // not, so that none of them breaks off and takes its connection with it.
    let streams = json!({
        "name": "streams",
        "from": ["gateway"],
        "to": "registry",
        "recheckStreams": true,
        "operations": [{"methods": ["GET"], "paths": [STREAM], "ports": [PORT]}],
    });
    let mut flows = stage.flows()?;
    flows.push(streams);
    stage.deploy(&json!({"spec": {"flows": flows}}))?;
    let issued = stage.mesh.steal("gateway", "1h", "revoked")?;
    let slowly = thief(stage, &issued, STREAM)?.option("header", "x-mesh-app-chunks: 3000");
    let mut stream = slowly.probe(&stage.mesh, RATE)?;
    until("the stream's start", SETTLED, || is_streaming(stage))?;
    let mut probe = thief(stage, &issued, MODELS)?.probe(&stage.mesh, RATE)?;
    probe.until("a first answer", SETTLED, |outcomes| {
        outcomes.first().map(drop)
    })?;
    let load = Load::start(stage)?;

    let ended = stats(&stage.mesh, CALLED)?.get(ENDED).copied();
    let serial = json!({"authority": issued.authority, "number": issued.serial});
    let revoked = json!([{"serial": serial}]);
    stage.deploy(&json!({"spec": {"flows": flows, "revocations": revoked}}))?;
    probe.until("the revocation", SETTLED, |outcomes| {
        first_refusal(outcomes).map(drop)
    })?;
    let (passed, refused) = turn(&probe.finish()?, "credential_revoked")?;
    notes.add("passed", passed);
    notes.add("refused", refused);
    let first = |outcomes: &[Outcome]| outcomes.first().cloned();
    let broken = stream.until("the stream's end", SETTLED, first)?;
    check(broken.error.is_some(), || {
        format!("the stream should break off: {broken:?}")
    })?;
    let now_ended = stats(&stage.mesh, CALLED)?.get(ENDED).copied();
    check(now_ended > ended, || {
        format!("{ENDED} went from {ended:?} to {now_ended:?}")
    })?;
    drop(stream);
    // Another certificate of the same workload passes all the while.
    load.finish(notes)?;
    stage.deploy(&Value::Null).map(drop)
}

/// Requests to one pod with a stolen certificate, past any sidecar.
fn thief(stage: &Stage, issued: &Issued, path: &str) -> Result<Caller, MeshError> {
    let address = SocketAddr::from((stage.mesh.pod_address(CALLED)?, PORT));
    let folder = issued.folder.to_string_lossy();
    let caller = Caller::with_certificate(&folder, address, path);
    Ok(caller.option("protocol", "istio-http/1.1"))
}

/// The called one tells the application whose certificate it saw. Connections from before may still
/// be open between the sidecars, so it is asked on several.
fn is_seen(stage: &Stage, issued: &Issued) -> Result<(), MeshError> {
    let caller = Caller::new("gateway-0", &url(&stage.mesh, "registry", "/v1/models"))
        .option("connections", "32")
        .option("count", "64");
    until("a certificate's way to the called one", SETTLED, || {
        let outcomes = caller
            .call(&stage.mesh)
            .map_err(|error| error.to_string())?;
        let wanted = format!("Hash={}", issued.sha256);
        let shows = |outcome: &Outcome| {
            let echo = serde_json::from_str::<Echo>(&outcome.body);
            let header = echo.map(|echo| echo.header(XFCC).map(|value| value.contains(&wanted)));
            matches!(header, Ok(Some(true)))
        };
        match outcomes.iter().any(shows) {
            true => Ok(()),
            false => Err(format!("no `{wanted}`: {:?}", outcomes.last())),
        }
    })
}

/// SHA-256 of the first certificate in a PEM text.
fn digest(pem: &str) -> Option<String> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (base64, _) = rest.split_once("-----END")?;
    let base64: String = base64.split_whitespace().collect();
    let Ok(der) = Base64::decode_vec(&base64) else {
        return None;
    };
    let digest = ring::digest::digest(&ring::digest::SHA256, &der);
    Some(sallyport_engine::hexadecimal::encode(digest.as_ref()))
}

fn first_refusal(outcomes: &[Outcome]) -> Option<&Outcome> {
    outcomes.iter().find(|outcome| !has_passed(outcome))
}

/// On one connection: all pass, and from some moment on none does, for this reason. Returns how many
/// there were of each.
fn turn(outcomes: &[Outcome], reason: &str) -> Result<(usize, usize), MeshError> {
    let passed = outcomes
        .iter()
        .take_while(|outcome| has_passed(outcome))
        .count();
    let (before, after) = outcomes.split_at(passed);
    let (last, first) = (before.last(), after.first());
    let as_it_should = first.is_some_and(|first| first.reason() == Some(reason))
        && last.is_some()
        && last.map(|last| last.connection) == first.map(|first| first.connection);
    check(as_it_should, || {
        format!("expected {reason} on a connection that let pass: {last:?}, then {first:?}")
    })?;
    let late = after.iter().find(|outcome| has_passed(outcome));
    check(late.is_none(), || {
        format!("it passed after {reason}: {late:?}")
    })?;
    Ok((before.len(), after.len()))
}

/// Whether the application works on a request of somebody.
fn is_streaming(stage: &Stage) -> Result<(), String> {
    // Statistics of clusters are not kept by Istio's sidecars.
    let shown = Caller::new(CALLED, "http://127.0.0.1:15000/clusters").once(&stage.mesh);
    let body = shown.map_err(|error| error.to_string())?.body;
    let active = |line: &str| line.contains("::rq_active::") && !line.ends_with("::0");
    let mut inbound = body.lines().filter(|line| line.starts_with("inbound|"));
    let active = inbound.any(active);
    active.then_some(()).ok_or(body)
}

const CONNECTIONS: &str = "5s";
/// The same, what Envoy gives a connection to drain (5 s), and some more.
const CONNECTIONS_MS: u64 = 12_000;
const CALLED: &str = "registry-0";
const MODELS: &str = "/v1/models";
const STREAM: &str = "/v1/changes";
const ENDED: &str = "stream_ended";
const XFCC: &str = "x-forwarded-client-cert";
/// Long enough to open a connection on a busy machine.
const LIFETIME: &str = "20s";
const RATE: u32 = 20;

#[cfg(test)]
mod tests {
    use super::turn;
    use crate::app::Outcome;

    fn outcome(connection: u32, passed: bool) -> Outcome {
        let body = match passed {
            true => "",
            false => "denied by sallyport: credential_expired (decision 00ff)",
        };
        Outcome {
            connection,
            status: Some(if passed { 200 } else { 401 }),
            body: body.to_owned(),
            ..Outcome::default()
        }
    }

    #[test]
    fn a_turn_is_on_one_connection_and_for_good() {
        let reason = "credential_expired";
        let (before, after) = (outcome(1, true), outcome(1, false));
        let turned = [before.clone(), before.clone(), after.clone()];
        assert_eq!(turn(&turned, reason).unwrap(), (2, 1));
        assert!(turn(&turned, "credential_revoked").is_err());
        assert!(turn(&[before.clone(), outcome(2, false)], reason).is_err());
        assert!(turn(&[before.clone(), after.clone(), before.clone()], reason).is_err());
        assert!(turn(std::slice::from_ref(&before), reason).is_err());
        assert!(turn(std::slice::from_ref(&after), reason).is_err());
    }
}
