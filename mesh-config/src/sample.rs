//! Identities and requests that stand for all of their kind.

use sallyport_engine::identity::SpiffeId;
use sallyport_engine::policy::raw::{Segment, Spec};

/// Workloads of a segment: one for each of its trust domains, namespaces and service accounts. Of a
/// segment with all service accounts it is the one called `default`, which each namespace has.
pub fn members<'a>(spec: &'a Spec, segment: &'a Segment) -> impl Iterator<Item = SpiffeId> + 'a {
    let domains = segment
        .trust_domains
        .as_ref()
        .unwrap_or(&spec.trust_domains);
    let accounts = move || {
        let named = segment
            .service_accounts
            .iter()
            .flatten()
            .map(String::as_str);
        named.chain(segment.service_accounts.is_none().then_some("default"))
    };
    let places = domains.iter().flat_map(|domain| {
        let namespaces = segment.namespaces.iter();
        namespaces.map(move |namespace| (domain, namespace))
    });
    places.flat_map(move |(domain, namespace)| {
        accounts().filter_map(move |account| {
            match format!("spiffe://{domain}/ns/{namespace}/sa/{account}").parse() {
                Ok(identity) => Some(identity),
                Err(_) => None,
            }
        })
    })
}
