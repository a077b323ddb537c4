//! Ways around an HTTP filter.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Stage, check};
use crate::app::Outcome;
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::error::MeshError;
use crate::mesh::layout::{PORT, UNDECLARED_PORT};
use crate::mesh::report::Notes;
use crate::mesh::until;

/// Where the mesh lets plaintext pass, the filter does not.
pub(super) fn plaintext_meets_the_filter(
    stage: &mut Stage,
    _: &mut Notes,
) -> Result<(), MeshError> {
    let mesh = &stage.mesh;
    let called = format!(
        "http://{}:{PORT}/v1/models",
        mesh.pod_address("registry-0")?
    );
    let plaintext = Caller::new("bare-0", &called);
    mesh.apply(PERMISSIVE)?;
    until("PERMISSIVE", SETTLED, || match plaintext.once(mesh) {
        Ok(outcome) if outcome.reason() == Some("peer_plaintext") => Ok(()),
        Ok(outcome) => Err(format!("{outcome:?}")),
        Err(error) => Err(error.to_string()),
    })?;
    stage.redeploy()?;
    until("STRICT", SETTLED, || match plaintext.once(&stage.mesh) {
        Ok(outcome) if outcome.status.is_none() => Ok(()),
        Ok(outcome) => Err(format!("{outcome:?}")),
        Err(error) => Err(error.to_string()),
    })
}

/// With a certificate and its key, from outside any sidecar: what a sidecar would offer, nothing, and
/// something else.
pub(super) fn mutual_tls_to_any_port(
    stage: &mut Stage,
    notes: &mut Notes,
) -> Result<(), MeshError> {
    let mesh = &stage.mesh;
    let registry = mesh.pod_address("registry-0")?;
    let ask = |port, path: &str, protocols: &[&str]| {
        let caller = Caller::thief(mesh, SocketAddr::from((registry, port)), path);
        let offer = |caller: Caller, name: &&str| caller.option("protocol", name);
        protocols.iter().fold(caller, offer).once(mesh)
    };
    // A certificate of the gateway may do what the gateway may: the rest is worth nothing otherwise.
    let control = ask(PORT, "/v1/models", &ISTIO)?;
    check(control.is_from_application(), || {
        format!("what the gateway may do should pass: {control:?}")
    })?;
    let mut held = 0_u32;
    for port in [PORT, UNDECLARED_PORT] {
        for protocols in [ISTIO.as_slice(), &[], &["h2"], &["http/1.1"]] {
            let path = if port == PORT {
                "/nobody/may"
            } else {
                "/v1/models"
            };
            let outcome = ask(port, path, protocols)?;
            check(!passed(&outcome), || {
                format!("port {port}, ALPN {protocols:?} should not pass: {outcome:?}")
            })?;
            held = held.saturating_add(1);
        }
    }
    notes.add("refused", held);
    Ok(())
}

fn passed(outcome: &Outcome) -> bool {
    outcome.is_from_application() || outcome.status.is_some_and(|status| status < 400)
}

/// What a sidecar offers.
const ISTIO: [&str; 1] = ["istio-http/1.1"];

pub(super) const PERMISSIVE: &str = "\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: registry}
spec: {mtls: {mode: PERMISSIVE}}
";
/// Long enough for istiod to push, on a busy machine.
pub(super) const SETTLED: Duration = Duration::from_secs(60);
