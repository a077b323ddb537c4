//! The imported policy beside the model of Istio, on many requests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sallyport_engine::artifact::ArtifactClaims;
use sallyport_engine::facts::{KeyExchange, TlsVersion};
use sallyport_engine::policy::raw::RequiredAssurance;
use sallyport_engine::time::TimeMs;
use sallyport_mesh_config::explain::{Caller, Outcome, Question, explain, request_line};
use sallyport_mesh_config::import::{self, Options};
use sallyport_mesh_config::manifests::{self, Manifests};
use sallyport_mesh_config::policy_file::{self, LoadedPolicy};
use serde_json::Value;

use crate::model::{Istio, ROOT, Request, Workload, World};

pub(crate) const MESH: &str = "mesh.example";

/// An imported policy, and the model of what it was made from.
pub(crate) struct Pair {
    manifests: Manifests,
    policy: Option<LoadedPolicy>,
    pub(crate) codes: BTreeSet<&'static str>,
}

/// What two sides say about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answers {
    /// In all worlds.
    pub(crate) istio: bool,
    /// In some world.
    pub(crate) istio_perhaps: bool,
    pub(crate) imported: bool,
}

pub(crate) fn options() -> Options {
    Options {
        name: "imported".to_owned(),
        trust_domain: MESH.to_owned(),
        trust_domain_aliases: vec!["old.example".to_owned()],
        root_namespace: ROOT.to_owned(),
        keep_custom: false,
        is_shadow: false,
    }
}

impl Pair {
    pub(crate) fn new(yaml: &str) -> Self {
        let manifests = manifests::from_text(yaml, Path::new("case.yaml"));
        let manifests = manifests.unwrap_or_else(|wrong| panic!("{:?}\n{yaml}", wrong.0));
        let imported = import::import(&manifests, &options());
        let policy = imported.document.as_ref().map(|document| {
            let text = serde_json::to_string(document).unwrap();
            policy_file::from_text(&text, Path::new("."))
                .unwrap_or_else(|wrong| panic!("{wrong:?}\n{yaml}"))
        });
        for finding in &imported.findings {
            let has_place = finding.file.is_none() || finding.line.is_some_and(|line| line > 0);
            assert!(has_place, "{finding:?}");
        }
        Self {
            codes: imported
                .findings
                .iter()
                .map(|finding| finding.code.as_str())
                .collect(),
            policy,
            manifests,
        }
    }

    pub(crate) fn policy(&self) -> &LoadedPolicy {
        self.policy.as_ref().unwrap()
    }

    pub(crate) fn answers(&self, request: &Request) -> Answers {
        let objects = self.manifests.objects.iter();
        let policies = objects.filter(|object| object.kind == "AuthorizationPolicy");
        let istio = Istio {
            policies: policies.map(|object| &object.value).collect(),
            trust_domains: vec![MESH.to_owned(), "old.example".to_owned()],
        };
        let worlds = worlds();
        let said: Vec<bool> = worlds
            .iter()
            .map(|world| istio.allows(request, world))
            .collect();
        Answers {
            istio: said.iter().all(|said| *said),
            istio_perhaps: said.iter().any(|said| *said),
            imported: self.imported(request),
        }
    }

    fn imported(&self, request: &Request) -> bool {
        let Some(policy) = &self.policy else {
            return false;
        };
        let Workload {
            namespace, account, ..
        } = &request.to;
        let called = format!("spiffe://{MESH}/ns/{namespace}/sa/{account}")
            .parse()
            .unwrap();
        let caller = match &request.from {
            None => Caller::Plaintext,
            Some((domain, namespace, account)) => Caller::Assumed {
                identity: format!("spiffe://{domain}/ns/{namespace}/sa/{account}")
                    .parse()
                    .unwrap(),
                assurance: RequiredAssurance::Classical,
            },
        };
        let question = Question {
            caller,
            called: Some(called),
            tls: TlsVersion::Tls13,
            key_exchange: KeyExchange::Hidden,
            source_ip: "192.0.2.1".parse().unwrap(),
            port: request.port,
            headers: request_line(&request.method, &request.path),
            now: TimeMs(1_800_000_000_000),
            claims: ArtifactClaims::default(),
            denials: 0,
        };
        // A flow in shadow lets what it covers pass.
        explain(policy, &question).outcome != Outcome::Denied
    }

    /// Whether both ends have a segment, so that the import knows them.
    fn knows(&self, request: &Request) -> bool {
        let Some(policy) = &self.policy else {
            return false;
        };
        let has = |domain: &str, namespace: &str, account: &str| {
            let identity = format!("spiffe://{domain}/ns/{namespace}/sa/{account}");
            policy
                .policy
                .segment_of(&identity.parse().unwrap())
                .is_some()
        };
        // Then accounts that a segment has without naming them count as unknown.
        let is_named = |namespace: &str, account: &str| {
            let is_it = |names: &Option<Vec<String>>| {
                names
                    .as_ref()
                    .is_some_and(|names| names.iter().any(|name| name == account))
            };
            let segments = &policy.document.spec.segments;
            !self.codes.contains("SP611")
                || segments.iter().any(|one| {
                    one.namespaces.iter().any(|name| name == namespace)
                        && is_it(&one.service_accounts)
                })
        };
        let to = &request.to;
        request
            .from
            .as_ref()
            .is_some_and(|(domain, namespace, account)| {
                has(domain, namespace, account)
                    && has(MESH, &to.namespace, &to.account)
                    && is_named(namespace, account)
                    && is_named(&to.namespace, &to.account)
            })
    }

