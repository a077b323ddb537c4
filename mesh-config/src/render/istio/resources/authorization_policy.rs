//! `AuthorizationPolicy` that keeps connections out which no HTTP filter sees.
//!
//! It denies instead of allowing: Istio adds up what several policies allow, so another `ALLOW` would
//! open what those of others close, while a `DENY` can only close.

use std::collections::BTreeSet;

use serde::Serialize;

/// Denials for all workloads of the namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuthorizationPolicy {
    action: &'static str,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Rule {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<To>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct To {
    operation: Operation,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_ports: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_methods: Vec<String>,
}

impl AuthorizationPolicy {
    /// Leaves the `http` ports open to HTTP, the `tcp` ports to any connection, and nothing else.
    #[must_use]
    pub fn closing(http: &BTreeSet<u16>, tcp: &BTreeSet<u16>) -> Self {
        let open: BTreeSet<u16> = http | tcp;
        // A rule without conditions denies everything.
        let mut rules = vec![if open.is_empty() {
            Rule::default()
        } else {
            Rule::of(Operation {
                not_ports: texts(&open),
                ..Operation::default()
            })
        }];
        if !http.is_empty() {
            // Each HTTP request has a method, so this denies none. On connections that are not taken
            // for HTTP Istio leaves conditions about HTTP out of a denial, and the ports remain.
            rules.push(Rule::of(Operation {
                ports: texts(http),
                not_methods: vec!["*".to_owned()],
                ..Operation::default()
            }));
        }
        Self {
            action: "DENY",
            rules,
        }
    }
}

impl Rule {
    fn of(operation: Operation) -> Self {
        Self {
            to: vec![To { operation }],
        }
    }
}

fn texts(ports: &BTreeSet<u16>) -> Vec<String> {
    ports.iter().map(u16::to_string).collect()
}
