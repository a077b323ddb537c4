//! The facts of a connection, read from the host once in its life.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::rc::Rc;

use lru::LruCache;
use sallyport_engine::facts::{
    ConnectionFacts, KeyExchange, MutualTls, PeerCertificate, PeerMetadata, PeerValidation,
    TlsVersion, Transport,
};
use sallyport_engine::headers::RequestHead;
use sallyport_engine::hexadecimal;
use sallyport_engine::metric::Metric;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{PeerKey, PeerTable};

use crate::certificate::CertificateCache;
use crate::host::{Host, HostError, Property};
use crate::metrics::Metrics;
use crate::sharing::Sharing;
use crate::verification::{BudgetExceeded, Means};

/// What is known of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) facts: ConnectionFacts,
    /// The caller, if it has a validated identity.
    pub(crate) peer: Option<PeerKey>,
    /// Up to which news of other workers its state was read.
    pub(crate) heard: Cell<u64>,
}

impl Connection {
    /// Reads what other workers wrote about the caller, if there may be news since the last time.
    pub(crate) fn hear(
        &self,
        host: &impl Host,
        metrics: &Metrics,
        peers: &mut PeerTable,
        sharing: &Sharing,
        now: TimeMs,
    ) -> Result<(), HostError> {
        if let Some(peer) = &self.peer
            && self.heard.get() != sharing.epoch()
        {
            sharing.absorb(host, metrics, peers, peer, now)?;
            self.heard.set(sharing.epoch());
        }
        Ok(())
    }
}

/// The connections of one worker, by Envoy's number, which it never gives twice.
#[derive(Debug)]
pub(crate) struct ConnectionCache {
    known: LruCache<u64, Rc<Connection>>,
    certificates: CertificateCache,
}

/// Why the facts of a connection could not be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The host failed, or gave a value that is out of form; names the property.
    Host(String),
    /// The listener is not inbound.
    NotInbound,
    /// The peer's certificate is new, and there is no time left for verifying it.
    NoBudget,
}

impl Unread {
    pub(crate) const fn reason(&self) -> DenyReason {
        match self {
            Self::Host(_) => DenyReason::HostReadFailed,
            Self::NotInbound => DenyReason::ListenerNotInbound,
            Self::NoBudget => DenyReason::VerificationBudgetExceeded,
        }
    }
}

impl From<HostError> for Unread {
    #[cold]
    #[inline(never)]
    fn from(error: HostError) -> Self {
        Self::Host(error.to_string())
    }
}

impl From<BudgetExceeded> for Unread {
    fn from(_: BudgetExceeded) -> Self {
        Self::NoBudget
    }
}

impl ConnectionCache {
    pub(crate) fn new() -> Self {
        Self {
            known: LruCache::new(CAPACITY),
            certificates: CertificateCache::new(),
        }
    }

    /// The number of the current request's connection. One host call.
    pub(crate) fn id(host: &impl Host) -> Result<u64, Unread> {
        required_number(host, Property::ConnectionId)
    }

    /// The facts of a connection. No host call if it is known.
    pub(crate) fn get(
        &mut self,
        id: u64,
        means: &mut Means<'_, impl Host>,
        head: &RequestHead<'_>,
    ) -> Result<Rc<Connection>, Unread> {
        match self.known.get(&id) {
            Some(known) => Ok(Rc::clone(known)),
            None => self.read(id, means, head),
        }
    }

    #[cold]
    #[inline(never)]
    fn read(
        &mut self,
        id: u64,
        means: &mut Means<'_, impl Host>,
        head: &RequestHead<'_>,
    ) -> Result<Rc<Connection>, Unread> {
        let host = means.host;
        if required_number(host, Property::ListenerDirection)? != INBOUND {
            return Err(Unread::NotInbound);
        }
        let facts = ConnectionFacts {
            own: own_identity(host)?,
            transport: self.transport(means, head)?,
            destination_port: destination_port(host)?,
            peer_metadata: PeerMetadata::Absent,
        };
        let facts = ConnectionFacts {
            peer_metadata: peer_metadata(host, &facts.transport)?,
            ..facts
        };
        if key_exchange(&facts.transport) == Some(KeyExchange::Other) {
            means
                .metrics
                .increment(host, Metric::KeyExchangeNotPostQuantum);
        }
        let peer = facts.peer();
        let connection = Rc::new(Connection {
            facts,
            peer,
            heard: Cell::new(0),
        });
        // A certificate that could not be read may have been hidden by what the client wrote into a
        // header of this one request.
        if is_final(&connection.facts.transport) {
            self.known.put(id, Rc::clone(&connection));
        }
        Ok(connection)
    }

