//! Which callers a clause means.

use super::clause::{Attribute, CallerTest, Clause, Test};
use super::mesh::CLUSTER_LOCAL;
use super::pattern::{Match, Pattern};

/// An identity that may call, or all those of a namespace that nobody named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Caller {
    pub(super) trust_domain: String,
    pub(super) namespace: String,
    /// `None`: the service accounts that are not known by name.
    pub(super) account: Option<String>,
}

impl Clause {
    /// Whether it means this caller, as far as that can be said.
    pub(super) fn means(&self, caller: &Caller, own_domains: &[String]) -> Match {
        let tests = self.callers.iter();
        let identity = tests.map(|test| test.holds(caller, own_domains)).min();
        let rest = if self.unsaid.is_empty() {
            Match::Yes
        } else {
            Match::Maybe
        };
        identity.unwrap_or(Match::Yes).min(rest)
    }

    /// Whether it also means callers that nobody can list: without identity, or of namespaces that
    /// are not known.
    pub(super) fn means_unlisted(&self) -> bool {
        let is_open = |value: &String| value.contains('*');
        let mut tests = self.callers.iter();
        tests.all(|CallerTest { attribute, test }| {
            *attribute == Attribute::TrustDomain
                || test.values.is_empty()
                || test.values.iter().any(is_open)
        })
    }
}

impl CallerTest {
    fn holds(&self, caller: &Caller, own_domains: &[String]) -> Match {
        let matches = |value: &String| self.attribute.matches(value, caller, own_domains);
        let Test { values, not_values } = &self.test;
        let positive = if values.is_empty() {
            Match::Yes
        } else {
            values.iter().map(matches).max().unwrap_or(Match::No)
        };
        let negative = not_values.iter().map(matches).max().unwrap_or(Match::No);
        positive.min(negative.not())
    }
}

impl Attribute {
    fn matches(self, value: &str, caller: &Caller, own_domains: &[String]) -> Match {
        match self {
            Self::Principal => {
                let principals = with_aliases(value, own_domains).into_iter();
                let matches = principals.map(|value| principal(&value, caller));
                matches.max().unwrap_or(Match::No)
            }
            Self::Namespace => namespace(value, &caller.namespace),
            Self::ServiceAccount => match &caller.account {
                Some(account) => {
                    let own = format!("{}/{account}", caller.namespace);
                    expression(value, |value| own == value)
                }
                None if is_expression(value) => Match::Maybe,
                // Whatever a policy names is known by name.
                None => Match::No,
            },
            Self::TrustDomain => {
                let is_own = |domain: &str| own_domains.iter().any(|own| own == domain);
                Match::from(
                    Pattern::parse(value).matches(&caller.trust_domain)
                        || (is_own(value) && is_own(&caller.trust_domain)),
                )
            }
        }
    }
}

/// A principal with each trust domain that it stands for. The aliases of a trust domain are equal to
/// it, if the principal is written out in full.
fn with_aliases(principal: &str, own_domains: &[String]) -> Vec<String> {
    let as_it_is = vec![principal.to_owned()];
    let Some((domain, rest)) = principal.split_once('/') else {
        return as_it_is;
    };
    if domain == "*" || rest.split('/').count() != 4 {
        return as_it_is;
    }
    let pattern = Pattern::parse(domain);
    if domain != CLUSTER_LOCAL && !own_domains.iter().any(|own| pattern.matches(own)) {
        return as_it_is;
    }
    let own = own_domains.iter();
    own.map(|own| {
        // A star at the front stays what it is; whatever else meets the trust domain becomes it.
        if matches!(pattern, Pattern::Suffix(_)) && pattern.matches(own) {
            principal.to_owned()
        } else {
            format!("{own}/{rest}")
        }
    })
    .collect()
}

fn principal(value: &str, caller: &Caller) -> Match {
    let pattern = Pattern::parse(value);
    let Caller {
        trust_domain,
        namespace,
        account,
    } = caller;
    let base = format!("{trust_domain}/ns/{namespace}/sa/");
    if let Some(account) = account {
        let identity = format!("{base}{account}");
        if let Pattern::Suffix(rest) = &pattern {
            return expression(rest, |rest| identity.ends_with(rest));
        }
        return pattern.matches(&identity).into();
    }
    if matches!(&pattern, Pattern::Suffix(rest) if is_expression(rest)) {
        return Match::Maybe;
    }
    match pattern {
        Pattern::Any => Match::Yes,
        // Whatever a policy names is known by name.
        Pattern::Exact(_) => Match::No,
        Pattern::Prefix(text) if base.starts_with(&text) => Match::Yes,
        Pattern::Prefix(text) if text.starts_with(&base) => Match::Maybe,
        Pattern::Prefix(_) => Match::No,
        Pattern::Suffix(text) => match text.rfind('/') {
            None => Match::Maybe,
            Some(slash) => {
                let head = text.get(..=slash).unwrap_or_default();
                if base.ends_with(head) {
                    Match::Maybe
                } else {
                    Match::No
                }
            }
        },
    }
}

/// Istio puts the value into a regular expression, `.*/ns/<value>/.*`, with `.*` for the star.
fn namespace(value: &str, namespace: &str) -> Match {
    if Pattern::parse(value).matches(namespace) {
        return Match::Yes;
    }
    match Pattern::parse(value) {
        Pattern::Exact(text) | Pattern::Prefix(text) | Pattern::Suffix(text)
            if is_expression(&text) =>
        {
            Match::Maybe
        }
        // The star may span the end of the namespace, and `/sa` behind it.
        Pattern::Suffix(text) if "/sa".ends_with(&text) => Match::Maybe,
        Pattern::Any | Pattern::Exact(_) | Pattern::Prefix(_) | Pattern::Suffix(_) => Match::No,
    }
}

/// Istio puts some values into a regular expression as they are. One that has characters with a
/// meaning there may match what its text does not.
fn expression(value: &str, matches: impl Fn(&str) -> bool) -> Match {
    if !is_expression(value) {
        return matches(value).into();
    }
    // A dot is the only one that also matches itself.
    if !value.replace('.', "").contains(EXPRESSION) && matches(value) {
        Match::Yes
    } else {
        Match::Maybe
    }
}

/// Whether a text is more than itself as a regular expression. A star in the middle of a value is none
/// of the documented patterns.
fn is_expression(text: &str) -> bool {
    text.contains(EXPRESSION)
}

const EXPRESSION: [char; 14] = [
    '.', '*', '+', '?', '(', ')', '[', ']', '{', '}', '|', '^', '$', '\\',
];

#[cfg(test)]
mod tests;
