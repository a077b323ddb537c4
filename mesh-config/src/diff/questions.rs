//! Requests that stand for all others, as far as two policies tell them apart.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use sallyport_engine::artifact::{ArtifactClaims, ArtifactDigest};
use sallyport_engine::facts::{KeyExchange, TlsVersion};
use sallyport_engine::identity::SpiffeId;
use sallyport_engine::names::PathTemplate;
use sallyport_engine::policy::raw::{Operation, RequiredAssurance};
use sallyport_engine::time::TimeMs;

use super::Request;
use super::members::Members;
use super::named::Named;
use super::ways::{Way, ways};
use crate::explain::{Caller, Question, request_line};
use crate::policy_file::LoadedPolicy;

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
pub(super) fn between(
    old: &LoadedPolicy,
    new: &LoadedPolicy,
    now: TimeMs,
    limit: usize,
) -> Questions {
    let mut collection = Collection {
        named: Named::between(old, new),
        members: Members::of([old, new]),
        known: BTreeSet::new(),
        questions: Vec::new(),
        limit,
        is_cut: false,
    };
    for way in ways(&old.document.spec, &new.document.spec, now) {
        collection.way(&way);
    }
    collection.strangers([old, new]);
    Questions {
        questions: collection.questions,
        is_cut: collection.is_cut,
    }
}

struct Collection {
    named: Named,
    members: Members,
    known: BTreeSet<Asked>,
    questions: Vec<Asked>,
    limit: usize,
    is_cut: bool,
}

impl Collection {
    /// What a flow or grant covers, and one of each kind beside it, for its callers in both policies.
    fn way(&mut self, way: &Way<'_>) {
        let mut from = self.members.of_segments(way.from);
        from.extend(self.named.callers_of(way.from));
        let to = self.members.of_segments([way.to]);
        let operations = way.operations;
        let requests: Vec<(String, String, u16)> = operations
            .iter()
            .flat_map(|operation| around(operation, operations))
            .collect();
        let mut running = self.named.running();
        running.extend(way.vetted.iter().cloned());
        for from in &from {
            for to in &to {
                for (method, path, port) in &requests {
                    let plain = Request {
                        method: method.clone(),
                        path: path.clone(),
                        port: *port,
                        ..Request::undeclared(from, to)
                    };
                    let with_token = running.iter().map(|(model, image)| Request {
                        model_digest: model.clone(),
                        image_digest: image.clone(),
                        ..plain.clone()
                    });
                    for request in std::iter::once(plain.clone()).chain(with_token) {
                        let later = way.begins.iter().map(|begin| Request {
                            at: Some((*begin).to_owned()),
                            ..request.clone()
                        });
                        for request in std::iter::once(request.clone()).chain(later) {
                            if !self.ask_all(&request) {
                                return;
                            }
                        }
                    }
                }
            }
        }
    }

    /// What no flow covers: members of segments among each other, and somebody in no segment. Where
    /// these are too many, each is asked about as caller and as called workload with some others: what
    /// is asked of one does not depend on the other, where no flow leads from one to the other.
    fn strangers(&mut self, policies: [&LoadedPolicy; 2]) {
        let everybody = self.members.all();
        let domains = policies
            .into_iter()
            .flat_map(|loaded| loaded.document.spec.trust_domains.iter());
        let nobody: BTreeSet<String> = domains
            .map(|domain| format!("spiffe://{domain}/ns/of-no-segment/sa/nobody"))
            .collect();
        let callers: BTreeSet<&String> = everybody.iter().chain(&nobody).collect();
        let is_small = callers.len().saturating_mul(everybody.len()) <= MAXIMUM_PAIRS;
        let few: Vec<&String> = everybody
            .first()
            .into_iter()
            .chain(everybody.last())
            .collect();
        for from in &callers {
            let is_of_few = few.contains(from) || nobody.contains(*from);
            let called: Vec<&String> = if is_small || is_of_few {
                everybody.iter().collect()
            } else {
                few.clone()
            };
            for to in called {
                if !self.ask_all(&Request::undeclared(from, to)) {
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
    /// None for what is no SPIFFE ID, digest or time, which a compiled policy rules out.
    pub(super) fn question(&self, now: TimeMs) -> Option<Question> {
        let claims = ArtifactClaims {
            model: digest(self.request.model_digest.as_deref())?,
            image: digest(self.request.image_digest.as_deref())?,
        };
        let now = match self.request.at.as_deref().map(TimeMs::parse_rfc3339) {
            None => now,
            Some(Ok(at)) => at,
            Some(Err(_)) => return None,
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

impl Request {
    /// What no flow or grant should cover.
    fn undeclared(from: &str, to: &str) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            method: "GET".to_owned(),
            path: "/undeclared".to_owned(),
            port: UNDECLARED_PORT,
            model_digest: None,
            image_digest: None,
            at: None,
            without_break_glass: false,
        }
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
/// Of callers and called workloads that no flow is about.
const MAXIMUM_PAIRS: usize = 4096;
/// One of them is undeclared, if the flow or grant does not declare them all.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
