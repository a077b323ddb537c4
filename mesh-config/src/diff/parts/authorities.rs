//! Authorities of two documents: whose signatures count.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_engine::policy::raw::Spec;

use super::super::Effect;
use super::{Changes, json};

impl Changes {
    pub(super) fn authorities(&mut self, old: &Spec, new: &Spec) {
        let (before, after) = (entries(old), entries(new));
        for (name, entry) in &after {
            let part = format!("authority {name}");
            let text = match before.get(name) {
                None => "added",
                Some(other) if other != entry => "another key, name or time",
                Some(_) => continue,
            };
            self.add(Effect::Widening, &part, text.to_owned());
        }
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            let part = format!("authority {name}");
            self.add(Effect::Narrowing, &part, "removed".to_owned());
        }
        for domain in pinned(old).difference(&pinned(new)) {
            // Of an unknown trust domain no certificate counts at all.
            if new.trust_domains.contains(domain) {
                let text = format!(
                    "no certificate authority of {domain} is pinned any more: \
                     any that Envoy accepts counts"
                );
                self.add(Effect::Widening, "authorities", text);
            }
        }
        let level = |spec: &Spec| {
            let authorities = spec.authorities.as_ref();
            authorities
                .map(|authorities| authorities.minimum_level())
                .unwrap_or_default()
        };
        if level(old) != level(new) {
            let effect = if level(new) < level(old) {
                Effect::Widening
            } else {
                Effect::Narrowing
            };
            let text = format!("{} -> {}", level(old).name(), level(new).name());
            self.add(
                effect,
                "authorities",
                format!("minimumAlternativeLevel: {text}"),
            );
        }
    }
}

/// What each authority says, by its name.
fn entries(spec: &Spec) -> BTreeMap<String, String> {
    let authorities = spec.authorities.iter();
    let entries = authorities.flat_map(|authorities| {
        let certificates = authorities.certificates.iter().flatten();
        let tokens = authorities.tokens.iter().flatten();
        let certificates = certificates.map(|entry| (entry.name.clone(), json(entry)));
        certificates.chain(tokens.map(|entry| (entry.name.clone(), json(entry))))
    });
    entries.collect()
}

/// The trust domains whose certificates must be of a pinned authority.
fn pinned(spec: &Spec) -> BTreeSet<String> {
    let authorities = spec.authorities.iter();
    let certificates =
        authorities.flat_map(|authorities| authorities.certificates.iter().flatten());
    certificates
        .map(|entry| entry.trust_domain.clone())
        .collect()
}
