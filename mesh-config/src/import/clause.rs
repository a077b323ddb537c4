//! The clauses of a rule: one of its sources with one of its operations and all of its conditions.
//!
//! What a clause asks for and a MeshTrustPolicy cannot ask for is noted by name.

use std::collections::BTreeSet;

use super::path::PathPattern;
use super::pattern::Pattern;
use super::typed;

/// One source, one operation and the conditions of a rule; all of them must hold.
#[derive(Debug, Default)]
pub(super) struct Clause {
    /// Where it stands: the path of the operation, or else of the source, or else of the rule.
    pub(super) path: String,
    pub(super) callers: Vec<CallerTest>,
    pub(super) methods: Vec<Test<Pattern>>,
    pub(super) ports: Vec<Test<u16>>,
    pub(super) paths: Option<Vec<PathPattern>>,
    pub(super) not_paths: Vec<PathPattern>,
    /// What else it asks for, by name, and where.
    pub(super) unsaid: Vec<Unsaid>,
}

/// Something that a MeshTrustPolicy cannot ask for.
#[derive(Debug, Clone)]
pub(super) struct Unsaid {
    pub(super) path: String,
    pub(super) name: String,
}

/// Values of which one must match, and values of which none may.
#[derive(Debug, Clone)]
pub(super) struct Test<T> {
    pub(super) values: Vec<T>,
    pub(super) not_values: Vec<T>,
}

/// A test of who calls.
#[derive(Debug, Clone)]
pub(super) struct CallerTest {
    pub(super) attribute: Attribute,
    pub(super) test: Test<String>,
}

/// What of the caller's identity is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attribute {
    Principal,
    Namespace,
    /// `<namespace>/<account>`.
    ServiceAccount,
    TrustDomain,
}

/// Where and why Istio refuses something.
pub(super) type Refused = (String, String);

pub(super) fn refused(path: &str, message: impl Into<String>) -> Refused {
    (path.to_owned(), message.into())
}

/// Takes a rule apart.
pub(super) fn clauses(
    rule: &typed::Rule,
    path: &str,
    namespace: &str,
    clauses: &mut Vec<Clause>,
) -> Result<(), Refused> {
    let mut base = Clause::default();
    for (number, condition) in rule.when.iter().flatten().enumerate() {
        let path = format!("{path}.when[{number}]");
        when(condition, &path, namespace, &mut base)?;
    }
    // An absent or empty list asks for nothing.
    let any_source = [typed::From::default()];
    let sources = non_empty(rule.from.as_deref(), &any_source);
    let any_operation = [typed::To::default()];
    let operations = non_empty(rule.to.as_deref(), &any_operation);
    let has = |list: Option<usize>| list.is_some_and(|length| length > 0);
    for (place, from) in sources.iter().enumerate() {
        let from_path = format!("{path}.from[{place}].source");
        for (number, to) in operations.iter().enumerate() {
            let to_path = format!("{path}.to[{number}].operation");
            let mut clause = Clause {
                path: if has(rule.to.as_ref().map(Vec::len)) {
                    to_path.clone()
                } else if has(rule.from.as_ref().map(Vec::len)) {
                    from_path.clone()
                } else {
                    path.to_owned()
                },
                callers: base.callers.clone(),
                ports: base.ports.clone(),
                unsaid: base.unsaid.clone(),
                ..Clause::default()
            };
            if let Some(source) = &from.source {
                self::source(source, &from_path, namespace, &mut clause)?;
            }
            if let Some(operation) = &to.operation {
                self::operation(operation, &to_path, &mut clause)?;
            }
            clauses.push(clause);
        }
    }
    Ok(())
}

fn non_empty<'a, T>(list: Option<&'a [T]>, otherwise: &'a [T]) -> &'a [T] {
    list.filter(|list| !list.is_empty()).unwrap_or(otherwise)
}

fn source(
    source: &typed::Source,
    path: &str,
    namespace: &str,
    clause: &mut Clause,
) -> Result<(), Refused> {
    use Attribute::{Namespace, Principal, ServiceAccount, TrustDomain};
    let accounts = |values| qualified(values, namespace, path);
    for (attribute, values, not_values) in [
        (
            Principal,
            source.principals.clone(),
            source.not_principals.clone(),
        ),
        (
            Namespace,
            source.namespaces.clone(),
            source.not_namespaces.clone(),
        ),
        (
            ServiceAccount,
            accounts(&source.service_accounts)?,
            accounts(&source.not_service_accounts)?,
        ),
        (
            TrustDomain,
            source.trust_domains.clone(),
            source.not_trust_domains.clone(),
        ),
    ] {
        if let Some(test) = test(values, not_values, path)? {
            clause.callers.push(CallerTest { attribute, test });
        }
    }
    for (name, list) in [
        ("requestPrincipals", &source.request_principals),
        ("notRequestPrincipals", &source.not_request_principals),
        ("ipBlocks", &source.ip_blocks),
        ("notIpBlocks", &source.not_ip_blocks),
        ("remoteIpBlocks", &source.remote_ip_blocks),
        ("notRemoteIpBlocks", &source.not_remote_ip_blocks),
    ] {
        clause.note_unsaid(path, name, list);
    }
    Ok(())
}