    /// Compares both on each request: never wider, and equal where no finding says otherwise. Gives
    /// how many both allowed.
    pub(crate) fn compare(&self, requests: &[Request], yaml: &str) -> usize {
        let is_exact = self.codes.iter().all(|code| EXACT.contains(code));
        let mut allowed = 0;
        for request in requests {
            let said = self.answers(request);
            let context = || format!("{request:?}\n{:?}\n{yaml}", self.codes);
            assert!(
                said.istio || !said.imported,
                "wider than Istio: {}",
                context()
            );
            if is_exact && self.knows(request) {
                assert!(
                    said.imported || !said.istio_perhaps,
                    "denied, and no finding says so: {}",
                    context()
                );
            }
            allowed += usize::from(said.imported);
        }
        allowed
    }

    /// Workloads that there are, and where no manifest shows any, some that there could be.
    pub(crate) fn workloads(&self, namespaces: &[&str]) -> BTreeSet<Workload> {
        let mut workloads = BTreeSet::new();
        for object in self
            .manifests
            .objects
            .iter()
            .filter(|object| object.kind == "Deployment")
        {
            let template = &object.value["spec"]["template"];
            let labels = template["metadata"]["labels"].as_object();
            let labels = labels.into_iter().flatten();
            let labels =
                labels.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()));
            let account = template["spec"]["serviceAccountName"].as_str();
            workloads.insert(Workload {
                namespace: object.namespace.clone().unwrap(),
                account: account.unwrap_or("default").to_owned(),
                labels: labels.collect(),
            });
        }
        let shown: BTreeSet<String> = workloads.iter().map(|one| one.namespace.clone()).collect();
        for namespace in namespaces.iter().filter(|name| !shown.contains(**name)) {
            for account in ["default", "sleep"] {
                for labels in [
                    &[][..],
                    &[("app", "httpbin")],
                    &[("app", "httpbin"), ("version", "v1")],
                    &[("version", "v1")],
                ] {
                    let labels = labels
                        .iter()
                        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
                    workloads.insert(Workload {
                        namespace: (*namespace).to_owned(),
                        account: account.to_owned(),
                        labels: labels.collect::<BTreeMap<_, _>>(),
                    });
                }
            }
        }
        workloads
    }
}

/// Two requests that differ in all that a MeshTrustPolicy does not look at.
fn worlds() -> Vec<World> {
    let plain = World {
        attributes: BTreeMap::from([
            ("host", "httpbin.foo"),
            ("source.ip", "10.1.2.3"),
            ("remote.ip", "203.0.113.4"),
            ("destination.ip", "10.9.9.9"),
            (
                "connection.sni",
                "outbound_.8000_._.httpbin.foo.svc.cluster.local",
            ),
        ]),
        provider_allows: false,
    };
    let signed = World {
        attributes: BTreeMap::from([
            ("host", "www.example.com"),
            ("source.ip", "192.0.2.7"),
            ("remote.ip", "192.0.2.7"),
            ("destination.ip", "10.9.9.9"),
            ("connection.sni", "www.example.com"),
            ("request.auth.principal", "issuer.example/subject"),
            ("request.auth.claims[iss]", "https://accounts.example"),
            ("request.auth.claims[group]", "admin"),
            ("request.auth.audiences", "mesh"),
            ("request.headers[x-token]", "admin"),
            ("request.headers[User-Agent]", "Mozilla/5.0"),
        ]),
        provider_allows: true,
    };
    let refused = World {
        provider_allows: false,
        ..signed.clone()
    };
    vec![plain, signed, refused]
}

/// All requests of these parts.
pub(crate) fn requests(
    callers: &[Option<(&str, &str, &str)>],
    workloads: &BTreeSet<Workload>,
    methods: &[&str],
    paths: &[&str],
    ports: &[u16],
) -> Vec<Request> {
    let mut requests = Vec::new();
    for from in callers {
        for to in workloads {
            for method in methods {
                for path in paths {
                    for port in ports {
                        requests.push(Request {
                            from: from.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())),
                            to: to.clone(),
                            method: (*method).to_owned(),
                            path: (*path).to_owned(),
                            port: *port,
                        });
                    }
                }
            }
        }
    }
    requests
}

/// `Value` of a request line in a case: `from to METHOD path port`.
pub(crate) fn parse(line: &str, workloads: &BTreeSet<Workload>) -> Vec<Request> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [from, to, method, path, port] = words.as_slice() else {
        panic!("`{line}`")
    };
    let identity = |text: &str| {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            ["-"] => None,
            [namespace, account] => Some((
                MESH.to_owned(),
                (*namespace).to_owned(),
                (*account).to_owned(),
            )),
            [domain, namespace, account] => Some((
                (*domain).to_owned(),
                (*namespace).to_owned(),
                (*account).to_owned(),
            )),
            _ => panic!("`{text}`"),
        }
    };
    let (_, namespace, account) = identity(to).unwrap();
    let called = workloads.iter();
    let called: Vec<&Workload> = called
        .filter(|one| one.namespace == namespace && one.account == account)
        .collect();
    assert!(!called.is_empty(), "`{line}`: nobody to call");
    let request = |to: &Workload| Request {
        from: identity(from),
        to: to.clone(),
        method: (*method).to_owned(),
        path: (*path).to_owned(),
        port: port.parse().unwrap(),
    };
    called.into_iter().map(request).collect()
}

/// The value of a document, for the property test.
pub(crate) fn yaml(documents: &[Value]) -> String {
    let texts: Vec<String> = documents
        .iter()
        .map(|one| serde_json::to_string(one).unwrap())
        .collect();
    texts.join("\n---\n")
}

/// Findings that leave nothing out between workloads that the import knows.
const EXACT: [&str; 7] = [
    "SP608", "SP611", "SP613", "SP614", "SP615", "SP616", "SP617",
];
