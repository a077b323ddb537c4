//! Requests that stand for all others, as far as two policies tell them apart.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use sallyport_engine::artifact::{ArtifactClaims, ArtifactDigest};
use sallyport_engine::facts::{KeyExchange, TlsVersion};
use sallyport_engine::identity::SpiffeId;
use sallyport_engine::names::PathTemplate;
use sallyport_engine::policy::raw::{Operation, RequiredAssurance, Spec};
use sallyport_engine::time::TimeMs;

use super::Request;
use super::named::Named;
use crate::explain::{Caller, Question, request_line};
use crate::policy_file::LoadedPolicy;
use crate::sample;

/// Requests to ask.
pub(super) struct Questions {
    pub(super) questions: Vec<Asked>,
    pub(super) is_cut: bool,
}

/// A request of a caller with this assurance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) assurance: Level,
}

/// What the caller's certificate amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Classical,
    Hybrid,
    HybridProven,
}

/// The requests that two policies may answer differently, the likely ones first.
pub(super) fn between(old: &LoadedPolicy, new: &LoadedPolicy, limit: usize) -> Questions {
    let specs = [&new.document.spec, &old.document.spec];
    let mut collection = Collection {
        named: Named::between(old, new),
        known: BTreeSet::new(),
        questions: Vec::new(),
        limit,
        is_cut: false,
    };
    for spec in specs {
        for flow in &spec.flows {
            collection.way(&flow.from, &flow.to, &flow.operations, specs);
        }
        for grant in spec.grants.iter().flatten() {
            collection.way(&grant.from, &grant.to, &grant.operations, specs);
        }
    }
    collection.strangers(specs);
    Questions {
        questions: collection.questions,
        is_cut: collection.is_cut,
    }
}

struct Collection {
    named: Named,
    known: BTreeSet<Asked>,
    questions: Vec<Asked>,
    limit: usize,
    is_cut: bool,
}