fn operation(operation: &typed::Operation, path: &str, clause: &mut Clause) -> Result<(), Refused> {
    clause.note_unsaid(path, "hosts", &operation.hosts);
    clause.note_unsaid(path, "notHosts", &operation.not_hosts);
    let (methods, not_methods) = (operation.methods.clone(), operation.not_methods.clone());
    if let Some(test) = test(methods, not_methods, path)? {
        clause.methods.push(Test {
            values: test
                .values
                .iter()
                .map(|text| Pattern::parse(text))
                .collect(),
            not_values: test
                .not_values
                .iter()
                .map(|text| Pattern::parse(text))
                .collect(),
        });
    }
    let (ports, not_ports) = (&operation.ports, &operation.not_ports);
    clause.ports.extend(port_test(ports, not_ports, path)?);
    let patterns = |texts: &[String], key: &str| {
        let mut patterns = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            let pattern = PathPattern::parse(text).filter(|_| !text.is_empty());
            let path = format!("{path}.{key}[{number}]");
            let message = || refused(&path, format!("`{text}` is no path or path template"));
            patterns.push(pattern.ok_or_else(message)?);
        }
        Ok::<_, Refused>(patterns)
    };
    let paths = patterns(&operation.paths, "paths")?;
    clause.paths = Some(paths).filter(|paths| !paths.is_empty());
    clause.not_paths = patterns(&operation.not_paths, "notPaths")?;
    Ok(())
}

/// A condition (`when`). Keys other than these are none of Istio's.
fn when(
    condition: &typed::Condition,
    path: &str,
    namespace: &str,
    clause: &mut Clause,
) -> Result<(), Refused> {
    let (values, not_values) = (&condition.values, &condition.not_values);
    if values.is_empty() && not_values.is_empty() {
        return Err(refused(path, "neither `values` nor `notValues`"));
    }
    let key = condition.key.as_str();
    let mut accounts = (values.clone(), not_values.clone());
    let attribute = match key {
        "source.principal" => Attribute::Principal,
        "source.namespace" => Attribute::Namespace,
        "source.serviceAccount" => {
            accounts = (
                qualified(values, namespace, path)?,
                qualified(not_values, namespace, path)?,
            );
            Attribute::ServiceAccount
        }
        "source.trustDomain" => Attribute::TrustDomain,
        "destination.port" => {
            clause.ports.extend(port_test(values, not_values, path)?);
            return Ok(());
        }
        _ if is_known_key(key) => {
            clause.unsaid.push(Unsaid {
                path: path.to_owned(),
                name: key.to_owned(),
            });
            return Ok(());
        }
        _ => return Err(refused(path, format!("`{key}` is no attribute"))),
    };
    if let Some(test) = test(accounts.0, accounts.1, path)? {
        clause.callers.push(CallerTest { attribute, test });
    }
    Ok(())
}

fn is_known_key(key: &str) -> bool {
    let plain = [
        "source.ip",
        "remote.ip",
        "request.auth.principal",
        "request.auth.audiences",
        "request.auth.presenter",
        "destination.ip",
        "connection.sni",
    ];
    let mapped = ["request.headers", "request.auth.claims", "experimental."];
    plain.contains(&key)
        || (key.ends_with(']') && mapped.iter().any(|start| key.starts_with(start)))
}

/// A test, or none where there are no values at all.
fn test(
    values: Vec<String>,
    not_values: Vec<String>,
    path: &str,
) -> Result<Option<Test<String>>, Refused> {
    if values.iter().chain(&not_values).any(String::is_empty) {
        return Err(refused(path, "a value is empty"));
    }
    let is_any = values.is_empty() && not_values.is_empty();
    Ok((!is_any).then_some(Test { values, not_values }))
}

fn port_test(
    ports: &[String],
    not_ports: &[String],
    path: &str,
) -> Result<Option<Test<u16>>, Refused> {
    let read = |texts: &[String]| {
        let numbers = texts.iter().map(|text| {
            let number = text.parse::<u16>();
            number.map_err(|_| refused(path, format!("`{text}` is no port")))
        });
        numbers.collect::<Result<Vec<u16>, Refused>>()
    };
    let (values, not_values) = (read(ports)?, read(not_ports)?);
    let is_any = values.is_empty() && not_values.is_empty();
    Ok((!is_any).then_some(Test { values, not_values }))
}

/// Service accounts as `<namespace>/<account>`; the policy's own namespace need not be written.
fn qualified(values: &[String], namespace: &str, path: &str) -> Result<Vec<String>, Refused> {
    let qualify = |value: &String| match value.split('/').collect::<Vec<_>>().as_slice() {
        _ if value.contains('*') => Err(refused(path, "a service account with `*`")),
        [_, _] => Ok(value.clone()),
        [_] => Ok(format!("{namespace}/{value}")),
        _ => Err(refused(path, format!("`{value}` is no service account"))),
    };
    values.iter().map(qualify).collect()
}

impl Clause {
    fn note_unsaid(&mut self, path: &str, name: &str, list: &[String]) {
        if !list.is_empty() {
            self.unsaid.push(Unsaid {
                path: format!("{path}.{name}"),
                name: name.to_owned(),
            });
        }
    }

    /// All methods that it names.
    pub(super) fn named_methods(&self) -> BTreeSet<String> {
        let patterns = self.methods.iter();
        let patterns = patterns.flat_map(|test| test.values.iter().chain(&test.not_values));
        let exact = patterns.filter_map(|pattern| match pattern {
            Pattern::Exact(name) => Some(name.clone()),
            Pattern::Any | Pattern::Prefix(_) | Pattern::Suffix(_) => None,
        });
        exact.collect()
    }

    /// All ports that it names.
    pub(super) fn named_ports(&self) -> BTreeSet<u16> {
        let tests = self.ports.iter();
        tests
            .flat_map(|test| test.values.iter().chain(&test.not_values).copied())
            .collect()
    }
}
