//! Segments of two documents: whom and what the policy is about at all.

use std::collections::BTreeSet;

use sallyport_engine::policy::raw::{Segment, Spec};

use super::super::Effect;
use super::{Changes, named};

impl Changes {
    pub(super) fn segments(&mut self, old: &Spec, new: &Spec) {
        let removal = removal(old, new);
        let old_segments = named(&old.segments, |segment: &Segment| &segment.name);
        let new_segments = named(&new.segments, |segment: &Segment| &segment.name);
        for (name, segment) in &new_segments {
            let part = format!("segment {name}");
            match old_segments.get(name) {
                // By itself a segment lets nothing pass; its flows do.
                None => self.add(Effect::ReasonOnly, &part, "added".to_owned()),
                Some(before) => {
                    let (were, are) = (workloads(old, before), workloads(new, segment));
                    self.set_with(&part, "workloads", &were, &are, removal);
                    if (before.callers, &before.trust) != (segment.callers, &segment.trust) {
                        let text = "other numbers of trust, or kind of callers".to_owned();
                        self.add(Effect::Widening, &part, text);
                    }
                }
            }
        }
        for name in old_segments
            .keys()
            .filter(|name| !new_segments.contains_key(*name))
        {
            let part = format!("segment {name}");
            // Its workloads are called by nobody that is known, or belong to others now.
            let effect = match removal {
                Effect::Widening => Effect::Widening,
                Effect::Narrowing | Effect::ReasonOnly => Effect::ReasonOnly,
            };
            self.add(effect, &part, "removed".to_owned());
        }
        self.namespaces(old, new);
    }

    /// Only namespaces of segments get a filter: in others everything passes.
    fn namespaces(&mut self, old: &Spec, new: &Spec) {
        let covered = |spec: &Spec| -> BTreeSet<String> {
            let segments = spec.segments.iter();
            let namespaces = segments.flat_map(|segment| &segment.namespaces);
            namespaces.cloned().collect()
        };
        for namespace in covered(old).difference(&covered(new)) {
            let text = format!("is in no segment any more, so `{namespace}` gets no filter");
            self.add(Effect::Widening, &format!("namespace {namespace}"), text);
        }
    }
}

/// What it does when a trust domain or a workload goes. Less passes where the policy enforces. Where it
/// only reports, a flow may have refused what belongs to no flow then, and passes.
pub(super) fn removal(old: &Spec, new: &Spec) -> Effect {
    use sallyport_engine::policy::Mode::{Enforce, Shadow};
    let mut flows = old.flows.iter();
    let refused = old.mode == Enforce || flows.any(|flow| flow.mode == Some(Enforce));
    match new.mode {
        Shadow if refused => Effect::Widening,
        Shadow | Enforce => Effect::Narrowing,
    }
}

/// The workloads of a segment, each as trust domain, namespace and service account.
fn workloads(spec: &Spec, segment: &Segment) -> BTreeSet<String> {
    let domains = segment
        .trust_domains
        .as_ref()
        .unwrap_or(&spec.trust_domains);
    let any = ["*".to_owned()];
    let accounts = segment.service_accounts.as_deref().unwrap_or(&any);
    let mut all = BTreeSet::new();
    for domain in domains {
        for namespace in &segment.namespaces {
            let names = accounts.iter();
            all.extend(names.map(|account| format!("{domain}/ns/{namespace}/sa/{account}")));
        }
    }
    all
}
