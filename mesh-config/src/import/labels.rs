//! Labels of pods, and the selectors of policies.

use std::collections::BTreeMap;

use super::pattern::Match;

/// Labels, or those that a selector asks for.
pub(super) type Labels = BTreeMap<String, String>;

/// Whether pods whose template has these labels meet a selector. Pods get more labels than their
/// template has: from Kubernetes, and from Istio when it injects the sidecar.
pub(super) fn meets(labels: &Labels, wanted: &Labels) -> Match {
    let met = wanted.iter().map(|(key, value)| match labels.get(key) {
        Some(own) => Match::from(own == value),
        None if is_given_at_run_time(key) => Match::Maybe,
        None => Match::No,
    });
    met.min().unwrap_or(Match::Yes)
}

fn is_given_at_run_time(key: &str) -> bool {
    match key.split_once('/') {
        Some((domain, _)) => DOMAINS.iter().any(|own| {
            let rest = domain.strip_suffix(own);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        }),
        None => PLAIN.contains(&key),
    }
}

const DOMAINS: [&str; 3] = ["istio.io", "kubernetes.io", "k8s.io"];

/// Of Deployments, StatefulSets, DaemonSets and Jobs.
const PLAIN: [&str; 5] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "controller-uid",
    "job-name",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_not_in_the_template_may_come_later() {
        let own = labels(&[("app", "web"), ("topology.kubernetes.io/zone", "a")]);
        for (wanted, expected) in [
            (&[][..], Match::Yes),
            (&[("app", "web")], Match::Yes),
            (&[("app", "db")], Match::No),
            (&[("tier", "x")], Match::No),
            (&[("service.istio.io/canonical-name", "web")], Match::Maybe),
            (
                &[("statefulset.kubernetes.io/pod-name", "web-0")],
                Match::Maybe,
            ),
            (&[("pod-template-hash", "1")], Match::Maybe),
            (&[("topology.kubernetes.io/zone", "b")], Match::No),
            (&[("app", "db"), ("istio.io/rev", "x")], Match::No),
            (&[("notistio.io/rev", "x")], Match::No),
        ] {
            assert_eq!(meets(&own, &labels(wanted)), expected, "{wanted:?}");
        }
    }
}
