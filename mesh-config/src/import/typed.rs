//! An AuthorizationPolicy as Istio's API types it. Whatever else stands there, Kubernetes would
//! refuse.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Spec {
    pub(super) selector: Option<Selector>,
    pub(super) target_ref: Option<TargetRef>,
    pub(super) target_refs: Option<Vec<TargetRef>>,
    pub(super) action: Option<Action>,
    pub(super) provider: Option<Provider>,
    pub(super) rules: Option<Vec<Rule>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Action {
    #[default]
    Allow,
    Deny,
    Audit,
    Custom,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Selector {
    pub(super) match_labels: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read to be sure of the form")]
pub(super) struct TargetRef {
    #[serde(default)]
    group: Option<String>,
    kind: String,
    name: String,
    #[serde(default)]
    namespace: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to be sure of the form")]
pub(super) struct Provider {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rule {
    pub(super) from: Option<Vec<From>>,
    pub(super) to: Option<Vec<To>>,
    pub(super) when: Option<Vec<Condition>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct From {
    pub(super) source: Option<Source>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct To {
    pub(super) operation: Option<Operation>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Source {
    pub(super) principals: Vec<String>,
    pub(super) not_principals: Vec<String>,
    pub(super) request_principals: Vec<String>,
    pub(super) not_request_principals: Vec<String>,
    pub(super) namespaces: Vec<String>,
    pub(super) not_namespaces: Vec<String>,
    pub(super) service_accounts: Vec<String>,
    pub(super) not_service_accounts: Vec<String>,
    pub(super) trust_domains: Vec<String>,
    pub(super) not_trust_domains: Vec<String>,
    pub(super) ip_blocks: Vec<String>,
    pub(super) not_ip_blocks: Vec<String>,
    pub(super) remote_ip_blocks: Vec<String>,
    pub(super) not_remote_ip_blocks: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Operation {
    pub(super) hosts: Vec<String>,
    pub(super) not_hosts: Vec<String>,
    pub(super) ports: Vec<String>,
    pub(super) not_ports: Vec<String>,
    pub(super) methods: Vec<String>,
    pub(super) not_methods: Vec<String>,
    pub(super) paths: Vec<String>,
    pub(super) not_paths: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Condition {
    pub(super) key: String,
    #[serde(default)]
    pub(super) values: Vec<String>,
    #[serde(default)]
    pub(super) not_values: Vec<String>,
}
