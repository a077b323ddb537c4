//! What contradicts `postQuantumAuth` in the files around it: mutual TLS that is switched off, ports
//! and proxies that the filter does not see, key exchanges and plugins that weaken it, and flows whose
//! callers can never bring what it asks.

mod flows;
mod key_exchange;
mod peer_authentication;
mod plugins;
mod ports;
mod proxies;

use std::cmp::Reverse;

use sallyport_engine::policy::raw::PostQuantumAuth;
use serde_json::Value;

use super::MeshSettings;
use crate::finding::Finding;
use crate::manifests::{Manifests, Object};
use crate::policy_file::LoadedPolicy;

/// Everything that contradicts what the mesh asks, the gravest first. Nothing, where it asks for
/// nothing.
#[must_use]
pub fn contradictions(
    settings: &MeshSettings,
    loaded: Option<&LoadedPolicy>,
    manifests: &Manifests,
) -> Vec<Finding> {
    let effective = match loaded {
        None => Ok(settings.asked().cloned()),
        Some(loaded) => settings
            .effective(&loaded.document)
            .map_err(|finding| loaded.locate(vec![finding])),
    };
    let asked = match effective {
        Ok(Some(asked)) => asked,
        Ok(None) => return Vec::new(),
        Err(findings) => return findings,
    };
    let scene = Scene {
        settings,
        asked: &asked,
        manifests,
    };
    let mut findings = peer_authentication::findings(&scene);
    findings.extend(ports::findings(&scene));
    findings.extend(key_exchange::findings(&scene));
    findings.extend(proxies::findings(&scene));
    findings.extend(plugins::findings(&scene));
    findings.extend(
        loaded
            .iter()
            .flat_map(|loaded| flows::findings(&scene, loaded)),
    );
    findings.sort_by_key(|finding| Reverse(finding.severity));
    findings
}

/// What the mesh asks, and what there is around it.
struct Scene<'a> {
    settings: &'a MeshSettings,
    asked: &'a PostQuantumAuth,
    manifests: &'a Manifests,
}

impl<'a> Scene<'a> {
    /// Objects that are not in an exempt namespace.
    fn objects(&self) -> impl Iterator<Item = &'a Object> {
        let asked = self.asked;
        self.manifests.objects.iter().filter(move |object| {
            let namespace = object.namespace.as_deref();
            !namespace.is_some_and(|own| asked.exempt_namespaces().any(|name| name == own))
        })
    }

    /// Objects of a kind of these, by API group.
    fn of(&self, group: &'static str, kind: &'static str) -> impl Iterator<Item = &'a Object> {
        self.objects().filter(move |object| object.is(group, kind))
    }

    /// The namespace whose resources hold for the mesh.
    fn root_namespace(&self) -> &'a str {
        let written = self.settings.mesh.value.get("rootNamespace");
        written.and_then(Value::as_str).unwrap_or("istio-system")
    }

    fn exempts(&self, namespace: &str) -> bool {
        self.asked.exempt_namespaces().any(|name| name == namespace)
    }
}

#[cfg(test)]
mod tests;
