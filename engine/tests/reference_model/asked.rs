//! What a mesh asks beside its flows: random settings, and what a naive reader makes of them.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use sallyport_engine::facts::{KeyExchange, PeerValidation};
use sallyport_engine::identity::Assurance;
use sallyport_engine::policy::raw::{PostQuantumAssurance, PostQuantumAuth};
use sallyport_engine::policy::{KeyExchangeRule, Mode};
use sallyport_engine::trust::Behaviour;
use sallyport_engine::verdict::Basis;

use crate::mesh::Case;
use crate::model::{Answer, assurance};

pub(crate) fn settings() -> impl Strategy<Value = PostQuantumAuth> {
    let modes = prop::option::of(select(vec![Mode::Enforce, Mode::Shadow]));
    let floors = prop::option::of(select(vec![
        PostQuantumAssurance::Hybrid,
        PostQuantumAssurance::HybridProven,
    ]));
    let rules = prop::option::of(select(vec![
        KeyExchangeRule::Required,
        KeyExchangeRule::Preferred,
        KeyExchangeRule::Ignored,
    ]));
    let namespaces = subsequence(vec!["edge", "core", "nowhere"], 1..3);
    let exempt = prop::option::weighted(0.3, namespaces);
    (modes, floors, rules, exempt).prop_map(|(mode, minimum_assurance, key_exchange, exempt)| {
        PostQuantumAuth {
            mode,
            minimum_assurance,
            key_exchange,
            exempt_namespaces: exempt.map(|names| names.into_iter().map(String::from).collect()),
        }
    })
}

pub(crate) fn key_exchanges() -> impl Strategy<Value = KeyExchange> {
    select(vec![
        KeyExchange::Hidden,
        KeyExchange::Other,
        KeyExchange::PostQuantum,
        KeyExchange::PostQuantum,
    ])
}

/// Whether the request goes on under this setting, where `without` it the answer is this one.
pub(crate) fn goes_on(setting: &PostQuantumAuth, case: &Case, without: &Answer) -> bool {
    match without.basis {
        None => false,
        Some(Basis::Probe) => true,
        Some(Basis::Flow | Basis::Grant | Basis::Shadow) => {
            setting.mode == Some(Mode::Shadow) || is_exempt(setting, case) || is_met(setting, case)
        }
    }
}

fn is_exempt(setting: &PostQuantumAuth, case: &Case) -> bool {
    let names = setting.exempt_namespaces.iter().flatten();
    let own = case.own.unwrap_or_default();
    names
        .into_iter()
        .any(|name| own.contains(&format!("/ns/{name}/sa/")))
}

fn is_met(setting: &PostQuantumAuth, case: &Case) -> bool {
    let Some(tls) = &case.tls else { return false };
    let Some(source) = tls.source else {
        return false;
    };
    if tls.validation == PeerValidation::Failed || !source.starts_with("spiffe://d.example/") {
        return false;
    }
    let is_required = setting.key_exchange == Some(KeyExchangeRule::Required);
    if is_required && tls.key_exchange != KeyExchange::PostQuantum {
        return false;
    }
    let mut credentials = vec![tls.credential.clone()];
    if case.peer().standing != Behaviour::Isolated {
        credentials.extend(case.token.clone());
    }
    let least = match setting.minimum_assurance {
        Some(PostQuantumAssurance::HybridProven) => Assurance::HybridProven,
        Some(PostQuantumAssurance::Hybrid) | None => Assurance::Hybrid,
    };
    matches!(assurance(&credentials, source), Ok(reached) if reached >= least)
}
