//! What would let a denied request pass: a piece of policy, or something else.

use sallyport_engine::identity::SpiffeId;
use sallyport_engine::names::{Method, RequestPath};
use sallyport_engine::policy::Mode;
use sallyport_engine::policy::raw::{Flow, Operation};
use sallyport_engine::reason::DenyReason;

use super::group::{self, Group, Key};
use crate::finding::Printable;
use crate::policy_file::LoadedPolicy;
use crate::recorded::remedy;

/// What to do about the denials of a group.
pub(super) struct Advice {
    pub(super) meaning: Option<&'static str>,
    pub(super) remedy: Option<String>,
    /// A piece of YAML for the policy, with where it belongs.
    pub(super) suggestion: Option<String>,
}

pub(super) fn advice(key: &Key, group: &Group, policy: Option<&LoadedPolicy>) -> Advice {
    let mut reasons = DenyReason::ALL.into_iter();
    let reason = reasons.find(|reason| reason.code() == key.reason);
    let row = reason.map(DenyReason::row);
    let is_missing = matches!(
        reason,
        Some(DenyReason::FlowNotAllowed | DenyReason::OperationNotAllowed)
    );
    Advice {
        meaning: row.map(|row| row.meaning),
        remedy: reason.map(|reason| remedy(reason, key.source.as_deref(), None)),
        suggestion: policy
            .filter(|_| is_missing)
            .and_then(|policy| suggestion(key, group, policy)),
    }
}

fn suggestion(key: &Key, group: &Group, policy: &LoadedPolicy) -> Option<String> {
    let to = key.destination_segment.as_deref()?;
    let Some(from) = segment_of(key, policy) else {
        let source = key.source.as_deref()?;
        return Some(format!(
            "# {} is in no segment: give it one below spec.segments, and then a flow to `{}`",
            Printable(source),
            Printable(to)
        ));
    };
    let operations = operations(group);
    if operations.is_empty() {
        return None;
    }
    let flows = &policy.document.spec.flows;
    let known = flows.iter().enumerate().find(|(_, flow)| {
        let named = key.flow.as_ref().is_none_or(|name| *name == flow.name);
        named && flow.to == to && flow.from.contains(&from)
    });
    if let Some((number, flow)) = known {
        let line = policy.line(&format!("spec.flows[{number}].operations"));
        let line = line.map_or(String::new(), |line| format!(", line {line}"));
        let yaml = yaml(&operations)?;
        return Some(format!(
            "# operations of flow `{}`{line}: add\n{yaml}",
            flow.name
        ));
    }
    let flow = Flow {
        name: format!("{from}-to-{to}"),
        from: vec![from],
        to: to.to_owned(),
        mode: Some(Mode::Shadow),
        minimum_assurance: None,
        minimum_trust: None,
        maximum_uncertainty: None,
        recheck_streams: None,
        requires: None,
        operations,
    };
    let line = policy.line("spec.flows");
    let line = line.map_or(String::new(), |line| format!(", line {line}"));
    Some(format!("# spec.flows{line}: add\n{}", yaml([flow])?))
}

fn segment_of(key: &Key, policy: &LoadedPolicy) -> Option<String> {
    let identity = match key.source.as_deref()?.parse::<SpiffeId>() {
        Ok(identity) => identity,
        Err(_) => return None,
    };
    policy.segment_name(&identity)
}

/// One operation for each method that was seen. Records do not say the port. A caller chooses what it
/// asks for: what would mean more in a policy than the request that was made is left out.
fn operations(group: &Group) -> Vec<Operation> {
    let requests = || {
        let requests = group.requests.iter();
        requests.filter(|(method, path)| is_plain(method, path))
    };
    let paths = |method: &str| {
        let requests = requests().filter(|(seen, _)| seen == method);
        requests.map(|(_, path)| path.clone()).collect()
    };
    let mut methods: Vec<&str> = requests().map(|(method, _)| method.as_str()).collect();
    methods.dedup();
    let operation = |method: &str| Operation {
        methods: vec![method.to_owned()],
        paths: paths(method),
        ports: None,
        when_restricted: None,
    };
    methods.into_iter().map(operation).collect()
}

fn is_plain(method: &str, path: &str) -> bool {
    let rest = path.replace(group::VARIABLE, "x");
    method != "*"
        && Method::parse(method.as_bytes()).is_ok()
        && !rest.contains('*')
        && RequestPath::parse(rest.as_bytes()).is_ok()
}

fn yaml(value: impl serde::Serialize) -> Option<String> {
    match serde_saphyr::to_string(&value) {
        Ok(text) => Some(text.trim_end().to_owned()),
        Err(_) => None,
    }
}
