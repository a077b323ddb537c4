//! Requests as they are recorded: NDJSON, one a line, in the order of their arrival.
//!
//! Each line has the keys `t_ms` (since 1970, or since any other beginning), `peer` (SPIFFE ID of
//! the caller), `certificate` (SHA-256, 64 hexadecimal digits), `segment` (of the caller, as
//! recorded), `method`, `path`, `status` of the application's answer (0: none), `request_bytes`,
//! `response_bytes`, `response_ms`; and where they are not the usual ones:
//!
//! | key | says | absent |
//! |---|---|---|
//! | `to`, `port` | who was called, and where | what the reader was given |
//! | `assurance` | of the caller's certificate | `hybrid` |
//! | `not_after_ms` | when that certificate expires | never |
//! | `certificate_fault` | the reason for which it does not count | it counts |
//! | `token` | `id`, which tells tokens apart, and the `fault` for which it does not count | there is none |
//! | `label` | what the request is, for who evaluates | nothing |

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sallyport_engine::artifact::ArtifactClaims;
use sallyport_engine::facts::{
    CertifiedKeys, ConnectionFacts, CredentialFacts, CredentialFault, KeyExchange, MutualTls,
    PeerCertificate, PeerMetadata, PeerValidation, TlsVersion, Transport,
};
use sallyport_engine::hexadecimal;
use sallyport_engine::identity::{Assurance, InvalidSpiffeId, SpiffeId};
use sallyport_engine::policy::raw::RequiredAssurance;
use sallyport_engine::reason::DenyReason;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{Outcome, PeerKey};
use serde::{Deserialize, Serialize};

/// A connection of the trace: who calls whom, and with which certificate.
#[derive(Debug)]
pub struct Connection {
    /// What a sidecar would know of it.
    pub facts: ConnectionFacts,
    /// Whom its requests are booked on.
    pub key: PeerKey,
    /// The segment of the caller, as recorded.
    pub segment: Arc<str>,
    /// Its words in a trace.
    words: Words,
}

/// A request of the trace.
#[derive(Debug, Clone)]
pub struct Event {
    /// When it arrived.
    pub at: TimeMs,
    /// The connection that it came on.
    pub connection: Arc<Connection>,
    /// Its method.
    pub method: Arc<str>,
    /// Its path, maybe with a query.
    pub path: Arc<str>,
    /// The token that it brought.
    pub token: Option<Token>,
    /// What the application answers, if the request reaches it.
    pub outcome: Outcome,
    /// From its headers to the end of the answer, in milliseconds.
    pub response_ms: u64,
    /// What it is, for who evaluates.
    pub label: Option<Arc<str>>,
}

/// A token in a request.
#[derive(Debug, Clone)]
pub struct Token {
    /// Tells it from other tokens.
    pub id: Arc<str>,
    /// Why it does not count.
    pub fault: Option<CredentialFault>,
}

/// Who calls whom, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// SPIFFE ID of the caller.
    pub peer: SpiffeId,
    /// SHA-256 of its certificate.
    pub certificate: [u8; 32],
    /// Its segment.
    pub segment: Arc<str>,
    /// SPIFFE ID of the workload that is called.
    pub to: SpiffeId,
    /// The port that is called.
    pub port: u16,
    /// What the signatures of the certificate amount to.
    pub assurance: RequiredAssurance,
    /// When the certificate expires.
    pub not_after_ms: Option<u64>,
    /// Why the certificate does not count.
    pub fault: Option<CredentialFault>,
}

/// Reads lines. Connections that it saw before are made once.
#[derive(Debug)]
pub struct Reader {
    to: Option<SpiffeId>,
    port: u16,
    connections: HashMap<Words, Arc<Connection>>,
}

