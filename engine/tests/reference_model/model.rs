//! A second decision, as naive as possible: lists instead of indexes, text instead of types,
//! floating point instead of tables. It shares no code with the engine but the names of answers,
//! and the standing and evidence of a peer, which have a model of their own.

use sallyport_engine::facts::{CredentialFault, PeerValidation, TlsVersion};
use sallyport_engine::identity::Assurance;
use sallyport_engine::policy::Mode;
use sallyport_engine::policy::raw::{self, RequiredAssurance};
use sallyport_engine::reason::DenyReason;
use sallyport_engine::trust::Behaviour;
use sallyport_engine::verdict::Basis;

use crate::mesh::{Case, Credential, METHODS, Mesh, PATHS, PORTS, SEGMENTS, Tls};

/// An answer: why it goes on (or not at all), what was wrong, and whose flow it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) basis: Option<Basis>,
    pub(crate) reason: Option<DenyReason>,
    pub(crate) flow: Option<String>,
}

pub(crate) fn decide(mesh: &Mesh, case: &Case) -> Answer {
    let deny = |reason, mode, flow: Option<&raw::Flow>| Answer {
        basis: (mode == Mode::Shadow).then_some(Basis::Shadow),
        reason: Some(reason),
        flow: flow.map(|flow| flow.name.clone()),
    };
    let is_probe = mesh.has_probe
        && case.method == "GET"
        && case.path == "/healthz"
        && case.port == 8080
        && case.is_from_probing_network;
    let probe = Answer {
        basis: Some(Basis::Probe),
        reason: None,
        flow: None,
    };
    let own = case.own.and_then(segment_of);
    let Some(tls) = &case.tls else {
        return if is_probe {
            probe
        } else {
            deny(DenyReason::PeerPlaintext, mesh.mode, None)
        };
    };
    let Some(own) = own else {
        return deny(DenyReason::OwnIdentityUnknown, mesh.mode, None);
    };
    if is_probe {
        return probe;
    }
    if tls.validation == PeerValidation::Failed {
        return deny(DenyReason::PeerUnvalidated, mesh.mode, None);
    }
    let Some(source) = tls.source else {
        return deny(DenyReason::PeerCertificateUnavailable, mesh.mode, None);
    };
    if !source.starts_with("spiffe://d.example/") {
        return deny(DenyReason::TrustDomainUnknown, mesh.mode, None);
    }

    let between: Vec<&raw::Flow> = flows_between(mesh, segment_of(source), own);
    let covering = between.iter().copied().find(|flow| covers(flow, case));
    let flow = covering.or(if between.len() == 1 {
        Some(between[0])
    } else {
        None
    });
    let mode_of = |flow: &raw::Flow| flow.mode.unwrap_or(mesh.mode);
    let mode = match covering {
        Some(flow) => mode_of(flow),
        // Whoever enforces on this way, policy or flow, decides for what no flow covers.
        None if between.iter().any(|flow| mode_of(flow) == Mode::Enforce) => Mode::Enforce,
        None => mesh.mode,
    };
    let needed = covering
        .and_then(|flow| flow.minimum_assurance)
        .unwrap_or(mesh.assurance);
    let needed_trust = covering
        .and_then(|flow| flow.minimum_trust)
        .or(mesh.trust)
        .unwrap_or(0);

    // What the certificate lacks is reported before what the peer did, and that before its token.
    let peer = case.peer();
    if let Err(reason) = assurance(std::slice::from_ref(&tls.credential), source) {
        return deny(reason, mode, flow);
    }
    if peer.standing == Behaviour::Isolated {
        return deny(DenyReason::PeerIsolated, mode, flow);
    }
    let mut credentials = vec![tls.credential.clone()];
    credentials.extend(case.token.clone());
    let assurance = match assurance(&credentials, source) {
        Ok(assurance) => assurance,
        Err(reason) => return deny(reason, mode, flow),
    };
    let is_enough = match needed {
        RequiredAssurance::Classical => true,
        RequiredAssurance::Hybrid => assurance >= Assurance::Hybrid,
        RequiredAssurance::HybridProven => assurance == Assurance::HybridProven,
    };
    if !is_enough {
        return deny(DenyReason::AssuranceTooLow, mode, flow);
    }
    if between.is_empty() {
        return deny(DenyReason::FlowNotAllowed, mode, flow);
    }
    if covering.is_none() {
        let reason = if is_ambiguous(case.path) {
            DenyReason::PathAmbiguous
        } else {
            DenyReason::OperationNotAllowed
        };
        return deny(reason, mode, flow);
    }
    if trust(tls, assurance, peer.evidence.sum()) < f64::from(needed_trust) {
        return deny(DenyReason::TrustTooLow, mode, flow);
    }
    if peer.standing == Behaviour::Restricted && !["GET", "HEAD"].contains(&case.method) {
        return deny(DenyReason::TrustRestricted, mode, flow);
    }
    let flow = flow.map(|flow| flow.name.clone());
    Answer {
        basis: Some(Basis::Flow),
        reason: None,
        flow,
    }
}

/// Whom an answer names as the caller: everybody whose certificate was validated.
pub(crate) fn caller(case: &Case) -> Option<&str> {
    let tls = case.tls.as_ref()?;
    if tls.validation == PeerValidation::Failed {
        return None;
    }
    tls.source
}

/// The names of all flows that cover the request.
pub(crate) fn covering_flows(mesh: &Mesh, case: &Case) -> Vec<String> {
    let source = case.tls.as_ref().and_then(|tls| tls.source);
    let Some(own) = case.own.and_then(segment_of) else {
        return Vec::new();
    };
    flows_between(mesh, source.and_then(segment_of), own)
        .into_iter()
        .filter(|flow| covers(flow, case))
        .map(|flow| flow.name.clone())
        .collect()
}

