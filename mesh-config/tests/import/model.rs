//! Istio's documented meaning of AuthorizationPolicies, read straight from their YAML.
//!
//! Nothing here is shared with the import: it decides about one request at a time, with all that
//! Istio looks at.

use std::collections::BTreeMap;

use serde_json::Value;

/// Where the mesh-wide policies are.
pub(crate) const ROOT: &str = "istio-system";

/// An identity: trust domain, namespace, service account.
pub(crate) type Identity = (String, String, String);

/// A request, with all that Istio looks at.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Absent: no mutual TLS.
    pub(crate) from: Option<Identity>,
    /// Namespace, service account and labels of the called workload.
    pub(crate) to: Workload,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Workload {
    pub(crate) namespace: String,
    pub(crate) account: String,
    pub(crate) labels: BTreeMap<String, String>,
}

/// What else there is about a request: hosts, addresses, headers, claims.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) attributes: BTreeMap<&'static str, &'static str>,
    /// What external providers of CUSTOM policies say.
    pub(crate) provider_allows: bool,
}

pub(crate) struct Istio<'a> {
    pub(crate) policies: Vec<&'a Value>,
    /// The trust domain of the mesh and its aliases.
    pub(crate) trust_domains: Vec<String>,
}

impl Istio<'_> {
    /// CUSTOM, then DENY, then ALLOW.
    pub(crate) fn allows(&self, request: &Request, world: &World) -> bool {
        let enforced: Vec<&&Value> = self
            .policies
            .iter()
            .filter(|policy| {
                policy.pointer("/metadata/annotations/istio.io~1dry-run") != Some(&"true".into())
            })
            .filter(|policy| selects(policy, &request.to))
            .collect();
        let of = |action: &'static str| {
            enforced.iter().filter(move |policy| {
                let own = policy.pointer("/spec/action");
                own.and_then(Value::as_str).unwrap_or("ALLOW") == action
            })
        };
        let matches = |policy: &&&&Value| self.matches(policy, request, world);
        if of("CUSTOM").any(|policy| matches(&policy)) && !world.provider_allows {
            return false;
        }
        if of("DENY").any(|policy| matches(&policy)) {
            return false;
        }
        of("ALLOW").next().is_none() || of("ALLOW").any(|policy| matches(&policy))
    }

    fn matches(&self, policy: &Value, request: &Request, world: &World) -> bool {
        let rules = list(policy.pointer("/spec/rules"));
        rules.iter().any(|rule| {
            let from = list(rule.get("from"));
            let to = list(rule.get("to"));
            (from.is_empty()
                || from
                    .iter()
                    .any(|one| self.source(one, policy, request, world)))
                && (to.is_empty() || to.iter().any(|one| operation(one, request, world)))
                && list(rule.get("when"))
                    .iter()
                    .all(|one| self.condition(one, policy, request, world))
        })
    }

    fn source(&self, from: &Value, policy: &Value, request: &Request, world: &World) -> bool {
        let Some(source) = from.get("source") else {
            return true;
        };
        let test = |name: &str, not_name: &str, matches: &dyn Fn(&str) -> bool| {
            holds(
                &texts(source.get(name)),
                &texts(source.get(not_name)),
                matches,
            )
        };
        let from = request.from.as_ref();
        test("principals", "notPrincipals", &|value| {
            self.principal(value, from)
        }) && test("namespaces", "notNamespaces", &|value| {
            namespace(value, from)
        }) && test("serviceAccounts", "notServiceAccounts", &|value| {
            account(value, policy, from)
        }) && test("trustDomains", "notTrustDomains", &|value| {
            self.trust_domain(value, from)
        }) && test("requestPrincipals", "notRequestPrincipals", &|value| {
            attribute("request.auth.principal", value, world)
        }) && test("ipBlocks", "notIpBlocks", &|value| {
            block("source.ip", value, world)
        }) && test("remoteIpBlocks", "notRemoteIpBlocks", &|value| {
            block("remote.ip", value, world)
        })
    }

    fn condition(&self, one: &Value, policy: &Value, request: &Request, world: &World) -> bool {
        let key = one["key"].as_str().unwrap();
        let from = request.from.as_ref();
        let matches = |value: &str| match key {
            "source.principal" => self.principal(value, from),
            "source.namespace" => namespace(value, from),
            "source.serviceAccount" => account(value, policy, from),
            "source.trustDomain" => self.trust_domain(value, from),
            "source.ip" | "remote.ip" | "destination.ip" => block(key, value, world),
            "destination.port" => value == request.port.to_string(),
            _ => attribute(key, value, world),
        };
        holds(
            &texts(one.get("values")),
            &texts(one.get("notValues")),
            &matches,
        )
    }

    fn principal(&self, value: &str, from: Option<&Identity>) -> bool {
        let Some((domain, namespace, account)) = from else {
            return false;
        };
        let own = format!("{domain}/ns/{namespace}/sa/{account}");
        // An identity of the mesh's own trust domain is also one of each alias, where a policy
        // writes a trust domain out.
        let spelt: Vec<&str> = value.split('/').collect();
        let is_own = |domain: &str| self.trust_domains.iter().any(|own| own == domain);
        if let [written, rest @ ..] = spelt.as_slice()
            && rest.len() == 4
            && (is_own(written) || *written == "cluster.local")
        {
            return is_own(domain) && rest.join("/") == format!("ns/{namespace}/sa/{account}");
        }
        text(value, &own)
    }

    fn trust_domain(&self, value: &str, from: Option<&Identity>) -> bool {
        let Some((domain, ..)) = from else {
            return false;
        };
        let own = &self.trust_domains;
        text(value, domain) || (own.iter().any(|own| own == value) && own.contains(domain))
    }
}

