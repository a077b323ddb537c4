//! What the filter may ask of its host. The list is closed, and each question can fail: a failed
//! read is an error that ends in a denial, never a default.

#[cfg(target_os = "wasi")]
mod envoy;
mod headers;
mod shared;

pub use headers::{HeaderBlock, HeaderPair, InvalidHeaderBlock};

#[cfg(target_os = "wasi")]
pub(crate) use envoy::EnvoyHost;
pub(crate) use shared::{Update, update};

use std::time::Duration;

use sallyport_engine::effect::LocalReply;
use sallyport_engine::metric::MetricKind;
use sallyport_engine::time::TimeMs;

/// A host did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host answered {call} with status {status}")]
pub struct HostError {
    /// What it was asked.
    pub call: &'static str,
    /// The proxy-wasm status code; -1 when the answer itself was out of form.
    pub status: i32,
}

/// The host properties that the filter reads. Each stands for an Envoy attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// `connection.id`: 8 bytes, unique in the life of the proxy.
    ConnectionId,
    /// `connection.mtls`: one byte, 1 when the peer presented a certificate.
    Mtls,
    /// `connection.peer_certificate_valid`: one byte; Envoy 1.39 and newer.
    PeerCertificateValid,
    /// `connection.peer_certificate`: PEM; Envoy 1.38 and newer.
    PeerCertificate,
    /// `connection.sha256_peer_certificate_digest`: 64 hexadecimal digits.
    PeerCertificateDigest,
    /// `connection.tls_version`.
    TlsVersion,
    /// `filter_state.sallyport.tls_group`: the TLS group by name, where the proxy is configured to
    /// show it.
    TlsGroup,
    /// `connection.uri_san_local_certificate`: our own identity.
    OwnIdentity,
    /// `source.address`: address and port of the TCP peer.
    SourceAddress,
    /// `destination.port`: 8 bytes.
    DestinationPort,
    /// `xds.listener_direction`: 8 bytes, 1 is inbound.
    ListenerDirection,
    /// `xds.node.id`: what the proxy calls itself.
    NodeId,
    /// `filter_state.downstream_peer.namespace`: what a proxy of Istio says of itself.
    PeerNamespace,
    /// `response.code`: 8 bytes; at the end of a stream.
    ResponseCode,
}

/// How much a log line matters. Istio shows WARN and above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// The filter started or stopped enforcing something.
    Info,
    /// A request was denied, or would have been.
    Warn,
    /// A configuration was rejected, or the host failed.
    Error,
}

/// A value that all VMs of this plugin share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// The value.
    pub bytes: Vec<u8>,
    /// Changes with each write.
    pub version: SharedVersion,
}

/// The host's number of one write of a shared value; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedVersion(pub u32);

/// The number that a host gave to a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricId(pub u32);

/// A proxy, seen from the filter. No method has a default: a host that forgets one does not
/// compile.
pub trait Host {
    /// Reads a property; none when the host does not have it.
    ///
    /// # Errors
    /// When the host fails otherwise.
    fn property(&self, property: Property) -> Result<Option<Vec<u8>>, HostError>;

    /// All headers of the current request.
    ///
    /// # Errors
    /// When the host fails.
    fn request_headers(&self) -> Result<HeaderBlock, HostError>;

    /// Replaces all headers of the current request.
    ///
    /// # Errors
    /// When the host fails.
    fn replace_request_headers(&self, headers: &[HeaderPair<'_>]) -> Result<(), HostError>;

    /// Removes all values of a header of the current request.
    ///
    /// # Errors
    /// When the host fails.
    fn remove_request_header(&self, name: &[u8]) -> Result<(), HostError>;

    /// Answers the current request.
    ///
    /// # Errors
    /// When the host fails.
    fn reply(&self, reply: &LocalReply) -> Result<(), HostError>;

    /// Ends the current stream, without a word to either side.
    ///
    /// # Errors
    /// When the host fails.
    fn close_stream(&self) -> Result<(), HostError>;

    /// The wall clock.
    ///
    /// # Errors
    /// When the host fails.
    fn now(&self) -> Result<TimeMs, HostError>;

    /// How often the current plugin is called without a request; never, where it is zero.
    ///
    /// # Errors
    /// When the host fails.
    fn set_tick_period(&self, period: Duration) -> Result<(), HostError>;

    /// Fills the buffer with unpredictable bytes.
    ///
    /// # Errors
    /// When the host fails.
    fn random(&self, buffer: &mut [u8]) -> Result<(), HostError>;

    /// The configuration of the plugin; none when there is none.
    ///
    /// # Errors
    /// When the host fails.
    fn plugin_configuration(&self) -> Result<Option<Vec<u8>>, HostError>;

    /// Reads a value that all VMs of this plugin share. Other plugins may have written it.
    ///
    /// # Errors
    /// When the host fails.
    fn shared(&self, key: &str) -> Result<Option<Shared>, HostError>;

    /// Writes a value that all VMs of this plugin share.
    ///
    /// # Errors
    /// When the host fails.
    fn set_shared(&self, key: &str, value: &[u8]) -> Result<(), HostError>;

    /// Writes a shared value if it is still the one that was seen; none stands for no value. Says
    /// whether it was written.
    ///
    /// # Errors
    /// When the host fails.
    fn swap_shared(
        &self,
        key: &str,
        value: &[u8],
        seen: Option<SharedVersion>,
    ) -> Result<bool, HostError>;

    /// Makes a metric known; the same name gives the same number.
    ///
    /// # Errors
    /// When the host fails.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError>;

    /// Adds to a counter or gauge.
    ///
    /// # Errors
    /// When the host fails.
    fn add(&self, metric: MetricId, change: i64) -> Result<(), HostError>;

    /// Sets a gauge, or adds a value to a histogram.
    ///
    /// # Errors
    /// When the host fails.
    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), HostError>;

    /// Notes a line about the current request for access logs: the filter state
    /// `wasm.sallyport`, which can be set once.
    ///
    /// # Errors
    /// When the host fails.
    fn note(&self, line: &str) -> Result<(), HostError>;

    /// Writes a log line.
    ///
    /// # Errors
    /// When the host fails.
    fn log(&self, level: LogLevel, line: &str) -> Result<(), HostError>;
}

impl Property {
    /// The attribute path as the proxy-wasm ABI wants it: parts separated by null bytes.
    #[must_use]
    pub const fn path(self) -> &'static [u8] {
        match self {
            Self::ConnectionId => b"connection\0id",
            Self::Mtls => b"connection\0mtls",
            Self::PeerCertificateValid => b"connection\0peer_certificate_valid",
            Self::PeerCertificate => b"connection\0peer_certificate",
            Self::PeerCertificateDigest => b"connection\0sha256_peer_certificate_digest",
            Self::TlsVersion => b"connection\0tls_version",
            Self::TlsGroup => b"filter_state\0sallyport.tls_group",
            Self::OwnIdentity => b"connection\0uri_san_local_certificate",
            Self::SourceAddress => b"source\0address",
            Self::DestinationPort => b"destination\0port",
            Self::ListenerDirection => b"xds\0listener_direction",
            Self::NodeId => b"xds\0node\0id",
            Self::PeerNamespace => b"filter_state\0downstream_peer\0namespace",
            Self::ResponseCode => b"response\0code",
        }
    }
}
