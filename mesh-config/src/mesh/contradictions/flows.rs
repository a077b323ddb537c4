//! Flows whose callers can never bring what the mesh asks, and flows that say less.

use sallyport_engine::identity::Assurance;
use sallyport_engine::policy::raw::{Flow, Segment, Spec};

use super::Scene;
use crate::finding::{Code, Finding};
use crate::lint::hybrid_authorities;
use crate::policy_file::LoadedPolicy;

pub(super) fn findings(scene: &Scene<'_>, loaded: &LoadedPolicy) -> Vec<Finding> {
    let spec = &loaded.document.spec;
    let flows = spec.flows.iter().enumerate();
    let asked = flows.filter(|(_, flow)| asks(scene, spec, flow));
    let mut findings = Vec::new();
    for (number, flow) in asked {
        let path = format!("spec.flows[{number}]");
        findings.extend(classical_callers(spec, flow, &path));
        findings.extend(lower(scene, flow, &path));
    }
    loaded.locate(findings)
}

/// Whether some of the called workloads ask.
fn asks(scene: &Scene<'_>, spec: &Spec, flow: &Flow) -> bool {
    let called = spec.segments.iter().find(|segment| segment.name == flow.to);
    called.is_some_and(|segment| segment.namespaces.iter().any(|name| !scene.exempts(name)))
}

fn classical_callers(spec: &Spec, flow: &Flow, path: &str) -> Vec<Finding> {
    let segments = flow.from.iter().enumerate();
    let classical = segments.filter(|(_, name)| {
        let segment = spec.segments.iter().find(|segment| segment.name == **name);
        segment.is_some_and(|segment| !can_be_hybrid(spec, segment))
    });
    classical
        .map(|(number, name)| {
            let message = format!(
                "no authority of segment `{name}` has an ML-DSA key, so its callers never bring \
                 what `postQuantumAuth` asks of flow `{}`",
                flow.name
            );
            Finding::new(
                Code::ClassicalCallers,
                format!("{path}.from[{number}]"),
                message,
            )
            .with_hint("pin the ML-DSA key of their authority, or make the called namespace exempt")
        })
        .collect()
}

fn can_be_hybrid(spec: &Spec, segment: &Segment) -> bool {
    let domains = segment
        .trust_domains
        .as_ref()
        .unwrap_or(&spec.trust_domains);
    hybrid_authorities(spec).any(|(domain, _)| domains.iter().any(|known| known == domain))
}

fn lower(scene: &Scene<'_>, flow: &Flow, path: &str) -> Option<Finding> {
    let own = flow.minimum_assurance?;
    let floor = Assurance::from(scene.asked.minimum_assurance());
    (Assurance::from(own) < floor).then(|| {
        let message = format!(
            "flow `{}` says {}, and `postQuantumAuth` asks for {}: the higher one counts",
            flow.name,
            Assurance::from(own).as_str(),
            floor.as_str()
        );
        Finding::new(
            Code::FloorBelowMesh,
            format!("{path}.minimumAssurance"),
            message,
        )
        .with_hint("leave it out, or make the called namespace exempt")
    })
}