/// Why a line is no request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLine {
    /// It is no JSON object with these keys.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A SPIFFE ID is none.
    #[error("`{key}`: `{text}` is no SPIFFE ID: it {cause}")]
    Identity {
        /// The key of the line.
        key: &'static str,
        /// Its value.
        text: String,
        /// What is wrong with it.
        cause: InvalidSpiffeId,
    },
    /// The digest of the certificate is none.
    #[error("`certificate`: `{0}` is no SHA-256: write 64 hexadecimal digits")]
    Certificate(String),
    /// The status is none.
    #[error("`status`: {0} is no HTTP status: write 100 to 599, or 0 where there was no answer")]
    Status(u16),
    /// Later than the year 9999.
    #[error("`t_ms`: {0} is later than the year 9999")]
    Time(u64),
    /// A text that must say something is empty.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// Nobody says who is called.
    #[error("`to` is missing: it names the workload that is called")]
    CalledUnknown,
    /// The reason is none for which a credential does not count.
    #[error(
        "`{0}` is no fault of a credential: docs/deny-reasons.md lists them, as `credential_binding_mismatch`"
    )]
    Fault(String),
}

impl Connection {
    /// The connection that words describe.
    #[must_use]
    pub fn new(words: Words) -> Self {
        let not_after = words.not_after_ms.unwrap_or(u64::MAX);
        let credential = match words.fault {
            Some(fault) => Err(fault),
            None => Ok(CredentialFacts {
                authority: None,
                subject: words.peer.clone(),
                assurance: Assurance::from(words.assurance),
                number: None,
                keys: CertifiedKeys::default(),
                artifacts: ArtifactClaims::default(),
                issued: TimeMs(0),
                not_before: TimeMs(0),
                not_after: TimeMs(not_after),
            }),
        };
        let tls = MutualTls {
            validation: PeerValidation::Validated,
            version: TlsVersion::Tls13,
            // Traces do not tell; what becomes of peers does not depend on it.
            key_exchange: KeyExchange::PostQuantum,
            certificate_sha256: words.certificate,
            certificate: PeerCertificate::Read {
                subject: words.peer.clone(),
                credential,
            },
        };
        Self {
            facts: ConnectionFacts {
                own: Some(words.to.clone()),
                transport: Transport::Mutual(tls),
                destination_port: words.port,
                peer_metadata: PeerMetadata::Absent,
            },
            key: PeerKey::new(&words.peer, words.certificate),
            segment: words.segment.clone(),
            words,
        }
    }

    /// The words that it was made of.
    #[must_use]
    pub const fn words(&self) -> &Words {
        &self.words
    }
}

impl Hash for Words {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The rest differs rarely.
        self.peer.hash(state);
        self.certificate.hash(state);
    }
}

impl Event {
    /// The event as a line, without a line end.
    ///
    /// # Errors
    /// None in practice: serde's, of writing to memory.
    pub fn line(&self) -> Result<String, serde_json::Error> {
        let words = self.connection.words();
        let fault = |fault: CredentialFault| DenyReason::from(fault).row().code;
        serde_json::to_string(&Written {
            t_ms: self.at.0,
            peer: words.peer.as_str(),
            certificate: hexadecimal::encode(&words.certificate),
            segment: &words.segment,
            to: words.to.as_str(),
            port: words.port,
            method: &self.method,
            path: &self.path,
            status: self.outcome.status,
            request_bytes: self.outcome.request_bytes,
            response_bytes: self.outcome.response_bytes,
            response_ms: self.response_ms,
            assurance: (words.assurance != USUAL_ASSURANCE).then_some(words.assurance),
            not_after_ms: words.not_after_ms,
            certificate_fault: words.fault.map(fault),
            token: self.token.as_ref().map(|token| WrittenToken {
                id: &token.id,
                fault: token.fault.map(fault),
            }),
            label: self.label.as_deref(),
        })
    }
}

