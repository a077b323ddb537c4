//! The peer's certificate: read from the host, verified once, remembered by its digest.

use std::num::NonZeroUsize;

use lru::LruCache;
use sallyport_credentials::{certificate, pem, sha256};
use sallyport_engine::facts::PeerCertificate;
use sallyport_engine::headers::{RequestHead, Xfcc};

use crate::connection::Unread;
use crate::host::{Host, HostError, Property};
use crate::verification::Means;

/// Verified certificates of one worker, by SHA-256 of their DER.
///
/// What a certificate says depends on its bytes and the pinned authorities only. The digest stands
/// for the bytes, and a cache lives as long as its configuration, so neither a valid nor an
/// invalid certificate is ever verified twice; times are compared on each request.
#[derive(Debug)]
pub(crate) struct CertificateCache(LruCache<[u8; 32], PeerCertificate>);

impl CertificateCache {
    pub(crate) fn new() -> Self {
        Self(LruCache::new(CAPACITY))
    }

    /// The certificate with this digest, which Envoy computed.
    pub(crate) fn read(
        &mut self,
        means: &mut Means<'_, impl Host>,
        head: &RequestHead<'_>,
        digest: &[u8; 32],
    ) -> Result<PeerCertificate, Unread> {
        if let Some(known) = self.0.get(digest) {
            return Ok(known.clone());
        }
        let der = match presented(means.host, head)? {
            Presented::Nothing => return Ok(PeerCertificate::Unavailable),
            Presented::OutOfForm => return Ok(PeerCertificate::Unreadable),
            Presented::Der(der) => der,
        };
        // Text that names another certificate than the handshake did proves nothing, and is not
        // remembered for this digest.
        if sha256(&der) != *digest {
            return Ok(PeerCertificate::Unreadable);
        }
        let read =
            means.verify_certificate(|active| certificate::read(&active.authorities, &der))?;
        self.0.put(*digest, read.clone());
        Ok(read)
    }
}

/// What the host shows of the peer's certificate.
enum Presented {
    Nothing,
    OutOfForm,
    Der(Vec<u8>),
}

/// Envoy 1.38 and newer show the certificate itself. Before, it stands in the element that our own
/// proxy appended to the forwarded client certificate header, where the mesh is configured so.
fn presented(host: &impl Host, head: &RequestHead<'_>) -> Result<Presented, HostError> {
    let property = host.property(Property::PeerCertificate)?;
    let pem = match (&property, head.xfcc()) {
        (Some(pem), _) if !pem.is_empty() => pem.as_slice(),
        (Some(_) | None, None) => return Ok(Presented::Nothing),
        (Some(_) | None, Some(xfcc)) => {
            match Xfcc::last(xfcc).and_then(|element| element.certificate()) {
                Ok(Some(pem)) => pem,
                Ok(None) => return Ok(Presented::Nothing),
                Err(_) => return Ok(Presented::OutOfForm),
            }
        }
    };
    Ok(match pem::decode_certificate(pem) {
        Ok(der) => Presented::Der(der),
        Err(_) => Presented::OutOfForm,
    })
}

/// About 600 bytes each.
const CAPACITY: NonZeroUsize = match NonZeroUsize::new(2048) {
    Some(n) => n,
    None => NonZeroUsize::MIN,
};