    fn transport(
        &mut self,
        means: &mut Means<'_, impl Host>,
        head: &RequestHead<'_>,
    ) -> Result<Transport, Unread> {
        let host = means.host;
        if flag(host, Property::Mtls)? != Some(true) {
            return Ok(Transport::Plaintext);
        }
        let digest = required(host, Property::PeerCertificateDigest)?;
        let certificate_sha256 = hexadecimal::decode_sha256(&digest)
            .map_err(|_| out_of_form(Property::PeerCertificateDigest))?;
        let certificate = self.certificates.read(means, head, &certificate_sha256)?;
        let (validation, certificate) = match flag(host, Property::PeerCertificateValid)? {
            Some(true) => (PeerValidation::Validated, certificate),
            // Envoy before 1.39 does not have the attribute.
            None => (PeerValidation::Assumed, certificate),
            // Envoy validates in full handshakes only, and remembers nothing of it in a session that
            // is resumed. TLS proves possession of the certificate's key in both.
            Some(false) if is_pinned(&certificate) => (PeerValidation::Pinned, certificate),
            // Anybody can make such a certificate: what it says is of no interest.
            Some(false) => (PeerValidation::Failed, PeerCertificate::Unavailable),
        };
        let version = match host.property(Property::TlsVersion)?.as_deref() {
            Some(b"TLSv1.3") => TlsVersion::Tls13,
            Some(b"TLSv1.2") => TlsVersion::Tls12,
            Some(_) | None => TlsVersion::Other,
        };
        // The filter state is per request, and its group that of the connection.
        let key_exchange = if means.active.policy.reads_key_exchange() {
            let group = host.property(Property::TlsGroup)?;
            KeyExchange::of_group(&group.unwrap_or_default())
        } else {
            KeyExchange::Hidden
        };
        Ok(Transport::Mutual(MutualTls {
            validation,
            version,
            key_exchange,
            certificate_sha256,
            certificate,
        }))
    }
}

/// Whether a pinned authority issued the certificate, and all its signatures hold.
const fn is_pinned(certificate: &PeerCertificate) -> bool {
    match certificate {
        PeerCertificate::Read {
            credential: Ok(facts),
            ..
        } => facts.authority.is_some(),
        PeerCertificate::Read { .. }
        | PeerCertificate::Unavailable
        | PeerCertificate::Unreadable => false,
    }
}

const fn key_exchange(transport: &Transport) -> Option<KeyExchange> {
    match transport {
        Transport::Plaintext => None,
        Transport::Mutual(tls) => Some(tls.key_exchange),
    }
}

const fn is_final(transport: &Transport) -> bool {
    match transport {
        Transport::Plaintext => true,
        Transport::Mutual(tls) => matches!(tls.certificate, PeerCertificate::Read { .. }),
    }
}

/// What a proxy of Istio says of its namespace, beside its certificate. Anybody can say anything
/// there, so it can only lower trust. Other proxies say nothing.
fn peer_metadata(host: &impl Host, transport: &Transport) -> Result<PeerMetadata, HostError> {
    let Transport::Mutual(MutualTls {
        certificate: PeerCertificate::Read { subject, .. },
        ..
    }) = transport
    else {
        return Ok(PeerMetadata::Absent);
    };
    let said = host.property(Property::PeerNamespace)?;
    let named = subject.workload().map(|workload| workload.namespace);
    Ok(match (said.as_deref(), named) {
        (None | Some(b""), _) | (Some(_), None) => PeerMetadata::Absent,
        (Some(said), Some(named)) if said == named.as_bytes() => PeerMetadata::Agrees,
        (Some(_), Some(_)) => PeerMetadata::Contradicts,
    })
}

/// None when the proxy presents no certificate or one without a SPIFFE ID: no segment then.
fn own_identity(
    host: &impl Host,
) -> Result<Option<sallyport_engine::identity::SpiffeId>, HostError> {
    let bytes = host.property(Property::OwnIdentity)?.unwrap_or_default();
    Ok(match std::str::from_utf8(&bytes).map(str::parse) {
        Ok(Ok(identity)) => Some(identity),
        Ok(Err(_)) | Err(_) => None,
    })
}

/// The address of the TCP peer, for a request that was not forwarded. It is never remembered: where
/// a request was, Envoy gives the address that the client wrote.
#[cold]
#[inline(never)]
pub(crate) fn source_ip(host: &impl Host) -> Result<IpAddr, Unread> {
    let bytes = required(host, Property::SourceAddress)?;
    match std::str::from_utf8(&bytes).map(str::parse::<SocketAddr>) {
        // An IPv4 peer on a dual-stack listener is the same peer.
        Ok(Ok(address)) => Ok(address.ip().to_canonical()),
        Ok(Err(_)) | Err(_) => Err(out_of_form(Property::SourceAddress)),
    }
}

fn destination_port(host: &impl Host) -> Result<u16, Unread> {
    let number = required_number(host, Property::DestinationPort)?;
    u16::try_from(number).map_err(|_| out_of_form(Property::DestinationPort))
}

/// A boolean attribute: one byte, 0 or 1.
fn flag(host: &impl Host, property: Property) -> Result<Option<bool>, Unread> {
    match host.property(property)?.as_deref() {
        None => Ok(None),
        Some([0]) => Ok(Some(false)),
        Some([1]) => Ok(Some(true)),
        Some(_) => Err(out_of_form(property)),
    }
}

fn required_number(host: &impl Host, property: Property) -> Result<u64, Unread> {
    let bytes = required(host, property)?;
    match <[u8; 8]>::try_from(bytes.as_slice()) {
        Ok(bytes) => Ok(u64::from_le_bytes(bytes)),
        Err(_) => Err(out_of_form(property)),
    }
}

fn required(host: &impl Host, property: Property) -> Result<Vec<u8>, Unread> {
    host.property(property)?.ok_or_else(|| absent(property))
}

#[cold]
#[inline(never)]
fn absent(property: Property) -> Unread {
    Unread::Host(format!("the host has no {property:?}"))
}

#[cold]
#[inline(never)]
fn out_of_form(property: Property) -> Unread {
    Unread::Host(format!("the host's {property:?} is out of form"))
}

/// `xds.listener_direction` of an inbound listener.
const INBOUND: u64 = 1;
/// About 1 KB each. A connection that falls out is read again at its next request.
const CAPACITY: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(n) => n,
    None => NonZeroUsize::MIN,
};