impl Collection {
    /// What a flow or grant covers, and one of each kind beside it, for its callers in both policies.
    fn way(&mut self, from: &[String], to: &String, operations: &[Operation], specs: [&Spec; 2]) {
        let named: Vec<String> = self.named.callers_of(from).collect();
        let from = specs.map(|spec| members(spec, from));
        let to = specs.map(|spec| members(spec, std::slice::from_ref(to)));
        let (from, to): (BTreeSet<String>, BTreeSet<String>) = (
            from.into_iter().flatten().chain(named).collect(),
            to.into_iter().flatten().collect(),
        );
        let requests: Vec<(String, String, u16)> = operations
            .iter()
            .flat_map(|operation| around(operation, operations))
            .collect();
        let running = self.named.running();
        for from in &from {
            for to in &to {
                for (method, path, port) in &requests {
                    let plain = Request {
                        from: from.clone(),
                        to: to.clone(),
                        method: method.clone(),
                        path: path.clone(),
                        port: *port,
                        model_digest: None,
                        image_digest: None,
                    };
                    let with_token = running.iter().map(|(model, image)| Request {
                        model_digest: model.clone(),
                        image_digest: image.clone(),
                        ..plain.clone()
                    });
                    for request in std::iter::once(plain.clone()).chain(with_token) {
                        if !self.ask_all(&request) {
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Each member of a segment to each other one, and somebody in no segment.
    fn strangers(&mut self, specs: [&Spec; 2]) {
        let all = |spec: &Spec| {
            let names: Vec<String> = spec.segments.iter().map(|s| s.name.clone()).collect();
            members(spec, &names)
        };
        let everybody: BTreeSet<String> = specs.into_iter().flat_map(all).collect();
        let nobody = specs
            .into_iter()
            .flat_map(|spec| spec.trust_domains.iter())
            .map(|domain| format!("spiffe://{domain}/ns/of-no-segment/sa/nobody"));
        let callers: BTreeSet<String> = everybody.iter().cloned().chain(nobody).collect();
        for from in &callers {
            for to in &everybody {
                let request = Request {
                    from: from.clone(),
                    to: to.clone(),
                    method: "GET".to_owned(),
                    path: "/undeclared".to_owned(),
                    port: UNDECLARED_PORT,
                    model_digest: None,
                    image_digest: None,
                };
                if !self.ask_all(&request) {
                    return;
                }
            }
        }
    }

    /// Whether there is room for more.
    fn ask_all(&mut self, request: &Request) -> bool {
        for assurance in [Level::Classical, Level::Hybrid, Level::HybridProven] {
            let asked = Asked {
                request: request.clone(),
                assurance,
            };
            if self.known.contains(&asked) {
                continue;
            }
            if self.questions.len() >= self.limit {
                self.is_cut = true;
                return false;
            }
            self.known.insert(asked.clone());
            self.questions.push(asked);
        }
        true
    }
}

/// Workloads of the named segments: one for each service account, or for each namespace.
fn members(spec: &Spec, names: &[String]) -> Vec<String> {
    let segments = spec.segments.iter();
    let named = segments.filter(|segment| names.contains(&segment.name));
    let members = named.flat_map(|segment| sample::members(spec, segment).take(MEMBERS));
    members.map(|member| member.to_string()).collect()
}

/// The requests of an operation, and one with another method, path and port each.
fn around(operation: &Operation, all: &[Operation]) -> Vec<(String, String, u16)> {
    let declared = |method: &str| {
        let mut operations = all.iter();
        operations.any(|operation| operation.methods.iter().any(|known| known == method))
    };
    let undeclared = METHODS.into_iter().find(|method| !declared(method));
    let methods: Vec<&str> = if operation.methods.iter().any(|method| method == "*") {
        vec!["GET", "DELETE"]
    } else {
        operation.methods.iter().map(String::as_str).collect()
    };
    let paths: Vec<String> = operation
        .paths
        .iter()
        .filter_map(|text| example(text))
        .collect();
    let ports: Vec<u16> = match &operation.ports {
        Some(ports) => ports.clone(),
        None => vec![8080],
    };
    let mut requests = Vec::new();
    for path in &paths {
        for port in &ports {
            let all = methods.iter().copied().chain(undeclared);
            requests.extend(all.map(|method| (method.to_owned(), path.clone(), *port)));
        }
    }
    if let (Some(method), Some(path), Some(port)) = (methods.first(), paths.first(), ports.first())
    {
        requests.push(((*method).to_owned(), "/undeclared".to_owned(), *port));
        requests.push(((*method).to_owned(), path.clone(), UNDECLARED_PORT));
    }
    requests
}

fn example(template: &str) -> Option<String> {
    match template.parse::<PathTemplate>() {
        Ok(template) => Some(template.example()),
        Err(_) => None,
    }
}

impl Asked {
    /// None for what is no SPIFFE ID or digest, which a compiled policy rules out.
    pub(super) fn question(&self, now: TimeMs) -> Option<Question> {
        let claims = ArtifactClaims {
            model: digest(self.request.model_digest.as_deref())?,
            image: digest(self.request.image_digest.as_deref())?,
        };
        let (Ok(from), Ok(to)) = (
            self.request.from.parse::<SpiffeId>(),
            self.request.to.parse::<SpiffeId>(),
        ) else {
            return None;
        };
        Some(Question {
            caller: Caller::Assumed {
                identity: from,
                assurance: match self.assurance {
                    Level::Classical => RequiredAssurance::Classical,
                    Level::Hybrid => RequiredAssurance::Hybrid,
                    Level::HybridProven => RequiredAssurance::HybridProven,
                },
            },
            called: Some(to),
            tls: TlsVersion::Tls13,
            key_exchange: KeyExchange::Hidden,
            source_ip: NOBODY,
            port: self.request.port,
            headers: request_line(&self.request.method, &self.request.path),
            now,
            claims,
            denials: 0,
        })
    }
}

/// None for what is no digest, which an absent claim is not.
fn digest(text: Option<&str>) -> Option<Option<ArtifactDigest>> {
    match text.map(str::parse) {
        None => Some(None),
        Some(Ok(digest)) => Some(Some(digest)),
        Some(Err(_)) => None,
    }
}

impl Level {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Classical => "classical",
            Self::Hybrid => "hybrid",
            Self::HybridProven => "hybridProven",
        }
    }
}

/// An address of TEST-NET-1 (RFC 5737), which no policy should name.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// A port that no policy should name (RFC 7605, tcpmux).
const UNDECLARED_PORT: u16 = 1;
/// Of one segment.
const MEMBERS: usize = 16;
/// One of them is undeclared, if the flow or grant does not declare them all.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
