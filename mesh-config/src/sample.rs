//! Identities and requests that stand for all of their kind.

use sallyport_engine::identity::SpiffeId;
use sallyport_engine::policy::raw::{Segment, Spec};

/// A workload of a segment: of its first trust domain, namespace and service account. A segment with
/// all service accounts of a namespace has the one called `default`, which each namespace has.
#[must_use]
pub fn member(spec: &Spec, segment: &Segment) -> Option<SpiffeId> {
    let domains = segment
        .trust_domains
        .as_ref()
        .unwrap_or(&spec.trust_domains);
    let account = match &segment.service_accounts {
        Some(accounts) => accounts.first()?,
        None => "default",
    };
    let (domain, namespace) = (domains.first()?, segment.namespaces.first()?);
    match format!("spiffe://{domain}/ns/{namespace}/sa/{account}").parse() {
        Ok(identity) => Some(identity),
        Err(_) => None,
    }
}