impl Reader {
    /// A reader for lines of calls to a workload and port, where they do not say so themselves.
    #[must_use]
    pub fn new(to: Option<SpiffeId>, port: u16) -> Self {
        Self {
            to,
            port,
            connections: HashMap::new(),
        }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn read(&mut self, line: &str) -> Result<Event, InvalidLine> {
        let line: Line = serde_json::from_str(line)?;
        if line.t_ms > LATEST_MS {
            return Err(InvalidLine::Time(line.t_ms));
        }
        if line.status != 0 && !(100..=599).contains(&line.status) {
            return Err(InvalidLine::Status(line.status));
        }
        for (key, text) in [("method", &line.method), ("path", &line.path)] {
            if text.is_empty() {
                return Err(InvalidLine::Empty(key));
            }
        }
        let to = match &line.to {
            Some(text) => identity("to", text)?,
            None => self.to.clone().ok_or(InvalidLine::CalledUnknown)?,
        };
        let certificate = hexadecimal::decode_sha256(line.certificate.as_bytes())
            .map_err(|_| InvalidLine::Certificate(cut(&line.certificate)))?;
        let words = Words {
            peer: identity("peer", &line.peer)?,
            certificate,
            segment: Arc::from(line.segment),
            to,
            port: line.port.unwrap_or(self.port),
            assurance: line.assurance.unwrap_or(USUAL_ASSURANCE),
            not_after_ms: line.not_after_ms,
            fault: fault(line.certificate_fault.as_deref())?,
        };
        let token = match line.token {
            None => None,
            Some(token) => Some(Token {
                id: Arc::from(token.id),
                fault: fault(token.fault.as_deref())?,
            }),
        };
        Ok(Event {
            at: TimeMs(line.t_ms),
            connection: self.connection(words),
            method: Arc::from(line.method),
            path: Arc::from(line.path),
            token,
            outcome: Outcome {
                status: line.status,
                request_bytes: line.request_bytes,
                response_bytes: line.response_bytes,
            },
            response_ms: line.response_ms,
            label: line.label.map(Arc::from),
        })
    }

    fn connection(&mut self, words: Words) -> Arc<Connection> {
        if let Some(connection) = self.connections.get(&words) {
            return connection.clone();
        }
        if self.connections.len() >= MAXIMUM_CONNECTIONS {
            self.connections.clear();
        }
        let connection = Arc::new(Connection::new(words.clone()));
        self.connections.insert(words, connection.clone());
        connection
    }
}

fn identity(key: &'static str, text: &str) -> Result<SpiffeId, InvalidLine> {
    text.parse().map_err(|cause| InvalidLine::Identity {
        key,
        text: cut(text),
        cause,
    })
}

fn fault(code: Option<&str>) -> Result<Option<CredentialFault>, InvalidLine> {
    let Some(code) = code else { return Ok(None) };
    let found = FAULTS
        .into_iter()
        .find(|fault| DenyReason::from(*fault).row().code == code);
    found.map(Some).ok_or_else(|| InvalidLine::Fault(cut(code)))
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A line as it is typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    t_ms: u64,
    peer: String,
    certificate: String,
    segment: String,
    to: Option<String>,
    port: Option<u16>,
    method: String,
    path: String,
    status: u16,
    request_bytes: u64,
    response_bytes: u64,
    response_ms: u64,
    assurance: Option<RequiredAssurance>,
    not_after_ms: Option<u64>,
    certificate_fault: Option<String>,
    token: Option<LineToken>,
    label: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineToken {
    id: String,
    fault: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    t_ms: u64,
    peer: &'a str,
    certificate: String,
    segment: &'a str,
    to: &'a str,
    port: u16,
    method: &'a str,
    path: &'a str,
    status: u16,
    request_bytes: u64,
    response_bytes: u64,
    response_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    assurance: Option<RequiredAssurance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_fault: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<WrittenToken<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
}

#[derive(Serialize)]
struct WrittenToken<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
}

const USUAL_ASSURANCE: RequiredAssurance = RequiredAssurance::Hybrid;
const MAXIMUM_CONNECTIONS: usize = 16_384;
/// The end of the year 9999.
const LATEST_MS: u64 = 253_402_300_799_999;

const FAULTS: [CredentialFault; 12] = [
    CredentialFault::Malformed,
    CredentialFault::HybridSignatureMissing,
    CredentialFault::HybridSignatureInvalid,
    CredentialFault::ClassicalSignatureInvalid,
    CredentialFault::AuthorityUnknown,
    CredentialFault::TrustDomainForeign,
    CredentialFault::AlgorithmRefused,
    CredentialFault::BindingMismatch,
    CredentialFault::ClaimsInvalid,
    CredentialFault::HeaderAmbiguous,
    CredentialFault::ProofMissing,
    CredentialFault::ProofInvalid,
];