/// Whether one of the possible requests is covered by both flows. The paths are enough to find out
/// for each pair of the templates in use.
pub(crate) fn share_a_request(one: &raw::Flow, other: &raw::Flow) -> bool {
    let connect = one.to == other.to && one.from.iter().any(|from| other.from.contains(from));
    let allows = |flow: &raw::Flow, method: &str, path: &str, port: u16| {
        flow.operations
            .iter()
            .any(|operation| operation_covers(operation, method, path, port))
    };
    // Two more paths, which some pairs of templates need, and a port that no flow names.
    let paths = || PATHS.into_iter().chain(["/c/b", "/b/", "/x"]);
    connect
        && METHODS.iter().chain(["PATCH"].iter()).any(|method| {
            paths().filter(|path| !is_ambiguous(path)).any(|path| {
                PORTS.into_iter().chain([1]).any(|port| {
                    allows(one, method, path, port) && allows(other, method, path, port)
                })
            })
        })
}

fn segment_of(identity: &str) -> Option<&'static str> {
    SEGMENTS.iter().find_map(|(name, namespaces, accounts)| {
        let belongs = namespaces.iter().any(|namespace| match accounts {
            None => {
                let start = format!("spiffe://d.example/ns/{namespace}/sa/");
                identity.starts_with(&start)
            }
            Some(accounts) => accounts.iter().any(|account| {
                identity == format!("spiffe://d.example/ns/{namespace}/sa/{account}")
            }),
        });
        belongs.then_some(*name)
    })
}

fn flows_between<'a>(mesh: &'a Mesh, from: Option<&str>, to: &str) -> Vec<&'a raw::Flow> {
    let Some(from) = from else { return Vec::new() };
    mesh.flows
        .iter()
        .filter(|flow| flow.to == to && flow.from.iter().any(|name| name == from))
        .collect()
}

fn covers(flow: &raw::Flow, case: &Case) -> bool {
    flow.operations
        .iter()
        .any(|operation| operation_covers(operation, case.method, case.path, case.port))
}

fn operation_covers(operation: &raw::Operation, method: &str, path: &str, port: u16) -> bool {
    !is_ambiguous(path)
        && (operation.methods == ["*"] || operation.methods.iter().any(|name| name == method))
        && operation
            .ports
            .as_ref()
            .is_none_or(|ports| ports.contains(&port))
        && operation
            .paths
            .iter()
            .any(|template| matches(template, path))
}

/// Compares a template and a path from the left, piece by piece.
fn matches(template: &str, path: &str) -> bool {
    match (template.split_once('/'), path.split_once('/')) {
        (Some(("", template)), Some(("", path))) => {
            if template == "{**}" {
                return true;
            }
            let (part, template_rest) = cut(template);
            let (segment, path_rest) = cut(path);
            let fits = if part.starts_with('{') {
                !segment.is_empty()
            } else {
                part == segment
            };
            fits && matches(template_rest, path_rest)
        }
        (None, None) => true,
        _ => false,
    }
}

/// The text up to the next slash, and the rest from that slash on.
fn cut(text: &str) -> (&str, &str) {
    text.split_at(text.find('/').unwrap_or(text.len()))
}

fn is_ambiguous(path: &str) -> bool {
    path.contains("//") || path.contains("/../")
}

pub(crate) fn assurance(
    credentials: &[Result<Credential, CredentialFault>],
    source: &str,
) -> Result<Assurance, DenyReason> {
    let mut best = Assurance::Classical;
    for credential in credentials {
        let credential = credential.as_ref().map_err(|fault| reason_of(*fault))?;
        if credential.begins > 0 {
            return Err(DenyReason::CredentialNotYetValid);
        }
        if credential.ends <= 0 {
            return Err(DenyReason::CredentialExpired);
        }
        if credential.subject != source {
            return Err(DenyReason::CredentialIdentityMismatch);
        }
        best = best.max(credential.assurance);
    }
    Ok(best)
}

fn reason_of(fault: CredentialFault) -> DenyReason {
    let reasons = [
        (CredentialFault::Malformed, DenyReason::CredentialMalformed),
        (
            CredentialFault::HybridSignatureMissing,
            DenyReason::HybridSignatureMissing,
        ),
        (
            CredentialFault::ClassicalSignatureInvalid,
            DenyReason::ClassicalSignatureInvalid,
        ),
        (
            CredentialFault::BindingMismatch,
            DenyReason::CredentialBindingMismatch,
        ),
    ];
    let found = reasons.iter().find(|(known, _)| *known == fault);
    found.unwrap_or_else(|| panic!("no case has {fault:?}")).1
}

fn trust(tls: &Tls, assurance: Assurance, evidence: u32) -> f64 {
    let Ok(certificate) = &tls.credential else {
        return 0.0;
    };
    let of_assurance = match assurance {
        Assurance::Plaintext => 2_000.0,
        Assurance::Classical => 0.0,
        Assurance::Hybrid => -1_500.0,
        Assurance::HybridProven => -2_000.0,
    };
    let of_version = match tls.version {
        TlsVersion::Tls13 => -200.0,
        TlsVersion::Tls12 => 0.0,
        TlsVersion::Other => 500.0,
    };
    // Whole milliseconds and milli-nats: integers, rounded down, as the specification has it.
    let lifetime = certificate.ends - certificate.begins;
    let past_middle = (-certificate.begins - lifetime / 2).max(0);
    let age = i32::try_from((past_middle * 1_000 / lifetime).min(500)).unwrap();
    let lambda = -4_600.0 + of_assurance + of_version + f64::from(age) + f64::from(evidence);
    (100.0 / (1.0 + (lambda / 1_000.0).exp())).floor().min(99.0)
}
