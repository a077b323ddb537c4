//! Callers that called before: more of them than take turns.

use std::thread;
use std::time::Duration;

use sallyport_e2e::wire::{
    Connection, Dial, Layer, Response, TlsLayer, TlsProtocol, loopback, request_text,
};
use sallyport_e2e::world::Identity;

use crate::credentials::Peer;
use crate::error::BenchError;
use crate::plan::Variant;
use crate::stand::Place;

/// Lets each caller of a cell that takes no turns call once, with a connection and a certificate of
/// its own.
pub(crate) fn meet(place: &Place, callers: &[Peer], server: &Identity) -> Result<(), BenchError> {
    if place.cell.variant != Variant::Certificate {
        return Ok(());
    }
    let others = place.cell.active_peers()..place.cell.peers;
    let others = callers.get(others).unwrap_or_default();
    others.iter().try_for_each(|peer| call(place, peer, server))
}

/// One call. A worker verifies some hundred new certificates a second, so it may ask to be asked
/// again.
pub(crate) fn call(place: &Place, peer: &Peer, server: &Identity) -> Result<(), BenchError> {
    for _ in 0..ATTEMPTS {
        let response = try_call(place.inbound_port, peer, server)?;
        match response.status {
            200 => return Ok(()),
            503 => thread::sleep(PAUSE),
            status => {
                let text = response.text();
                return Err(place.invalid(format!("a caller got {status}: {text}")));
            }
        }
    }
    Err(place.invalid("a new caller was turned away for too long"))
}

/// A connection of a caller's own, and one request.
pub(crate) fn try_call(port: u16, peer: &Peer, server: &Identity) -> Result<Response, BenchError> {
    let mut connection = Connection::open(&Dial {
        address: loopback(port),
        layer: Layer::Tls(TlsLayer {
            server_name: "server.test",
            protocols: &[],
            version: TlsProtocol::Tls13,
            client: Some(&peer.identity.client),
            server: Some(&server.client.certificate),
        }),
        redirection: None,
    })?;
    Ok(connection.exchange(&request_text("GET", "/v1/items/7", &[]))?)
}

const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);
