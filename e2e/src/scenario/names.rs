//! Other names for the corpus' trust domain and for the namespace of the workload that is called.

use crate::world::TRUST_DOMAIN;

/// What stands in the place of names in scenarios and their policies. On a mesh, the namespace
/// `inference` belongs to another workload, and each scenario has a trust domain of its own: what a
/// sidecar holds against callers of one means nothing to the next.
#[derive(Debug, Clone, Default)]
pub struct Names(Option<Other>);

#[derive(Debug, Clone)]
struct Other {
    trust_domain: String,
    namespace: String,
}

impl Names {
    /// Other names than the files'.
    #[must_use]
    pub fn other(trust_domain: &str, namespace: &str) -> Self {
        Self(Some(Other {
            trust_domain: trust_domain.to_owned(),
            namespace: namespace.to_owned(),
        }))
    }

    /// A text with these names.
    pub(super) fn put_into(&self, text: &str) -> String {
        match &self.0 {
            None => text.to_owned(),
            Some(Other {
                trust_domain,
                namespace,
            }) => text
                .replace(TRUST_DOMAIN, trust_domain)
                .replace(NAMESPACE, namespace),
        }
    }
}

/// Of the called workload; its segment has the same name.
const NAMESPACE: &str = "inference";

#[cfg(test)]
mod tests {
    use crate::scenario::{Names, Scenario};

    #[test]
    fn nothing_is_left_of_the_names_in_the_files() {
        let names = Names::other("d1.example", "called");
        for path in Scenario::corpus().unwrap() {
            let scenario = Scenario::load_with(&path, &names).unwrap();
            let policy = serde_json::to_string(&scenario.policy.load().unwrap()).unwrap();
            for text in [format!("{scenario:?}"), policy] {
                assert!(!text.contains("cluster.local"), "{}: {text}", scenario.name);
            }
            assert!(
                scenario
                    .workload
                    .starts_with("spiffe://d1.example/ns/called/sa/"),
                "{}",
                scenario.workload
            );
        }
    }
}