fn selects(policy: &Value, to: &Workload) -> bool {
    let namespace = policy.pointer("/metadata/namespace");
    let namespace = namespace.and_then(Value::as_str).unwrap_or("default");
    if namespace != to.namespace && namespace != ROOT {
        return false;
    }
    // Gateways and waypoints are none of the workloads here.
    if policy.pointer("/spec/targetRefs").is_some() || policy.pointer("/spec/targetRef").is_some() {
        return false;
    }
    let labels = policy.pointer("/spec/selector/matchLabels");
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    labels
        .into_iter()
        .all(|(key, value)| to.labels.get(key).map(String::as_str) == value.as_str())
}

fn operation(to: &Value, request: &Request, world: &World) -> bool {
    let Some(operation) = to.get("operation") else {
        return true;
    };
    let test = |name: &str, not_name: &str, matches: &dyn Fn(&str) -> bool| {
        holds(
            &texts(operation.get(name)),
            &texts(operation.get(not_name)),
            matches,
        )
    };
    test("methods", "notMethods", &|value| {
        text(value, &request.method)
    }) && test("ports", "notPorts", &|value| {
        value == request.port.to_string()
    }) && test("paths", "notPaths", &|value| path(value, &request.path))
        && test("hosts", "notHosts", &|value| {
            attribute("host", value, world)
        })
}

/// At least one of the values, if there are any, and none of the others.
fn holds(values: &[String], not_values: &[String], matches: &dyn Fn(&str) -> bool) -> bool {
    (values.is_empty() || values.iter().any(|value| matches(value)))
        && !not_values.iter().any(|value| matches(value))
}

fn namespace(value: &str, from: Option<&Identity>) -> bool {
    from.is_some_and(|(_, namespace, _)| text(value, namespace))
}

fn account(value: &str, policy: &Value, from: Option<&Identity>) -> bool {
    let own = policy.pointer("/metadata/namespace");
    let own = own.and_then(Value::as_str).unwrap_or("default");
    let (wanted_namespace, wanted) = value.split_once('/').unwrap_or((own, value));
    from.is_some_and(|(_, namespace, account)| namespace == wanted_namespace && account == wanted)
}

fn attribute(name: &str, value: &str, world: &World) -> bool {
    let own = world.attributes.get(name);
    own.is_some_and(|own| text(value, own))
}

/// Exact, prefix, suffix, presence.
fn text(pattern: &str, value: &str) -> bool {
    match (
        pattern,
        pattern.strip_prefix('*'),
        pattern.strip_suffix('*'),
    ) {
        ("*", ..) => !value.is_empty(),
        (_, Some(end), _) => value.ends_with(end),
        (_, None, Some(start)) => value.starts_with(start),
        (_, None, None) => value == pattern,
    }
}

fn path(pattern: &str, value: &str) -> bool {
    if pattern.contains("{*}") || pattern.contains("{**}") {
        template(pattern, value)
    } else {
        text(pattern, value)
    }
}

/// `{*}` is one segment that is not empty, `{**}` any text.
fn template(pattern: &str, value: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("{**}") {
        let ends = (0..=value.len()).filter(|end| value.is_char_boundary(*end));
        return ends.into_iter().any(|end| template(rest, &value[end..]));
    }
    if let Some(rest) = pattern.strip_prefix("{*}") {
        let end = value.find('/').unwrap_or(value.len());
        return end > 0 && template(rest, &value[end..]);
    }
    match (pattern.chars().next(), value.chars().next()) {
        (None, None) => true,
        (Some(a), Some(b)) if a == b => template(&pattern[a.len_utf8()..], &value[b.len_utf8()..]),
        _ => false,
    }
}

/// An IPv4 address or a block whose length is a multiple of eight.
fn block(name: &str, value: &str, world: &World) -> bool {
    let Some(own) = world.attributes.get(name) else {
        return false;
    };
    let (base, length) = value.split_once('/').unwrap_or((value, "32"));
    let bytes: usize = length.parse::<usize>().unwrap() / 8;
    let parts = |text: &str| {
        text.split('.')
            .take(bytes)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    parts(base) == parts(own)
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let values = list(value).iter();
    values
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}
