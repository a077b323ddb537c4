//! What is allowed in a policy and is probably not meant, as far as it takes a clock, a comparison of
//! parts, or the workloads that there are. What a policy shows by itself is a warning of
//! [`crate::policy_file`].

mod artifacts;
mod authorities;
mod flows;
mod grants;
mod time;
mod workloads;

pub use artifacts::manifests;
pub(crate) use authorities::unpinned;
pub(crate) use flows::hybrid_authorities;
pub use time::break_glass;

use sallyport_engine::time::TimeMs;

use crate::finding::Finding;
use crate::policy_file::LoadedPolicy;
use crate::workloads::Inventory;

/// Looks a valid policy through, as it is at a time, for the workloads if they are known. The gravest findings come first.
#[must_use]
pub fn lint(loaded: &LoadedPolicy, inventory: Option<&Inventory>, now: TimeMs) -> Vec<Finding> {
    let spec = &loaded.document.spec;
    let mut findings = flows::findings(loaded, now);
    findings.extend(authorities::findings(spec, now));
    findings.extend(grants::findings(spec, now));
    findings.extend(artifacts::findings(loaded, now));
    findings.extend(time::findings(spec, now));
    findings.extend(
        inventory
            .iter()
            .flat_map(|known| workloads::findings(loaded, known)),
    );
    let mut findings = loaded.locate(findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

#[cfg(test)]
mod tests;
