//! Who there is: the namespaces, service accounts, workloads and ports that manifests and policies
//! name.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_engine::identity::TrustDomain;
use sallyport_engine::names::Method;
use serde_json::Value;

use super::Options;
use super::clause::Attribute;
use super::labels::Labels;
use super::policy::AuthorizationPolicy;
use super::reckoning::Called;
use crate::manifests::Object;
use crate::workloads::pod_template;

/// What is known of a mesh.
#[derive(Debug)]
pub(super) struct Mesh {
    /// The trust domain of the mesh, and its aliases.
    pub(super) trust_domains: Vec<String>,
    pub(super) namespaces: BTreeMap<String, Namespace>,
    /// Identities of other trust domains that policies name: trust domain, namespace, account.
    pub(super) foreign: BTreeSet<(String, String, String)>,
    pub(super) methods: BTreeSet<String>,
    pub(super) ports: BTreeSet<u16>,
}

/// What is known of a namespace.
#[derive(Debug, Default)]
pub(super) struct Namespace {
    pub(super) accounts: BTreeSet<String>,
    pub(super) workloads: Vec<Workload>,
}

/// Pods that are made by one template.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) account: String,
    pub(super) labels: Labels,
}

impl Mesh {
    pub(super) fn new(
        objects: &[Object],
        policies: &[AuthorizationPolicy<'_>],
        options: &Options,
    ) -> Self {
        let own = [options.trust_domain.clone()];
        let mut mesh = Self {
            trust_domains: own
                .into_iter()
                .chain(options.trust_domain_aliases.clone())
                .collect(),
            namespaces: BTreeMap::new(),
            foreign: BTreeSet::new(),
            methods: STANDARD_METHODS.map(str::to_owned).into(),
            ports: BTreeSet::new(),
        };
        for object in objects {
            mesh.learn(object);
        }
        for policy in policies {
            mesh.learn_policy(policy, options);
        }
        for namespace in mesh.namespaces.values_mut() {
            // Kubernetes makes it; where manifests show the workloads, they show whether it is used.
            if namespace.workloads.is_empty() {
                namespace.accounts.insert("default".to_owned());
            }
        }
        mesh
    }

    /// Whether somebody runs under the service account, as far as is known: manifests are taken to
    /// be complete where there are any.
    pub(super) fn may_have_pods(&self, called: &Called) -> bool {
        self.namespaces
            .get(&called.namespace)
            .is_some_and(|namespace| {
                let mut workloads = namespace.workloads.iter();
                namespace.workloads.is_empty()
                    || workloads.any(|workload| Some(&workload.account) == called.account.as_ref())
            })
    }

    fn learn(&mut self, object: &Object) {
        let namespace = object.namespace.as_deref().unwrap_or("default");
        if object.is("", "Namespace") {
            self.namespace(&object.name);
        } else if object.is("", "ServiceAccount") {
            self.account(namespace, &object.name);
        } else if object.is("", "Service") {
            self.namespace(namespace);
            let ports = object.value.pointer("/spec/ports");
            for port in ports.and_then(Value::as_array).into_iter().flatten() {
                let target = port.get("targetPort").filter(|value| !value.is_null());
                self.port(target.or_else(|| port.get("port")));
            }
        } else if let Some((_, template)) = pod_template(object) {
            self.workload(namespace, template);
        }
    }

    fn workload(&mut self, namespace: &str, template: &Value) {
        // The second is the old name of the first.
        let names = ["/spec/serviceAccountName", "/spec/serviceAccount"].into_iter();
        let mut names = names.filter_map(|name| template.pointer(name)?.as_str());
        let account = names.find(|name| !name.is_empty()).unwrap_or("default");
        let labels = template.pointer("/metadata/labels");
        let labels = labels.and_then(Value::as_object).into_iter().flatten();
        let labels =
            labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        let labels = labels.collect();
        let containers = template.pointer("/spec/containers");
        for container in containers.and_then(Value::as_array).into_iter().flatten() {
            let ports = container.get("ports").and_then(Value::as_array);
            for port in ports.into_iter().flatten() {
                self.port(port.get("containerPort"));
            }
        }
        self.account(namespace, account);
        if let Some(namespace) = self.namespace(namespace) {
            let account = account.to_owned();
            namespace.workloads.push(Workload { account, labels });
        }
    }

    fn learn_policy(&mut self, policy: &AuthorizationPolicy<'_>, options: &Options) {
        if policy.namespace != options.root_namespace {
            self.namespace(policy.namespace);
        }
        for clause in &policy.clauses {
            let methods = clause.named_methods().into_iter();
            // Others are no methods of a policy.
            let is_plain = |name: &String| {
                Method::parse(name.as_bytes()).is_ok()
                    && !name.bytes().any(|byte| byte.is_ascii_lowercase())
            };
            self.methods.extend(methods.filter(is_plain));
            self.ports.extend(clause.named_ports());
            for caller in &clause.callers {
                for value in caller.test.values.iter().chain(&caller.test.not_values) {
                    self.learn_caller(caller.attribute, value);
                }
            }
        }
    }

    fn learn_caller(&mut self, attribute: Attribute, value: &str) {
        let parts: Vec<&str> = value.split('/').collect();
        match (attribute, parts.as_slice()) {
            (Attribute::Namespace, [namespace]) => {
                self.namespace(namespace);
            }
            (Attribute::ServiceAccount, [namespace, account]) => self.account(namespace, account),
            (Attribute::Principal, [domain, "ns", namespace, "sa", account]) => {
                if domain.contains('*') || self.is_own(domain) {
                    self.account(namespace, account);
                } else if is_label(namespace) && is_name(account) && is_trust_domain(domain) {
                    let names = [domain, namespace, account].map(|name| (*name).to_owned());
                    self.foreign.insert(names.into());
                }
            }
            (Attribute::Principal, [_, "ns", namespace, _]) => {
                self.namespace(namespace);
            }
            (
                Attribute::Namespace
                | Attribute::ServiceAccount
                | Attribute::Principal
                | Attribute::TrustDomain,
                _,
            ) => {}
        }
    }

    /// Whether a trust domain in a policy is that of the mesh: Istio reads `cluster.local` so, too.
    fn is_own(&self, domain: &str) -> bool {
        domain == CLUSTER_LOCAL || self.trust_domains.iter().any(|own| own == domain)
    }

    fn namespace(&mut self, name: &str) -> Option<&mut Namespace> {
        is_label(name).then(|| self.namespaces.entry(name.to_owned()).or_default())
    }

    fn account(&mut self, namespace: &str, account: &str) {
        if is_name(account)
            && let Some(namespace) = self.namespace(namespace)
        {
            namespace.accounts.insert(account.to_owned());
        }
    }

    fn port(&mut self, value: Option<&Value>) {
        if let Some(Ok(port)) = value.and_then(Value::as_u64).map(u16::try_from) {
            self.ports.insert(port);
        }
    }
}

/// Whether Kubernetes allows the name, so that an identity can have it.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let is_inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        !part.is_empty()
            && part.bytes().all(is_inner)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_part)
}

/// Names of namespaces are shorter, and have no dots.
fn is_label(name: &str) -> bool {
    name.len() <= 63 && !name.contains('.') && is_name(name)
}

fn is_trust_domain(name: &str) -> bool {
    name.parse::<TrustDomain>().is_ok()
}

/// What Istio takes for the trust domain of the mesh in policies, whatever its name.
pub(super) const CLUSTER_LOCAL: &str = "cluster.local";

/// RFC 9110, section 9, and RFC 5789.
const STANDARD_METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];
